"""The real server: it stops when it is told to, after answering; and killed at any moment it loses nothing that it said was done.

PORTAL_KILLS says how often it is killed (20).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal import create_app, serve, vault
from portal.database import db
from portal.enterprises.models import Enterprise
from portal.wishes import shelf
from portal.wishes.lifecycle import HOLDING
from portal.wishes.models import Claim
from tests import databases
from tests.cast import make_cast

ROOT = Path(__file__).resolve().parents[1]
KILLS = int(os.environ.get("PORTAL_KILLS", "20"))
SERVE = """
import sys, time
from flask import Blueprint
import portal
from portal import serve
from portal.web import permission
app = portal.create_app()
slow = Blueprint("slow", __name__)
@slow.get("/slow")
@permission("site.use")
def answer():
    time.sleep(2)
    return "late"
app.register_blueprint(slow)
serve.run(app)
"""
ECHO = """
import portal
from flask import Blueprint, request
from portal import serve
from portal.web import permission
app = portal.create_app()
echo = Blueprint("echo", __name__)
@echo.get("/echo")
@permission("site.use")
def answer():
    return f"{request.scheme} {request.host} {request.remote_addr}"
app.register_blueprint(echo)
serve.run(app)
"""
CLAIM = """
import itertools, os, sys
import portal
from portal.database import db
from portal.journal import Actor
from portal.wishes.models import Posting
from portal.wishes.operations import claiming
app = portal.create_app()
by = Actor(int(sys.argv[1]), "赵敏", frozenset({"contact"}), None, "", int(sys.argv[2]))
def work():
    print(os.getpid(), flush=True)
    with app.app_context():
        for number in itertools.count():
            row = claiming.claim(db.session.get_one(Posting, int(sys.argv[3])), 1, by=by)
            print(row.code, flush=True)
            if number % 3 == 2:
                claiming.release(row, "换", by=by)
                print("-" + row.code, flush=True)
while sys.stdin.readline():
    child = os.fork()
    if not child:
        work()
    os.waitpid(child, 0)
    print("killed", flush=True)
"""


@pytest.fixture
def place(tmp_path: Path, stage: object, engine: str) -> Iterator[tuple[Flask, dict[str, str]]]:
    """An installation on SQLite of its own: (app, environment for a process that uses it)."""
    if engine != "sqlite":
        pytest.skip("the server's own stopping does not depend on the database")
    before = vault._installed
    databases.SqliteStage(tmp_path, "empty").reset()
    names = {"INSTANCE": str(tmp_path), "SECRET_KEY": "only-for-tests", "KEYS_FILE": str(databases.run_folder() / "keys.json")}
    app = create_app({**names, "CLOCK_SECONDS": 0})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {f"PORTAL_{name}": value for name, value in names.items()} | {
        "PORTAL_PORT": str(port),
        "PORTAL_LOG_LEVEL": "ERROR",
        "PORTAL_CLOCK_SECONDS": "0",
    }
    with app.app_context():
        yield app, {**os.environ, **environ}
        db.session.remove()
        db.engine.dispose()
    vault._installed = before


def _listening(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended before it listened"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the server did not listen")


def test_a_host_with_two_addresses_is_served_on_one(monkeypatch):
    both = [(family, socket.SOCK_STREAM, 6, "", (address, 8000)) for family, address in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: both)
    assert serve.one_address("localhost", 8000) == "127.0.0.1"
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: both[:1])
    assert serve.one_address("localhost", 8000) == "::1"


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_stopping_server_answers_what_is_open_and_takes_nothing_new(place, told):
    _app, environ = place
    port = int(environ["PORTAL_PORT"])
    server = subprocess.Popen([sys.executable, "-c", SERVE], cwd=ROOT, env=environ, start_new_session=True)
    answers: list[tuple[int, bytes]] = []

    def ask() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        line.request("GET", "/slow")
        answer = line.getresponse()
        answers.append((answer.status, answer.read()))

    try:
        _listening(port, server)
        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.7)  # the request is being worked on
        server.send_signal(told)
        refused = False
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except ConnectionRefusedError:
                refused = True
                break
            time.sleep(0.01)
        assert refused, "a new connection is refused while the open request is finished"
        assert not answers, "the open request is still being worked on"
        asking.join(60)
        assert answers == [(200, b"late")]
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait(20)


@pytest.mark.parametrize(("proxies", "seen"), [("1", b"https union.example 203.0.113.9"), ("0", b"http 127.0.0.1 127.0.0.1")])
def test_behind_a_proxy_the_server_knows_who_asks_and_otherwise_believes_nobody(place, proxies, seen):
    _app, environ = place
    port = int(environ["PORTAL_PORT"])
    server = subprocess.Popen([sys.executable, "-c", ECHO], cwd=ROOT, env=environ | {"PORTAL_PROXIES": proxies}, start_new_session=True)
    told = {"Host": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "union.example", "X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
    try:
        _listening(port, server)
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        line.request("GET", "/echo", headers=told)
        assert line.getresponse().read() == seen
    finally:
        server.kill()
        server.wait(20)


def test_a_killed_process_loses_no_claim_that_it_acknowledged(place):
    """One process makes a new one for each round; the new one claims and releases, saying each time when it is done, and is killed."""
    _app, environ = place
    cast = make_cast()
    cast.enterprises["zhao"].quota = 1_000_000
    lot = cast.lot(100_000)
    command = [sys.executable, "-c", CLAIM, str(cast.zhao.id), str(cast.zhao.enterprise_id), str(lot.id)]
    db.session.rollback()
    parent = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert parent.stdin is not None
    assert parent.stdout is not None
    claimed: set[str] = set()
    released: set[str] = set()
    try:
        for number in range(KILLS):
            parent.stdin.write("next\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            threading.Timer(0.05 + 0.013 * number, os.kill, (child, signal.SIGKILL)).start()
            while (line := parent.stdout.readline().strip()) != "killed":
                assert line, "the process ended by itself"
                (released if line.startswith("-") else claimed).add(line.removeprefix("-"))
            states = {code: state for code, state in db.session.execute(select(Claim.code, Claim.state))}
            assert claimed <= set(states)
            assert {states[code] for code in released} <= {"released"}
            assert db.session.scalar(text("pragma integrity_check")) == "ok"
            assert shelf.kept(db.session) == shelf.recount(db.session)
            firm = db.session.get_one(Enterprise, cast.zhao.enterprise_id, populate_existing=True)
            assert firm.open_claims == sum(state in HOLDING for state in states.values())
            db.session.rollback()
    finally:
        parent.kill()
        parent.wait(20)
    assert len(claimed) >= KILLS, "the kills came too early to prove anything"
    assert released


def test_healthz_tells_that_it_lives(place):
    _app, environ = place
    server = subprocess.Popen([sys.executable, "-c", SERVE], cwd=ROOT, env=environ, start_new_session=True)
    try:
        _listening(int(environ["PORTAL_PORT"]), server)
        line = http.client.HTTPConnection("127.0.0.1", int(environ["PORTAL_PORT"]), timeout=60)
        line.request("GET", "/healthz")
        answer = line.getresponse()
        assert answer.status == 200
        assert answer.headers.get("Server") is None
        assert b"ok" in answer.read()
    finally:
        server.kill()
        server.wait(20)
