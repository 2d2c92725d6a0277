"""The access matrix: what each person gets at each address for each thing, whole page or fragment. Compared with access.tsv.

An answer is one of: a status; ``go`` (sent on to another page); ``door`` (sent to the sign-in page); ``act`` (the request came as far
as changing something: it is stopped there, so that every cell finds the same world); ``leak`` (a code that this person must not read).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from portal.journal import Transaction
from tests.reader import PARTIAL, Reader
from tests.world import PEOPLE, REACH, World

FILE = Path(__file__).with_name("access.tsv")
ABSENT = {
    "code": "ZZ-ZZZZZZ", "household": "KN-2026-ZZZZZZ", "member": "CY-ZZZZZZ", "purpose": "publish_wish", "number": "9", "batch": "PC-ZZZZZZZZ",
    "name": "nothing", "filename": "nothing.css",
}  # fmt: skip
GIVEN = {"name": "help", "filename": "portal.css"}
CODE = re.compile(r"[A-Z]{2}-(?:2026-)?[0-9A-Z]{6,12}\b")


@dataclass(frozen=True)
class Line:
    """One line of the file: an address by one method, the kind of thing it is asked for, and the three answers of who may."""

    method: str
    address: str  # the rule of the URL map, with ?name=<key> for what the query carries
    body: str  # name=<key>, "" for nothing
    permission: str
    thing: str
    reach: str
    beyond: str
    absent: str
    but: str  # "zhou 409, li 409": people whose own part in the thing changes the answer within reach

    @property
    def rule(self) -> str:
        return self.address.split("?")[0]

    def request(self, values: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Path and form of this line for one thing."""

        def put(match: re.Match[str]) -> str:
            return values[match[1]]

        path = re.sub(r"<(?:path:)?(\w+)>", put, self.address)
        return path, dict([re.sub(r"<(\w+)>", put, self.body).split("=", 1)]) if self.body else {}

    def expected(self, person: str, where: str) -> str:
        """The answer for somebody who has the permission; ``where`` is reach, beyond or absent."""
        if where == "reach" and self.but:
            for one in self.but.split(", "):
                name, answer = one.split(" ")
                if name == person:
                    return answer
        return str(getattr(self, where))


def lines() -> list[Line]:
    """The reviewed file."""
    with open(FILE, encoding="utf-8", newline="") as handle:
        rows = csv.reader((row for row in handle if not row.startswith("#")), delimiter="\t")
        next(rows)
        return [Line(*("" if cell == "-" else cell for cell in row)) for row in rows]


class Reached(HTTPException):
    """The request was let through to its act; nothing is kept of it."""

    code = 299


def stop_at_the_act(patch: pytest.MonkeyPatch) -> None:
    """Every act leaves an event; there it ends now, and its transaction is rolled back."""

    def event(*_args: Any, **_kwargs: Any) -> None:
        raise Reached

    patch.setattr(Transaction, "event", event)


class Matrix:
    """Everybody signed in, in front of one application."""

    def __init__(self, app: Flask, world: World, people: tuple[str, ...] = PEOPLE) -> None:
        self.world = world
        self.readers = {person: Reader(app) for person in people}
        for person, reader in self.readers.items():
            if person != "public":
                reader.sign_in(person)
        self.tokens = {person: reader.csrf_token() for person, reader in self.readers.items()}

    def holders(self, line: Line, person: str) -> Iterator[tuple[str, str, dict[str, str]]]:
        """(holder, reach or beyond or absent, values) for each thing that this line can be asked for."""
        if not line.thing:
            yield "-", "reach", dict(GIVEN)
        for holder, values in self.world.things.get(line.thing, {}).items():
            yield holder, "reach" if holder in REACH[person] else "beyond", values
        if "<" in line.address + line.body:
            yield "absent", "absent", ABSENT

    def answer(self, line: Line, person: str, values: dict[str, str], part: bool) -> str:
        """What one person gets for one request."""
        path, data = line.request(values)
        headers = dict(PARTIAL) if part else {}
        if line.method == "POST":
            headers["X-CSRFToken"] = self.tokens[person]
        response = self.readers[person].client.open(path, method=line.method, data=data or None, headers=headers)
        answer = self.read(response, person, set(values.values()))
        if answer == "go":
            self.forget_messages(person)
        return answer

    def forget_messages(self, person: str) -> None:
        """A message names the code that was asked for; the next page would show it."""
        with self.readers[person].client.session_transaction() as session:
            session.pop("_flashes", None)

    def read(self, response: TestResponse, person: str, asked: set[str]) -> str:
        """The answer of the matrix that a response is."""
        target = urlsplit(response.headers.get("Location") or response.headers.get("HX-Redirect") or "").path
        if target:
            return "door" if target == "/login" and person == "public" else "go"
        if response.status_code == 299:
            return "act"
        if response.status_code == 204 and person == "public":
            return "door"  # a poll of a page that was left open: nothing to show, nowhere to go
        if response.mimetype == "text/html" and set(CODE.findall(response.get_data(as_text=True))) & self.beyond(person) - asked:
            return "leak"
        return str(response.status_code)

    def beyond(self, person: str) -> set[str]:
        """Codes that this person must not read."""
        return self.world.beyond(person)
