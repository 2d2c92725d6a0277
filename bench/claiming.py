"""Claiming over HTTP beside a bare program on the same engine with the same durability; the wait of the unlucky; races."""

from __future__ import annotations

import secrets
import statistics
import threading
import time
from collections.abc import Iterator

from sqlalchemy import text

from bench.figure import Figure, thousands
from bench.fill import CLAIMANTS
from bench.measure import session_cookie
from bench.scene import Scene
from bench.web import Client, Server, gunicorn, portal_environment, target_of, together
from portal.database import db

SECONDS = 3.0


class Codes:
    """Wishes that nobody has claimed, each given out once."""

    def __init__(self, scene: Scene) -> None:
        with scene.app.app_context():
            query = text("SELECT code FROM posting WHERE state = 'open' and claimed < quantity AND kind = 'wish' ORDER BY id DESC LIMIT 40000")
            self._codes: Iterator[str] = iter(list(db.session.scalars(query)))
            db.session.remove()
        self._lock = threading.Lock()

    def next(self) -> str:
        """Another code, or "" when there are none left."""
        with self._lock:
            return next(self._codes, "")


def claim(client: Client, code: str) -> int:
    """Claim one wish in the portal; the status."""
    return client.send("POST", f"/claims/new/{code}", {"quantity": 1, "idem": secrets.token_urlsafe(12)})[0] if code else 0


def claimants(scene: Scene, server: Server, count: int) -> list[Client]:
    """Signed-in contacts of ``count`` different enterprises, each with a CSRF token."""
    found = [Client(server.port, session_cookie(scene.app, number)) for number in range(count)]
    for client in found:
        client.fetch_token()
    return found


def beside_bare(scene: Scene) -> list[Figure]:
    """Claims a second from 8 clients; the worst wait of 16; losers beside winners."""
    codes, where = Codes(scene), thousands(scene.size)
    target, environment = target_of("claim", url=scene.url)
    with gunicorn(target, environment) as bare, gunicorn("app:app", portal_environment(scene.settings)) as portal:
        eight = claimants(scene, portal, 8)
        plain = [Client(bare.port) for _ in range(8)]
        won, lost = _won_and_lost(eight, codes)
        rates: dict[str, list[float]] = {"bare": [], "portal": []}
        for _ in range(5):
            rates["bare"].append(together(plain, lambda client: client.send("POST", f"/claim/{codes.next()}", {"note": ""})[0] == 201, SECONDS)[0])
            rates["portal"].append(together(eight, lambda client: claim(client, codes.next()) == 303, SECONDS)[0])
        _rate, waits = together(claimants(scene, portal, 16), lambda client: claim(client, codes.next()) == 303, 2 * SECONDS)
    return [
        Figure("Claim over HTTP, all rules and the event written, beside a bare UPDATE and two INSERTs: rate", scene.engine, where,
               statistics.median(rates["portal"]) / statistics.median(rates["bare"]), 0.6, "least"),
        Figure("Claims a second, 8 clients", scene.engine, where, statistics.median(rates["portal"]), unit="/s"),
        Figure("Claim with 16 writers: worst wait", scene.engine, where, max(waits), 0.5, unit="s"),
        Figure("A loser's answer: so many times faster than a winner's", scene.engine, where, won / lost, 2.0, "least"),
    ]  # fmt: skip


def _won_and_lost(clients: list[Client], codes: Codes) -> tuple[float, float]:
    """Median seconds of a claim that wins, and of one that comes too late, in turn."""
    won: list[float] = []
    lost: list[float] = []
    for _ in range(60):
        code = codes.next()
        for client, status, seconds in ((clients[0], 303, won), (clients[1], 409, lost)):
            began = time.perf_counter()
            assert claim(client, code) == status
            seconds.append(time.perf_counter() - began)
    return statistics.median(won), statistics.median(lost)


def races(scene: Scene) -> list[Figure]:
    """1,000 claims on 100 wishes from 32 clients: units that two have, and units that nobody has although somebody was told so."""
    codes, where = Codes(scene), thousands(scene.size)
    wanted = [codes.next() for _ in range(100)]
    queue = [code for code in wanted for _ in range(10)]
    told: list[str] = []
    lock = threading.Lock()
    with gunicorn("app:app", portal_environment(scene.settings)) as portal:

        def work(client: Client) -> None:
            while True:
                with lock:
                    if not queue:
                        return
                    code = queue.pop(0)
                if claim(client, code) == 303:
                    with lock:
                        told.append(code)

        threads = [threading.Thread(target=work, args=(client,)) for client in claimants(scene, portal, min(32, CLAIMANTS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with scene.app.app_context():
        query = text("SELECT p.code FROM claim c JOIN posting p ON p.id = c.posting_id WHERE c.state = 'active'")
        held = [code for code in db.session.scalars(query) if code in set(wanted)]
        db.session.remove()
    return [
        Figure("1,000 claims on 100 wishes: claimed twice", scene.engine, where, float(len(held) - len(set(held))), 0.0, unit=""),
        Figure("1,000 claims on 100 wishes: told yes, but not kept, or kept and not told", scene.engine, where, float(len(set(held) ^ set(told))), 0.0, unit=""),
        Figure("1,000 claims on 100 wishes: wishes left over", scene.engine, where, float(100 - len(set(told))), 0.0, unit=""),
    ]  # fmt: skip
