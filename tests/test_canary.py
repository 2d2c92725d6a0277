"""Nothing personal leaves its place: values planted in every sealed or personal column are looked for wherever outsiders, logs and files are."""

from __future__ import annotations

import io
import json
import logging
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from portal import defences, maintenance
from portal.database import db
from portal.journal import Event
from portal.wishes.delivery_models import Photo
from portal.wishes.operations.delivering import open_photo
from tests.reader import PARTIAL, Reader
from tests.world import PLACES, World

MOST_PAGES, MOST_QUERIES = 300, 4  # of a path with its filters a few are enough
LINKS = re.compile(r"""(?:href|action|hx-get|src)="([^"]*)\"""")
SEALED = {
    "household.name", "household.id_no", "household.phone", "household.address", "household.bank_card", "household.employer", "member.name",
    "member.school", "member.employer", "enterprise.contact_phone", "sign_off.proxy_name", "sign_off.strokes",
}  # fmt: skip
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Crawl:
    """Everything one person can reach by links and the addresses of forms: each answer as text, workbooks unpacked, and each address."""

    def __init__(self, app: Flask, person: str, extra: tuple[str, ...] = ()) -> None:
        self.reader = Reader(app)
        if person != "public":
            self.reader.sign_in(person)
        self.answers: list[tuple[str, str]] = []
        self._go(["/", "/board", "/wishes", "/packs", "/claims", "/company", "/basket", "/no-such-page", *extra])

    def _go(self, waiting: list[str]) -> None:
        seen: set[str] = set()
        queries: Counter[str] = Counter()
        while waiting and len(seen) < MOST_PAGES:
            path = waiting.pop(0)
            bare = path.split("?")[0]
            if path in seen or path.startswith(("/static", "/prefs")) or queries[bare] >= MOST_QUERIES:
                continue
            seen.add(path)
            queries[bare] += 1
            for headers in ({}, PARTIAL):
                response = self.reader.client.get(path, headers=headers)
                body = readable(response)
                self.answers.append((path, f"{body}\n{dict(response.headers)}"))
                waiting += [link for link in self._links(path, body, response) if link not in seen]

    def _links(self, path: str, body: str, response: TestResponse) -> Iterator[str]:
        for link in [*LINKS.findall(body), response.headers.get("Location", "")]:
            parts = urlsplit(link.replace("&amp;", "&"))
            if not parts.netloc and parts.path.startswith("/"):
                yield parts.path + (f"?{parts.query}" if parts.query else "")
            elif not parts.netloc and parts.query and not parts.path:
                yield f"{path.split('?')[0]}?{parts.query}"

    def found(self, values: list[tuple[str, str]]) -> list[str]:
        """(what: where) of every value that stands in an answer or an address."""
        hits = []
        for path, body in self.answers:
            whole = f"{unquote(path)}\n{body}"
            hits += [f"{column} {value!r} at {path}" for column, value in values if value in whole]
        return sorted(set(hits))


def readable(response: TestResponse) -> str:
    """A response as text; a workbook as the text of its parts."""
    raw = response.get_data()
    if raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    return raw.decode("utf-8", "replace")


def planted(world: World, *holders: str, columns: set[str] | None = None) -> list[tuple[str, str]]:
    """The (column, value) planted for these holders."""
    return [(column, value) for holder, column, value in world.secrets if holder in holders and value and (columns is None or column in columns)]


def every_address(world: World, app: Flask) -> tuple[str, ...]:
    """An address for every rule and every thing: what a curious person would try."""
    tried = []
    for rule in app.url_map.iter_rules():
        for things in world.things.values():
            for values in things.values():
                if rule.arguments and rule.arguments <= set(values):
                    tried.append(re.sub(r"<(?:path:)?(\w+)>", lambda match, values=values: values[match[1]], rule.rule))
        if not rule.arguments:
            tried.append(rule.rule)
    return tuple(dict.fromkeys(tried))


@on_sqlite
@pytest.mark.parametrize("person", ["public", "zhao", "sun", "wu"])
def test_outsiders_find_nothing(world_app: Flask, world: World, person: str) -> None:
    crawl = Crawl(world_app, person)
    assert len(crawl.answers) > (20 if person == "public" else 60)
    others = [value for holder in ({"zhao", "sun", "wu", "firms"} - {person}) for value in planted(world, holder)]
    own = {value for _column, value in planted(world, person)}
    forbidden = [*planted(world, *PLACES, "staff"), *(pair for pair in others if pair[1] not in own)]
    assert len(forbidden) > 500
    assert crawl.found(forbidden) == []


@on_sqlite
def test_outsiders_find_nothing_behind_closed_doors(world_app: Flask, world: World) -> None:
    tried = every_address(world, world_app)
    forbidden = planted(world, *PLACES)
    for person in ("public", "zhao"):
        reader = Reader(world_app)
        if person != "public":
            reader.sign_in(person)
        for path in tried:
            body = readable(reader.client.get(path, headers=PARTIAL))
            assert not [value for _column, value in forbidden if value in body], path


@on_sqlite
@pytest.mark.parametrize(("person", "mine"), [("he", "donghu"), ("lin", "luqiao")])
def test_staff_of_another_unit_find_nothing(world_app: Flask, world: World, person: str, mine: str) -> None:
    crawl = Crawl(world_app, person, ("/households", "/postings", "/deliveries", "/station", "/follow", "/follow/export", "/follow/unclaimed"))
    theirs = planted(world, *(place for place in PLACES if place != mine), columns=SEALED)
    assert crawl.found(theirs) == []
    assert crawl.found(planted(world, mine, columns={"household.name"})), "their own names they do see"
    whole = planted(world, mine, columns={"household.id_no", "household.bank_card", "household.phone", "household.address", "member.school"})
    assert crawl.found(whole) == [], "without a look that leaves a trace these are masked for everybody"


@on_sqlite
@pytest.mark.parametrize("person", ["zhou", "gu"])
def test_units_above_see_no_names(world_app: Flask, world: World, person: str) -> None:
    crawl = Crawl(world_app, person, ("/households", "/postings", "/follow", "/follow/export", "/confirm", "/review", "/events"))
    assert crawl.found(planted(world, *PLACES, columns=SEALED - {"sign_off.strokes"})) == []
    assert crawl.found(planted(world, "abroad")) == []


# -- logs, events, addresses ----------------------------------------------------------------------------------------------------------


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(defences.JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@on_sqlite
def test_logs_and_events_name_nobody(world_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = _Lines()
    portal_log = logging.getLogger("portal")
    monkeypatch.setattr(portal_log, "handlers", [kept])
    secrets = [value for column, value in planted(world, "luqiao") if column in SEALED]
    reader = Reader(world_app)
    reader.sign_in("lin")
    reader.post("/households/find", status=0, q=secrets[1])
    reader.get("/postings", status=0, q=secrets[0])
    reader.client.get(f"/households/{quote(secrets[0])}")
    reader.post(f"/households/{world.things['household']['luqiao']['code']}/members", status=0, relation="child", name=secrets[0], birth_year="x")
    monkeypatch.setattr("portal.households.queries.list_page", _broken(secrets))
    reader.client.get("/households")
    assert any('"crash"' in line for line in kept.lines), "the broken page is logged"
    assert not [line for line in kept.lines for value in secrets if value in line]
    with world_app.app_context():
        rows = [json.dumps([row.changes, row.thing_code, row.action], ensure_ascii=False) for row in db.session.scalars(select(Event))]
    everything = [
        value
        for column, value in planted(world, *PLACES, "zhao", "sun", "wu", "firms", "staff")
        if column in SEALED | {"account.name", "sign_off.witness"}
    ]
    assert len(rows) > 100
    assert not [row for row in rows for value in everything if value in row]


def _broken(secrets: list[str]) -> object:
    def fail(*_args: object) -> None:
        raise ValueError(f"cannot list {secrets[0]}")

    return fail


# -- the files ------------------------------------------------------------------------------------------------------------------------


def clear_bytes(raw: bytes, values: list[tuple[str, str]]) -> list[str]:
    """The planted values that stand readable in bytes, in the encodings a database or a workbook would use."""
    return [f"{column} {value!r}" for column, value in values if any(value.encode(kind) in raw for kind in ("utf-8", "utf-16-le", "gb18030"))]


def test_database_and_backup_hold_no_clear_text(world_app: Flask, world: World, tmp_path: Path) -> None:
    sealed = planted(world, *PLACES, "zhao", "sun", "wu", "firms", columns=SEALED)
    assert len({column for column, _value in sealed}) == len(SEALED)
    with world_app.app_context():
        raw = _database_in_backup(world_app, tmp_path) if db.engine.dialect.name == "sqlite" else _every_cell()
        picture = open_photo(db.session.scalars(select(Photo)).first())  # type: ignore[arg-type]
        db.session.remove()
    assert len(raw) > 50_000
    assert clear_bytes(raw, sealed) == [] and picture[:400] not in raw
    for file in Path(world_app.config["PORTAL"].INSTANCE).rglob("*"):
        if file.is_file():
            assert clear_bytes(file.read_bytes(), sealed) == [], file.name


def _database_in_backup(app: Flask, folder: Path) -> bytes:
    archive = maintenance.backup(app, folder / "kept.tar.gz", lambda _text: None)
    with tarfile.open(archive) as packed:
        database = packed.extractfile("database")
        return database.read() if database else b""


def _every_cell() -> bytes:
    """All cells of all tables, in one heap: a dump of PostgreSQL is packed."""
    heap = []
    for table in db.metadata.sorted_tables:
        for row in db.session.execute(text(f'select * from "{table.name}"')):
            heap += [bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode() for cell in row]
    return b"\0".join(heap)


# -- the test of the test -------------------------------------------------------------------------------------------------------------


@on_sqlite
def test_a_seeded_leak_is_found(world_app: Flask, world: World) -> None:
    name = next(value for column, value in planted(world, "luqiao") if column == "household.name")
    with world_app.app_context():
        code = world.things["shown.wish"]["hall"]["code"]
        db.session.execute(
            text("update posting set public_text = :text, version = version + 1 where code = :code"), {"text": f"给{name}", "code": code}
        )
        db.session.commit()
    assert Crawl(world_app, "zhao").found(planted(world, "luqiao", columns={"household.name"}))
    assert clear_bytes(f"给{name}".encode("utf-16-le"), planted(world, "luqiao"))
