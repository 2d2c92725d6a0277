"""Care of an installation: backup while people write, restore to equal rows, what is damaged is found, the doctor sees each fault."""

from __future__ import annotations

import os
import random
import tarfile
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import MetaData, select, text

from portal import create_app, maintenance, vault
from portal.accounts.models import Account
from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.maintenance import RestoreRefused, backup, examine, restore
from portal.vault import VaultError
from portal.wishes import shelf
from portal.wishes.models import Posting, Tally
from portal.wishes.operations import claiming
from tests import postgres


def silent(_step: str) -> None:
    """Nobody listens to the progress."""


def rows() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as the database has it now."""
    found = MetaData()
    with db.engine.connect() as connection:
        found.reflect(connection)
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in found.sorted_tables}


@pytest.fixture
def kept(cast: Any, app: Flask, tmp_path, monkeypatch) -> Any:
    """A backup of a database with a story in it: (file, rows at that time)."""
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, postgres.program_folders()), os.environ["PATH"]]))
    cast.delivery(state="confirmed")
    cast.claim(cast.lot(5), 2)
    db.session.rollback()
    try:
        return backup(app, tmp_path / "kept.tar.gz", silent), rows()
    except RestoreRefused as problem:
        if "version mismatch" in str(problem) or "server version" in str(problem):
            pytest.skip("pg_dump here is older than the server")
        raise


def test_a_backup_comes_back_row_for_row(cast, app, kept):
    file, before = kept
    assert before["delivery"]
    cast.delivery(state="confirmed")
    db.session.rollback()
    assert rows() != before
    restore(app, file, silent)
    assert rows() == before
    assert shelf.kept(db.session) == shelf.recount(db.session)


def test_a_backup_is_private_and_holds_no_keys(kept):
    file, _before = kept
    assert file.stat().st_mode & 0o077 == 0
    with tarfile.open(file) as archive:
        assert sorted(archive.getnames()) == ["database", "manifest.json"]
    assert not list(file.parent.glob(".*part")), "no draft is left behind"


def test_a_backup_during_writes_is_of_one_moment(cast, app, tmp_path):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("pg_dump reads one snapshot by itself")
    stop, made = threading.Event(), []
    wish_id = cast.wish().id
    db.session.remove()

    def run() -> None:
        with app.app_context():
            while not stop.is_set():
                row = claiming.claim(db.session.get_one(Posting, wish_id), 1, by=cast.zhao)
                claiming.release(row, "换", by=cast.zhao)
                made.append(1)
            db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while len(made) < 3:
            threading.Event().wait(0.01)
        files = [backup(app, tmp_path / f"{number}.tar.gz", silent) for number in range(3)]
    finally:
        stop.set()
        thread.join(60)
    for file in files:
        restore(app, file, silent)
        assert db.session.scalar(text("pragma integrity_check")) == "ok"
        assert shelf.kept(db.session) == shelf.recount(db.session)
        db.session.remove()


def test_a_changed_bit_is_found_wherever_it_is(kept, tmp_path):
    """What a backup holds is read back as it was, or not at all; a bit of the file's name or time in the packing is nobody's loss."""
    file, _before = kept
    raw, lots = file.read_bytes(), random.Random(7)
    manifest, dump = maintenance._unpack(file, tmp_path)
    whole, found = dump.read_bytes(), 0
    tail = range(len(raw) - 300, len(raw) - 8, 7)  # the manifest, whose words no checksum of the database covers
    for place in [3, 12, 100, len(raw) - 5, *tail, *(lots.randrange(20, len(raw)) for _ in range(60))]:
        damaged = bytearray(raw)
        damaged[place] ^= 1 << lots.randrange(8)
        file.write_bytes(bytes(damaged))
        try:
            again, dump = maintenance._unpack(file, tmp_path)
        except RestoreRefused:
            found += 1
            continue
        assert (again, dump.read_bytes()) == (manifest, whole), f"byte {place} was changed and nothing was said"
    assert found > 50


@pytest.mark.parametrize(
    "damage", [lambda raw: b"", lambda raw: raw[: len(raw) // 2], lambda raw: raw[: len(raw) * 9 // 10], lambda raw: b"hello" * 100], ids="0abc"
)
def test_what_is_no_whole_backup_is_refused_and_changes_nothing(app, kept, damage):
    file, before = kept
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(RestoreRefused, match="damaged"):
        restore(app, file, silent)
    assert rows() == before


def test_a_backup_of_another_engine_is_refused(app, kept, monkeypatch, tmp_path):
    _file, before = kept
    with monkeypatch.context() as patch:
        patch.setattr(maintenance, "_unpack", lambda source, folder: ({"engine": "oracle"}, folder))
        with pytest.raises(RestoreRefused, match="oracle"):
            restore(app, tmp_path / "x", silent)
    assert rows() == before


# -- the doctor ---------------------------------------------------------------------------------------------------------------------


def bad(app: Flask) -> list[str]:
    db.session.rollback()
    return [check.what for check in examine(app) if not check.good]


def test_a_healthy_installation_has_nothing_to_mend(cast, app):
    cast.claim(cast.wish())
    assert bad(app) == []
    assert len(list(examine(app))) >= 9


def _figures(cast: Any, app: Flask) -> None:
    cast.wish()
    db.session.execute(Tally.__table__.update().values(published=Tally.published + 1))


def _schema(cast: Any, app: Flask) -> None:
    db.session.execute(text("update alembic_version set version_num = 'older'"))


def _keys(cast: Any, app: Flask) -> None:
    cast.household()
    db.session.execute(text("update household set name_sealed = id_no_sealed"))


def _people(role: str) -> Callable[[Any, Flask], None]:
    def plant(cast: Any, app: Flask) -> None:
        for account in db.session.scalars(select(Account)):
            if role in account.roles:
                account.active = False

    return plant


def _overdue(cast: Any, app: Flask) -> None:
    row = cast.claim(cast.wish())
    row.ready_by = row.deliver_by = (utcnow() - timedelta(days=3)).date()


def _claimed(cast: Any, app: Flask) -> None:
    """A quota that drifted: no figure of the board shows it."""
    cast.claim(cast.lot(5), 2)
    db.session.execute(Enterprise.__table__.update().values(open_claims=Enterprise.open_claims + 1).where(Enterprise.open_claims > 0))


PLANTED = [
    (_figures, "figures: differ from a recount"), (_schema, "schema: older of"), (_keys, "keys: do not fit the data"),
    (_people("admin"), "accounts: 0 × admin"), (_people("reviewer"), "accounts: 0 × reviewer"), (_people("clerk"), "accounts: 0 × clerk"),
    (_overdue, "clock: 1 claims overdue"), (_claimed, "counters: 1 differ"),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "said"), PLANTED, ids=[said for _plant, said in PLANTED])
def test_the_doctor_sees_each_planted_fault_and_only_that(cast, app, plant, said):
    revision = db.session.scalar(text("select version_num from alembic_version"))
    plant(cast, app)
    db.session.commit()
    try:
        [found] = bad(app)
    finally:
        db.session.rollback()
        db.session.execute(text("update alembic_version set version_num = :revision"), {"revision": revision})
        db.session.commit()
    assert said in found


def test_the_doctor_sees_open_keys_and_a_bare_address(cast, app, make_app, stage):
    file = stage.instance / "secret_key"
    file.write_text("x")
    file.chmod(0o644)
    try:
        assert [what for what in bad(app) if "readable by others: secret_key" in what]
        file.chmod(0o600)
        assert bad(app) == []
    finally:
        file.unlink()
    exposed = make_app(HOST="0.0.0.0")
    with exposed.app_context():
        assert [what for what in bad(exposed) if "listening on 0.0.0.0" in what]
        db.session.remove()


def test_an_old_database_without_its_keys_does_not_start(tmp_path):
    """New keys beside an old database would lock away for good what was sealed with the lost ones."""
    first = create_app({"INSTANCE": str(tmp_path), "DATABASE_URL": ""})
    with first.app_context():
        db.session.execute(text("create table t (n integer)"))
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    keys = tmp_path / "keys.json"
    create_app({"INSTANCE": str(tmp_path), "DATABASE_URL": ""})
    keys.rename(tmp_path / "elsewhere.json")
    with pytest.raises(VaultError, match=r"keys\.json: there is no key file; put it back"):
        create_app({"INSTANCE": str(tmp_path), "DATABASE_URL": ""})
    assert not keys.exists(), "and none was made"
    create_app({"INSTANCE": str(tmp_path), "DATABASE_URL": "", "KEYS_FILE": str(tmp_path / "elsewhere.json")})


@pytest.fixture(autouse=True)
def same_vault() -> Any:
    """An app of a test's own brings its own keys; afterwards the suite's are back."""
    before = vault._installed
    yield
    vault._installed = before


def test_restore_needs_room_to_write_only_in_its_own_folder(app, kept, tmp_path):
    file, _before = kept
    names = set(os.listdir(app.config["PORTAL"].INSTANCE))
    restore(app, file, silent)
    assert set(os.listdir(app.config["PORTAL"].INSTANCE)) - names <= {"portal.sqlite3-wal", "portal.sqlite3-shm", "portal.sqlite3.writer"}
