"""Nonsense over HTTP: whatever is sent to whatever address, no answer is a crash and none shows a trace.

PORTAL_FUZZ=20000 sends more; PORTAL_FUZZ_SEED=7 repeats a run. A failure prints the request that made it.
"""

from __future__ import annotations

import io
import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import lxml.html
import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from tests.house_rules.matrix import ABSENT, GIVEN, Line, lines, stop_at_the_act
from tests.reader import Reader
from tests.world import World, photo

ON_SQLITE, ON_POSTGRES = int(os.environ.get("PORTAL_FUZZ", "3000")), int(os.environ.get("PORTAL_FUZZ", "3000")) // 5
SEED = int(os.environ.get("PORTAL_FUZZ_SEED", "2027"))
PEOPLE = ("public", "lin", "chen", "zhou", "li", "gu", "admin", "zhao")
TRACES = ("Traceback (most recent", "sqlalchemy.", "psycopg", "werkzeug.exceptions", 'File "/', "sqlite3.")
HUGE = "9" * 400
WORDS: tuple[str, ...] = (
    "", " ", "0", "-1", "1", "2147483648", "9223372036854775808", HUGE, "1e309", "NaN", "Infinity", "-0", "0x10", "١٢٣", "１２", "1.5", "1,000", "²", "true", "null",
    "[]", "{}", "[[[0.1,0.1],[0.9,0.3]]]", "[[[1e999,0]]]", "[" * 3000, "%s%n%x", "{0}{1}", "%(x)s", "{{7*7}}", "${7*7}", "' OR 1=1 --", "'; DROP TABLE posting; --",
    "%' ESCAPE '!", "\\", "%", "_", "\"><script>x</script>", "<svg/onload=x>", "javascript:x", "//evil.example", "../../../../etc/passwd", "..%2f..%2f", "C:\\nul",
    "\x00", "a\x00b", "\ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"), "\ufeff", "\u202e", "\u0000\u0001\u001f", "é" * 300, "汉" * 2000, "🧧" * 500,
    "2027-02-30", "0000-00-00", "9999-12-31", "10000-01-01", "-2027-01-01", "2027-1-1", "24:61", "WX-ZZZZZZ", "wx-7f3k9q", "WX-7F3K9Q:1", "WX-7F3K9Q:-1", "WX-7F3K9Q:999999999",
    "KN-2026-ZZZZZZ", "submit", "row", "suggest", "all", "pasted", "ticked", "replace", "self", "proxy", "home", "pack", "urgent", "approved", "spouse",
)  # fmt: skip
NAMES = (
    "q", "page", "after", "before", "state", "kind", "sort", "category", "band", "town", "mode", "due", "enterprise", "unit", "role", "who", "day", "thing", "action",
    "next", "size", "lang", "contrast", "boxes", "units", "dropped", "quantity", "check", "batch", "stage", "household", "parent", "v", "hardship", "channel",
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {}, {"HX-Request": "true"}, {"HX-Request": "true", "HX-Request-Type": "partial"}, {"HX-Request": "true", "HX-History-Restore-Request": "true"},
    {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "<x>", "HX-Current-URL": "::::"}, {"Accept": "application/json"}, {"Accept-Language": "zz;q=a,,"},
    {"Referer": "http://[::1"}, {"Referer": "http://localhost/\x7f"}, {"Origin": "null"}, {"Range": "bytes=9-1"}, {"If-None-Match": '"x'}, {"If-Modified-Since": "never"},
    {"X-Forwarded-For": "'; --"}, {"X-HTTP-Method-Override": "DELETE"}, {"Host": "evil.example"}, {"Content-Type": "application/json"}, {"Cookie": "nuan=.eJx; size=\x80; lang=../en"},
    {"Cookie": "nuan=" + "A" * 3000}, {"Cookie": ";;;=;nuan"}, {"Content-Length": "-1"}, {"Transfer-Encoding": "chunked"},
)  # fmt: skip
METHODS = ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "GET", "POST")


class Fuzzer:
    """Makes requests out of the address list, the world's codes, the fields of the forms that were seen, and nonsense."""

    def __init__(self, app: Flask, world: World, seed: int) -> None:
        self.random, self.world, self.lines = random.Random(seed), world, lines()
        self.readers = {person: Reader(app) for person in PEOPLE}
        for person, reader in self.readers.items():
            if person != "public":
                reader.sign_in(person)
        self.tokens = {person: reader.csrf_token() for person, reader in self.readers.items()}
        self.fields: dict[str, list[str]] = {}
        for line in self.lines:
            if line.method == "GET" and not line.rule.endswith((".xlsx", "<path:filename>")):
                self._learn(line)

    def _learn(self, line: Line) -> None:
        """The names of the fields of a page's forms, by the rule that they are sent to (here: the page's own)."""
        values = next(iter(self.world.things[line.thing].values())) if line.thing else GIVEN
        for person in ("lin", "li", "admin", "zhao", "public"):
            answer = self.readers[person].client.get(line.request(values)[0])
            if answer.status_code == 200 and answer.mimetype == "text/html":
                names = lxml.html.document_fromstring(answer.get_data(as_text=True)).xpath("//form//@name")
                self.fields.setdefault(line.rule, []).extend(str(name) for name in dict.fromkeys(names))

    def word(self) -> Any:
        pick = self.random
        kind = pick.random()
        if kind < 0.75:
            return pick.choice(WORDS)
        if kind < 0.9:
            things = pick.choice(list(self.world.things.values()))
            return pick.choice([*pick.choice(list(things.values())).values()])
        return "".join(
            chr(pick.choice((pick.randrange(1, 128), pick.randrange(0x4E00, 0x9FFF), pick.randrange(0x10000, 0x10FFFF))))
            for _ in range(pick.randrange(1, 40))
        )

    def path(self, line: Line) -> str:
        pick = self.random
        values = dict(GIVEN | ABSENT)
        if line.thing and pick.random() < 0.8:
            values |= pick.choice(list(self.world.things[line.thing].values()))
        if pick.random() < 0.15:
            values = {name: self.word() for name in values}
        quoted = {name: quote(str(value), safe="", errors="replace") or "-" for name, value in values.items()}
        path = line.request(quoted)[0].split("?")[0]
        query = "&".join(f"{pick.choice(NAMES)}={quote(str(self.word()), safe='', errors='replace')}" for _ in range(pick.choice((0, 0, 1, 2, 5))))
        if pick.random() < 0.05:
            query += "&" + pick.choice(("%ff%fe=%c0%80", "page=%", "q=%zz", "&&==&", "a[]=1&a[]=2", "page=1&page=x", "%00=1"))
        return f"{path}?{query}" if query else path

    def form(self, line: Line, token: str) -> dict[str, Any]:
        """Arguments of client.open() for a body."""
        pick, data = self.random, MultiDict[str, Any]()
        known = self.fields.get(line.rule) or [name for names in self.fields.values() for name in names]
        data.add("csrf_token", token)
        for name in pick.sample(known, min(len(known), pick.randrange(1, 16))):
            if name != "csrf_token":
                data.add(name, self.word())
        kind = pick.random()
        if kind < 0.1:
            name = pick.choice(known)
            for _ in range(3):
                data.add(name, self.word())
        elif kind < 0.14:
            data.add(pick.choice(known), "长" * 350_000)
        elif kind < 0.2:
            content = pick.choice((b"", b"\xff\xd8\xff", photo("blue"), b"GIF89a" + b"\0" * 50, b"PK\x03\x04", b"<svg onload=x>", os.urandom(64)))
            data.add(
                pick.choice(("photos", "slip", *known)), (io.BytesIO(content), str(pick.choice(("a.jpg", "../../x", "\u202egpj.exe", "", "x" * 300))))
            )
        if kind > 0.97:
            return {
                "data": pick.choice((b"\xff\xfe\x00", b"a=%ff&b=%c3%28", b"{" * 500, b"csrf_token=" + token.encode() + b"&%00=%00&q=%ff")),
                "content_type": "application/x-www-form-urlencoded",
            }
        if kind > 0.95:
            return {"data": b'--x\r\nContent-Disposition: form-data; name="q', "content_type": "multipart/form-data; boundary=x"}
        return {"data": data}

    def send(self) -> tuple[str, int, str]:
        """One request: (what it was, status, text of the answer)."""
        pick = self.random
        line, person = pick.choice(self.lines), pick.choice(PEOPLE)
        method = line.method if pick.random() < 0.92 else pick.choice(METHODS)
        headers = dict(pick.choice(HEADERS)) if pick.random() < 0.35 else {}
        arguments = self.form(line, self.tokens[person]) if method not in ("GET", "HEAD", "OPTIONS") else {}
        if "Content-Type" in headers:
            arguments = {"data": b'{"csrf_token": 1}'} if arguments else {}
        path = self.path(line)
        client = self.readers[person].client
        if "Cookie" in headers:
            client = Reader(client.application).client
        answer = client.open(path, method=method, headers=headers, **arguments)
        text = answer.get_data(as_text=True) if (answer.mimetype or "").startswith("text/") else ""
        return f"{method} {path[:300]} as {person} {headers} {str(arguments)[:600]}", answer.status_code, text


def run(fuzzer: Fuzzer, count: int) -> tuple[list[str], Counter[int]]:
    """Send so many requests; the bad ones and the statuses."""
    bad, seen = [], Counter[int]()
    for number in range(count):
        what, status, body = fuzzer.send()
        seen[status] += 1
        if status >= 500 or any(trace in body for trace in TRACES):
            bad.append(f"request {number}: {status}: {what}")
    return bad, seen


@pytest.mark.parametrize("acts", [False, True], ids=["stopped", "acting"])
def test_nonsense_never_breaks_a_page(world_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch, engine: str, acts: bool) -> None:
    fuzzer = Fuzzer(world_app, world, SEED + acts)
    if not acts:
        # The world stays as it was, so that every form goes on meeting the things it is for.
        stop_at_the_act(monkeypatch)
    bad, seen = run(fuzzer, (ON_SQLITE if engine == "sqlite" else ON_POSTGRES) // 2)
    assert not bad, f"{len(bad)} of {sum(seen.values())}\n" + "\n".join(bad[:15])
    assert {200, 303, 403, 404, 422} <= set(seen), dict(seen)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_page_that_breaks_is_seen(world_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("broken for a test")

    fuzzer = Fuzzer(world_app, world, SEED)
    target: Callable[..., Any] = broken
    monkeypatch.setattr("portal.wishes.queries.posting_for_staff", target)
    monkeypatch.setattr("portal.wishes.hall_queries.find", target)
    assert run(fuzzer, 400)[0]
