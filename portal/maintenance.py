"""What an administrator does to an installation: migrate, back up, restore, and ask what is wrong with it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url

from portal.accounts.models import Account, RoleGrant, UnionUnit
from portal.database import backup_sqlite, db, sqlite, utcnow
from portal.enterprises.models import Enterprise
from portal.households.models import Household
from portal.vault import VaultError
from portal.wishes import shelf
from portal.wishes.lifecycle import HOLDING
from portal.wishes.models import Claim, Posting
from portal.wishes.operations.claiming import overdue

LOWEST_SQLITE = (3, 51, 3)


class RestoreRefused(Exception):
    """A backup that must not be restored; the message says why."""


@dataclass(frozen=True)
class Check:
    """One thing the doctor looked at: good or not, what was found, what to do."""

    good: bool
    what: str
    advice: str = ""


def examine(app: Flask) -> Iterator[Check]:
    """Look an installation over; every check is read-only and says what to do when it is not good."""
    chosen = app.config["PORTAL"]
    for look in (_schema, _engine, _keys, _figures, _counters, _people, _overdue):
        try:
            yield from look(app)
        except Exception as problem:  # the doctor reports what breaks, whatever it is
            yield Check(False, f"{look.__name__[1:]}: {type(problem).__name__}", "先看上面的问题，再重试 · mend what is above first")
    free = shutil.disk_usage(chosen.INSTANCE).free
    yield Check(free > 1_000_000_000, f"disk: {free // 1_000_000} MB free", "腾出磁盘空间 · make room on the disk")
    loose = [path.name for path in Path(chosen.INSTANCE).glob("*") if path.name in ("keys.json", "secret_key") and path.stat().st_mode & 0o077]
    yield Check(not loose, f"files of keys: {'readable by others: ' + ', '.join(loose) if loose else 'private'}", "chmod 600")
    exposed = chosen.HOST not in ("127.0.0.1", "localhost", "::1") and not chosen.HTTPS
    yield Check(
        not exposed,
        f"https: {'off, and listening on ' + chosen.HOST if exposed else 'ok'}",
        "在前面放 HTTPS，并设 PORTAL_HTTPS=1 · put HTTPS in front",
    )


def _schema(app: Flask) -> Iterator[Check]:
    script = ScriptDirectory(app.extensions["migrate"].directory)
    with db.engine.connect() as connection:
        now = MigrationContext.configure(connection).get_current_revision()
    head = script.get_current_head()
    yield Check(now == head, f"schema: {now or 'none'} of {head}", "portal migrate")


def _engine(_app: Flask) -> Iterator[Check]:
    if db.engine.dialect.name != "sqlite":
        version = db.session.scalar(text("show server_version"))
        yield Check(True, f"database: PostgreSQL {version}")
        return
    version = sqlite.sqlite_version_info
    yield Check(version >= LOWEST_SQLITE, f"database: SQLite {sqlite.sqlite_version}", "pip install pysqlite3 (3.51.3 或更新 · or newer)")
    journal, safe = db.session.scalar(text("pragma journal_mode")), db.session.scalar(text("pragma synchronous"))
    yield Check(
        (journal, safe) == ("wal", 2), f"durability: {journal}, synchronous {safe}", "数据库要在本机磁盘上 · the database must lie on a local disk"
    )
    found = db.session.scalar(text("pragma quick_check"))
    yield Check(found == "ok", f"integrity: {found}", "从备份恢复 · restore from the backup")


def _keys(_app: Flask) -> Iterator[Check]:
    row = db.session.scalar(select(Household).order_by(Household.id.desc()).limit(1))
    try:
        readable = row is None or bool(row.name)
    except VaultError:
        readable = False
    yield Check(
        readable, f"keys: {'sealed fields can be read' if readable else 'do not fit the data'}", "放回原来的 keys.json · put the right keys.json back"
    )


def _figures(_app: Flask) -> Iterator[Check]:
    same = shelf.kept(db.session) == shelf.recount(db.session)
    yield Check(same, f"figures: {'agree with a recount' if same else 'differ from a recount'}", "portal recount")


def _counters(_app: Flask) -> Iterator[Check]:
    """What postings and enterprises count of their claims, against the claims themselves."""
    held = select(Claim.posting_id, func.sum(Claim.quantity).label("units")).where(Claim.state.in_(HOLDING)).group_by(Claim.posting_id).subquery()
    postings = select(func.count()).select_from(Posting).outerjoin(held, held.c.posting_id == Posting.id)
    under_way = Claim.state.in_(("active", "ready"))
    mine = select(Claim.enterprise_id, func.sum(Claim.quantity).label("units")).where(under_way).group_by(Claim.enterprise_id).subquery()
    firms = select(func.count()).select_from(Enterprise).outerjoin(mine, mine.c.enterprise_id == Enterprise.id)
    wrong = (db.session.scalar(postings.where(Posting.claimed != func.coalesce(held.c.units, 0))) or 0) + (
        db.session.scalar(firms.where(Enterprise.open_claims != func.coalesce(mine.c.units, 0))) or 0
    )
    advice = "用备份恢复，并告诉维护者 · restore a backup and tell the maintainer"
    yield Check(not wrong, f"counters: {wrong or 'none'} differ from the claims", advice)


def _people(_app: Flask) -> Iterator[Check]:
    for role in ("admin", "reviewer", "clerk"):
        count = db.session.scalar(select(func.count()).select_from(RoleGrant).join(Account).where(RoleGrant.role == role, Account.active))
        yield Check(bool(count), f"accounts: {count} × {role}", "portal account add")
    units = db.session.scalar(select(func.count()).select_from(UnionUnit))
    yield Check(bool(units), f"units: {units}", "portal unit add")


def _overdue(_app: Flask) -> Iterator[Check]:
    late = len(overdue(utcnow() - timedelta(days=1)))
    yield Check(not late, f"clock: {late} claims overdue for a day", "portal lapse，或让服务器一直运行 · or keep the server running")


# -- backup -------------------------------------------------------------------------------------------------------------------------


def backup(app: Flask, target: Path, say: Callable[[str], None]) -> Path:
    """One .tar.gz with the database and a manifest with its checksum, mode 0600; the keys are not in it and must be kept elsewhere."""
    say("copying the database")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        dump = Path(folder) / "database"
        if db.engine.dialect.name == "sqlite":
            backup_sqlite(Path(str(db.engine.url.database)), dump)
        else:
            _run(["pg_dump", "--format=custom", f"--file={dump}", _plain_url()])
        digest = _digest(dump)
        manifest = {"made": utcnow().isoformat(), "engine": db.engine.dialect.name, "sha256": digest, "schema": _revision()}
        say("packing")
        draft = target.with_name(f".{target.name}.part")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz") as archive:
                archive.add(dump, "database")
                entry = tarfile.TarInfo("manifest.json")
                body = json.dumps(manifest, indent=1).encode()
                entry.size = len(body)
                archive.addfile(entry, io.BytesIO(body))
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(target)
    return target


def restore(app: Flask, source: Path, say: Callable[[str], None]) -> None:
    """Put a backup in place of the database. The server must be stopped. RestoreRefused for a damaged file or another engine."""
    with tempfile.TemporaryDirectory(dir=Path(app.config["PORTAL"].INSTANCE)) as folder:
        manifest, dump = _unpack(source, Path(folder))
        if manifest["engine"] != db.engine.dialect.name:
            raise RestoreRefused(f"the backup is of {manifest['engine']}, this installation is on {db.engine.dialect.name}")
        say("restoring")
        if db.engine.dialect.name == "sqlite":
            db.session.remove()
            db.engine.dispose()
            place = Path(str(db.engine.url.database))
            for rest in ("-wal", "-shm"):
                Path(f"{place}{rest}").unlink(missing_ok=True)
            with open(dump, "rb") as whole:
                os.fsync(whole.fileno())
            os.replace(dump, place)
        else:
            db.session.remove()
            _run(["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", f"--dbname={_plain_url()}", str(dump)])


def _unpack(source: Path, folder: Path) -> tuple[dict[str, str], Path]:
    try:
        with gzip.open(source) as packed:  # to its end, where the checksum of the whole stands; the archive's reader stops before
            while packed.read(1 << 20):
                pass
        with tarfile.open(source, "r:gz") as archive:
            archive.extractall(folder, members=[archive.getmember("database"), archive.getmember("manifest.json")], filter="data")
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        dump = folder / "database"
        if _digest(dump) != manifest["sha256"]:
            raise RestoreRefused("the checksum does not fit: the backup is damaged")
    except (tarfile.TarError, zlib.error, KeyError, ValueError, EOFError, OSError) as problem:
        raise RestoreRefused(f"this is no backup of the portal, or it is damaged ({type(problem).__name__})") from None
    return manifest, dump


def _digest(file: Path) -> str:
    with open(file, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _revision() -> str:
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def _plain_url() -> str:
    return make_url(str(db.engine.url.render_as_string(hide_password=False))).set(drivername="postgresql").render_as_string(hide_password=False)


def _run(command: list[str]) -> None:
    """Run a PostgreSQL tool; its own message when it fails, without the address (it holds the password)."""
    if shutil.which(command[0]) is None:
        raise RestoreRefused(f"{command[0]} is not installed on this machine")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RestoreRefused(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{command[0]} ended with {done.returncode}")
