"""The hall beside a plain page, and the same page among few and among many postings."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from bench.figure import Figure, thousands
from bench.measure import Request, alternate, backend_pids, processor_seconds, session_cookie
from bench.scene import Scene
from bench.web import Client, Server, gunicorn, portal_environment, target_of, together
from portal.database import db
from portal.wishes import shelf

WORDS = ("书包", "大米", "棉被", "电工")
NOTHING = "龘鱻"
FILTERS = {
    "category": "cat=home", "town": "town=东湖街道", "value": "band=b300", "delivery": "mode=station",
    "four filters": "cat=study&town=东湖街道&band=b100&mode=station", "order by value": "sort=value", "waiting longest": "sort=waiting",
    "taken ones": "state=claimed",
}  # fmt: skip


def deep(scene: Scene, page: int) -> str:
    """The address of a page far back: the ten-thousandth, or the last one of a small hall."""
    with scene.app.app_context():
        query = "SELECT code FROM posting WHERE state = 'open' and claimed < quantity AND campaign_id = 1 AND kind = 'wish' ORDER BY latest_day, id OFFSET {} LIMIT 1"
        if db.engine.dialect.name == "sqlite":
            query = query.replace("OFFSET {} LIMIT 1", "LIMIT 1 OFFSET {}")
        count = db.session.scalar(text("SELECT sum(shelf_posts) FROM tally"))
        code = db.session.scalar(text(query.format(min((page - 1) * 12 - 1, int(count) - 14))))
        db.session.remove()
    return f"/wishes?page={page}&after={code}"


def growth(small: Scene, large: Scene) -> list[Figure]:
    """Processor time of each kind of page at the large size over that at the small one."""
    paths: dict[str, Callable[[Scene], str]] = {"page 1": lambda scene: "/wishes", "page 10,000": lambda scene: deep(scene, 10_000)}
    paths |= {name: (lambda scene, query=query: f"/wishes?{query}") for name, query in FILTERS.items()}  # type: ignore[misc]
    cookies = {scene.size: session_cookie(scene.app) for scene in (small, large)}
    calls = []
    for where in paths.values():
        for scene in (small, large):
            request = Request(scene.app, where(scene), cookies[scene.size])
            request.check()
            calls.append((request.body, backend_pids(scene.app)))
    costs = alternate(calls, rounds=7, times=20)
    size = f"{thousands(small.size)} → {thousands(large.size)}"
    return [
        Figure(f"The hall, {name}: processor time grows", large.engine, size, costs[2 * number + 1] / costs[2 * number], 1.2)
        for number, name in enumerate(paths)
    ]


def searching(scene: Scene) -> list[Figure]:
    """Search for two characters, with hits and without, over the unfiltered page."""
    cookie, pids = session_cookie(scene.app), backend_pids(scene.app)
    paths = ["/wishes", f"/wishes?q={NOTHING}", *(f"/wishes?q={word}" for word in WORDS)]
    requests = [Request(scene.app, path, cookie) for path in paths]
    for request in requests:
        request.check()
    costs = alternate([(request.body, pids) for request in requests], rounds=7, times=20)
    size = thousands(scene.size)
    return [
        Figure("Search for two characters, median of four words: processor time over the unfiltered page", scene.engine, size, statistics.median(costs[2:]) / costs[0], 1.3),
        Figure("Search without a hit: processor time over the unfiltered page", scene.engine, size, costs[1] / costs[0], 1.3),
    ]  # fmt: skip


def beside_plain(scene: Scene) -> list[Figure]:
    """Over HTTP: requests for each second of processor time (workers and database), and the slowest one in a thousand."""
    cookie = session_cookie(scene.app)
    size = len(Request(scene.app, "/wishes", cookie).check())
    target, environment = target_of("page", size=size)
    goal = 0.9 if scene.engine == "sqlite" else 0.5
    with gunicorn(target, environment) as plain, gunicorn("app:app", portal_environment(scene.settings)) as hall:
        rates: dict[str, list[float]] = {"plain": [], "hall": []}
        for _ in range(7):
            rates["plain"].append(_rate(plain, "/", "", []))
            rates["hall"].append(_rate(hall, "/wishes", cookie, backend_pids(scene.app)))
        _many, taken = together([Client(hall.port, cookie)], lambda client: client.send("GET", "/wishes")[0], 8)
    taken.sort()
    where = thousands(scene.size)
    ratio = statistics.median(rates["hall"]) / statistics.median(rates["plain"])
    return [
        Figure(f"The hall, signed in, beside a plain Flask + Jinja page of as many bytes ({size // 1024} kB): rate", scene.engine, where, ratio, goal, "least"),
        Figure("The hall, one connection: slowest in a thousand over the median", scene.engine, where, taken[int(len(taken) * 0.999)] / statistics.median(taken), 3.0),
    ]  # fmt: skip


def _rate(server: Server, path: str, cookie: str, pids: list[int]) -> float:
    """Answers for each second of processor time, from 16 connections."""
    clients = [Client(server.port, cookie) for _ in range(16)]
    for client in clients:
        assert client.send("GET", path)[0] == 200
    everybody = [*server.pids(), *pids]
    threads = [int(task) for pid in everybody for task in _threads(pid)]
    before = processor_seconds(threads)
    _rate_seen, taken = together(clients, lambda client: client.send("GET", path)[0], 1.5)
    return len(taken) / (processor_seconds(threads) - before)


def _threads(pid: int) -> list[str]:
    return [task.name for task in Path(f"/proc/{pid}/task").iterdir()]


def figures_kept(scene: Scene) -> list[Figure]:
    """The public board beside an empty page; and whether a recount of everything gives the kept figures."""
    requests = [Request(scene.app, path) for path in ("/login", "/board", "/honours")]
    for request in requests:
        request.check()
    empty, board, honours = alternate([(request.body, backend_pids(scene.app)) for request in requests], rounds=7, times=20)
    with scene.app.app_context():
        agrees = shelf.kept(db.session) == shelf.recount(db.session)
        db.session.remove()
    where = thousands(scene.size)
    return [
        Figure("The public board: processor time over an empty page", scene.engine, where, board / empty, 2.0),
        Figure("The honour wall: processor time over an empty page", scene.engine, where, honours / empty, 2.0),
        Figure(
            "A recount of every posting differs from the kept figures in so many cells", scene.engine, where, 0.0 if agrees else 1.0, 0.0, unit=""
        ),
    ]
