"""How cost is measured: processor time of one request, the database server's included, in rounds that alternate between what is compared."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text
from werkzeug.test import EnvironBuilder

from portal.database import db

Call = Callable[[], Any]


def backend_pids(app: Flask) -> list[int]:
    """Processes of a PostgreSQL that serve this database; none for SQLite, which works inside the caller."""
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            return []
        found = db.session.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"))
        return [int(pid) for pid in found]


def processor_seconds(pids: Sequence[int]) -> float:
    """Processor time that other processes have used (Linux: the scheduler's count in nanoseconds)."""
    total = 0.0
    for pid in pids:
        file = Path(f"/proc/{pid}/schedstat")
        total += int(file.read_text().split()[0]) / 1e9 if file.exists() else 0.0
    return total


@dataclass
class Request:
    """A GET that one signed-in person sends again and again, straight to the application."""

    app: Any
    path: str
    cookie: str = ""

    def __post_init__(self) -> None:
        self.environ = EnvironBuilder(path=self.path.partition("?")[0], query_string=self.path.partition("?")[2]).get_environ()
        if self.cookie:
            self.environ["HTTP_COOKIE"] = self.cookie
        self.status = ""

    def body(self) -> bytes:
        """Send it and read the whole answer."""
        answer = self.app(dict(self.environ), self._start)
        try:
            return b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()

    def _start(self, status: str, _headers: Any, _problem: Any = None) -> Callable[[bytes], None]:
        self.status = status
        return lambda data: None

    def check(self) -> bytes:
        """The body of an answer that must be good."""
        body = self.body()
        assert self.status.startswith("200"), f"{self.path}: {self.status}"
        return body


def cost(call: Call, times: int, pids: Sequence[int] = ()) -> float:
    """Processor seconds of one call, own and the database's."""
    before = time.process_time() + processor_seconds(pids)
    for _ in range(times):
        call()
    return (time.process_time() + processor_seconds(pids) - before) / times


def alternate(calls: Sequence[tuple[Call, Sequence[int]]], rounds: int = 9, times: int = 40) -> list[float]:
    """The median cost of each of several calls, measured in turn (A B A B …) so that a noisy moment meets all alike."""
    for call, _pids in calls:
        for _ in range(5):
            call()
    found: list[list[float]] = [[] for _ in calls]
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for number, (call, pids) in enumerate(calls):
            found[number].append(cost(call, times, pids))
    gc.unfreeze()
    return [statistics.median(values) for values in found]


def tail(call: Call, times: int = 2_000) -> tuple[float, float]:
    """(median, 99.9th percentile) of the time that one call takes, one after the other."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    taken.sort()
    return statistics.median(taken), taken[int(times * 0.999) - 1]


def session_cookie(app: Flask, number: int = 0) -> str:
    """The cookie of a claimant whom bench.fill has signed in, as a browser has it after the first page."""
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    client = app.test_client()
    client.set_cookie(app.config["SESSION_COOKIE_NAME"], serializer.dumps({"_user_id": f"token-{number}", "_fresh": True}))
    client.get("/wishes")
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return f"{cookie.key}={cookie.value}"
