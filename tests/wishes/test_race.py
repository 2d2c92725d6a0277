"""A race of real processes over HTTP: many enterprises claim one wish, or the last packs of a lot, at the same moment.

Four server processes, signed-in sessions, real forms. Nobody may win twice, no win may be lost, every loser gets a 409. The same race
must find the doubles of a server that checks first and writes later (race_app.py), else it would prove nothing.
PORTAL_RACE_ATTEMPTS says how many claims are tried on each engine (1,000).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import func, select, text

import portal
from portal.codes import credit_check_digit, new_code
from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.journal import Event
from portal.wishes.lifecycle import HOLDING
from portal.wishes.models import Claim, Posting
from tests import cast as players
from tests import databases

ROOT = Path(__file__).resolve().parents[2]
ATTEMPTS = int(os.environ.get("PORTAL_RACE_ATTEMPTS", "1000"))
RIVALS, PACKS = 16, 10


@pytest.fixture
def arena(engine: str, stage: object, tmp_path: Path) -> Iterator[Flask]:
    """A database of its own: the mutant needs one without the constraint. ``stage`` has made the template that is copied here."""
    place = databases.SqliteStage(tmp_path, "empty") if engine == "sqlite" else databases.PostgresStage(f"{databases.WORKER}_race", "empty")
    place.reset()
    app = portal.create_app(
        {"INSTANCE": str(tmp_path), "DATABASE_URL": place.url, "SECRET_KEY": "only-for-tests", "KEYS_FILE": str(databases.run_folder() / "keys.json")}
    )
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def _enter(rounds: int) -> tuple[list[str], list[str]]:
    """The user names of sixteen approved enterprises, and the codes of the prizes: wishes and lots of ten packs, in turn."""
    cast = players.make_cast()
    names = [f"rival{number}" for number in range(RIVALS)]
    for number, name in enumerate(names):
        first17 = f"91329900MA2K{number:05d}"
        firm = Enterprise(
            code=new_code("QY"), credit_code=first17 + credit_check_digit(first17), name=f"第{number}厂", short_name=f"第{number}厂", state="approved",
            unit_id=cast.units["district"].id, contact_name="联系人", registered_at=utcnow(), open_claims=0, quota=100_000,
        )  # fmt: skip
        db.session.add(firm)
        db.session.flush()
        players._person(cast, name, "联系人", ("contact",), None, firm)
    patterns = [cast.wish(), cast.lot(PACKS)]
    kept = [
        {column.key: getattr(row, column.key) for column in Posting.__table__.columns if column.key not in ("id", "code", "idem")} for row in patterns
    ]
    prizes = [Posting(**kept[number % 2], code=new_code("WX")) for number in range(rounds)]
    db.session.add_all(prizes)
    db.session.commit()
    codes = [prize.code for prize in prizes]
    db.session.remove()
    return names, codes


@contextlib.contextmanager
def _server(app: Flask, **environ: str) -> Iterator[int]:
    """Four gunicorn workers on the arena's database; the port. Stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chosen = app.config["PORTAL"]
    names = ("INSTANCE", "DATABASE_URL", "SECRET_KEY", "KEYS_FILE")
    settings = {f"PORTAL_{name}": str(getattr(chosen, name)) for name in names} | {"PORTAL_LOG_LEVEL": "ERROR"}
    command = [
        sys.executable, "-m", "gunicorn", "--workers", "4", "--threads", "4", "--preload", "--keep-alive", "30", "--log-level", "warning",
        "--bind", f"127.0.0.1:{port}", "tests.wishes.race_app:app",
    ]  # fmt: skip
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings | environ, start_new_session=True)
    try:
        _await(server, port)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def _await(server: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended before it listened"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the server did not listen within 30 seconds")


@dataclass
class Rival:
    """One signed-in browser; ``won`` are the batches that its answers promised."""

    port: int
    name: str
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def __post_init__(self) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, **fields: object) -> tuple[int, str, str]:
        """(status, place of a redirect, body)."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if method == "POST":
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode({"csrf_token": self.token} | fields)
        self.line.request(method, path, body, headers)
        answer = self.line.getresponse()
        page = answer.read().decode()
        for value in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.split(";")[0]
        return answer.status, answer.headers.get("Location", ""), page

    def sign_in(self) -> None:
        self._take_token("/login")
        status, _place, _page = self.ask("POST", "/login", username=self.name, password=players.PASSWORD)
        assert status == 303
        self._take_token("/basket")

    def _take_token(self, path: str) -> None:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.ask("GET", path)[2])
        assert found
        self.token = found[1]


def _race(port: int, names: list[str], codes: list[str]) -> list[tuple[str, str, int, str]]:
    """Everybody claims one of each code, all at once, round after round: (name, code, status, batch)."""
    gate = threading.Barrier(len(names))

    def run(name: str) -> list[tuple[str, str, int, str]]:
        rival, answers = Rival(port, name), []
        rival.sign_in()
        for code in codes:
            gate.wait(60)
            status, place, _page = rival.ask("POST", f"/claims/new/{code}", quantity=1, idem=secrets.token_urlsafe(18))
            answers.append((name, code, status, place.rsplit("/", 1)[-1]))
        rival.line.close()
        return answers

    with ThreadPoolExecutor(len(names)) as pool:
        return [answer for answers in pool.map(run, names) for answer in answers]


def _taken(codes: list[str]) -> dict[str, tuple[int, int]]:
    """code → (units there are, units that claims hold)."""
    held = func.coalesce(func.sum(Claim.quantity), 0)
    query = select(Posting.code, Posting.quantity, held).outerjoin(Claim, (Claim.posting_id == Posting.id) & Claim.state.in_(HOLDING))
    rows = db.session.execute(query.where(Posting.code.in_(codes)).group_by(Posting.code, Posting.quantity))
    return {code: (there, int(taken)) for code, there, taken in rows}


def test_one_winner_for_each_unit_and_no_win_is_lost(arena):
    names, codes = _enter(max(ATTEMPTS // RIVALS, 2))
    with _server(arena) as port:
        answers = _race(port, names, codes)
    assert len(answers) == len(codes) * RIVALS
    assert {status for _name, _code, status, _batch in answers} == {303, 409}
    won = Counter(code for _name, code, status, _batch in answers if status == 303)
    assert _taken(codes) == {code: (there, min(there, RIVALS)) for code, (there, _held) in _taken(codes).items()}
    assert won == Counter({code: held for code, (_there, held) in _taken(codes).items()})
    kept = set(db.session.execute(select(Posting.code, Claim.batch).join(Posting, Posting.id == Claim.posting_id)).all())
    assert kept == {(code, batch) for _name, code, status, batch in answers if status == 303}, "what was promised is what is kept"
    assert dict(db.session.execute(select(Posting.code, Posting.claimed).where(Posting.code.in_(codes))).all()) == dict(won)
    assert db.session.scalar(select(func.sum(Enterprise.open_claims))) == sum(won.values())
    assert db.session.scalar(select(func.count()).select_from(Event).where(Event.action == "claim.claim")) == sum(won.values())


def test_the_race_finds_a_server_that_checks_first_and_writes_later(arena):
    names, codes = _enter(6)
    db.session.execute(text("DROP INDEX uq_claim_one_winner"))
    db.session.commit()
    with _server(arena, PORTAL_RACE_MUTANT="1") as port:
        answers = _race(port, names, codes)
    doubles = sum(max(held - there, 0) for there, held in _taken(codes).values())
    won = sum(status == 303 for _name, _code, status, _batch in answers)
    assert doubles > 0, "check-then-write gave nothing twice: the race is too slow to prove anything"
    assert won > sum(there for there, _held in _taken(codes).values())
