"""The headers of every answer: pages, fragments, errors, files."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.wishes import hall_queries
from tests.house_rules.matrix import ABSENT, GIVEN, lines
from tests.reader import PARTIAL, Reader
from tests.world import World

LINES = lines()
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
FILES = ("/static/portal.css", "/static/portal.js", "/static/icon.svg", "/static/nothing.css")


def missing(response: TestResponse) -> list[str]:
    """What is wrong with the headers of one answer, in words."""
    headers, wrong = response.headers, []
    policy = {part.split()[0]: part.split()[1:] for part in headers.get("Content-Security-Policy", "").split(";") if part.strip()}
    if policy.get("default-src") != ["'none'"] or policy.get("frame-ancestors") != ["'none'"]:
        wrong.append("the policy must begin with nothing and forbid frames")
    allowed = {source for sources in policy.values() for source in sources}
    if allowed & {"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:"} or "data:" in policy.get("script-src", []):
        wrong.append("the policy lets foreign or inline code in")
    if policy.get("base-uri") != ["'none'"] or policy.get("form-action") != ["'self'"]:
        wrong.append("base and form targets must be bound")
    for name, value in (
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ):  # fmt: skip
        if headers.get(name) != value:
            wrong.append(f"{name}: {headers.get(name)}")
    if len(headers.getlist("Content-Security-Policy")) != 1 or ("Server" in headers and "Werkzeug" in headers["Server"]):
        wrong.append("one policy, and no word about the software")
    return wrong


def personal(response: TestResponse) -> list[str]:
    """What is wrong for an answer that no cache may keep."""
    wrong = [] if "no-store" in response.headers.get("Cache-Control", "") else [f"Cache-Control: {response.headers.get('Cache-Control')}"]
    if "Cookie" not in response.headers.get("Vary", ""):
        wrong.append("Vary does not name Cookie")
    return wrong


@on_sqlite
def test_every_answer_has_them(world_app: Flask, world: World) -> None:
    readers = {person: Reader(world_app) for person in ("public", "lin", "zhou", "zhao", "admin", "gu")}
    for person, reader in readers.items():
        if person != "public":
            reader.sign_in(person)
    wrong, seen = [], set()
    for line in LINES:
        values = next(iter(world.things[line.thing].values())) if line.thing else dict(GIVEN)
        for reader in readers.values():
            for path, data in (line.request(values), line.request(ABSENT) if "<" in line.address + line.body else line.request(values)):
                # Without a token every POST is refused before it changes anything; its answer has the headers all the same.
                response = reader.client.open(path, method=line.method, data=data or None, headers=PARTIAL if line.method == "GET" else {})
                seen.add(response.status_code)
                problems = missing(response) + (personal(response) if not path.startswith("/static") else [])
                wrong += [f"{line.method} {path} ({response.status_code}): {problem}" for problem in problems]
    assert not wrong, "\n".join(wrong[:20])
    assert {200, 303, 400, 403, 404} <= seen


@on_sqlite
def test_errors_and_files_have_them(world_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(world_app)
    reader.sign_in("zhao")

    def broken(*_args: object) -> None:
        raise ValueError("broken for a test")

    monkeypatch.setattr(hall_queries, "find", broken)
    answers = [
        reader.client.get("/wishes"), reader.client.get("/no-such-page"), reader.client.put("/wishes"), reader.client.post("/register", data=b"x" * 13_000_000),
        reader.client.options("/wishes"), reader.client.head("/board"),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers][:4] == [500, 404, 405, 413]
    for answer in answers:
        assert missing(answer) + personal(answer) == []
        assert "broken for a test" not in answer.get_data(as_text=True) and "Traceback" not in answer.get_data(as_text=True)
    for path in FILES:
        assert missing(reader.client.get(path)) == [], path


@on_sqlite
def test_a_weak_policy_is_seen(world_app: Flask) -> None:
    client = Reader(world_app).client
    good = client.get("/board")
    for name, value in (
        ("Content-Security-Policy", good.headers["Content-Security-Policy"].replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")),
        ("X-Content-Type-Options", ""), ("Cross-Origin-Opener-Policy", "unsafe-none"),
    ):  # fmt: skip
        answer = client.get("/board")
        answer.headers[name] = value
        assert missing(answer), name
    good.headers["Cache-Control"] = "max-age=60"
    assert personal(good)


def test_back_after_signing_out_asks_to_sign_in(world_app: Flask, world: World) -> None:
    reader, path = Reader(world_app), f"/households/{world.things['household']['luqiao']['code']}"
    reader.sign_in("lin")
    page = reader.get(path)
    assert page.response.headers["Cache-Control"] == "no-store", "the browser has nothing to show from its cache"
    page.submit("退出")
    assert reader.get(path).path.startswith("/login?next=")


@on_sqlite
def test_cookies_are_kept_from_scripts(world_app: Flask) -> None:
    reader = Reader(world_app)
    page = reader.get("/login")
    after = reader.client.post("/login", data={"username": "lin", "password": "wrong", "csrf_token": reader.csrf_token()})
    cookies = [*page.response.headers.getlist("Set-Cookie"), *after.headers.getlist("Set-Cookie")]
    assert cookies
    for cookie in cookies:
        assert "HttpOnly" in cookie and re.search(r"SameSite=(Lax|Strict)", cookie), cookie
