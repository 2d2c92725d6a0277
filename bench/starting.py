"""What it costs to begin: the start of the server, the memory of a worker, the first load of the hall."""

from __future__ import annotations

import gzip
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figure import Figure, thousands
from bench.measure import Request, processor_seconds, session_cookie
from bench.scene import Scene, settings_of
from bench.web import ROOT, Client, free_port, gunicorn, portal_environment, wait_for


def start() -> list[Figure]:
    """Seconds until a server on an empty instance answers, by the clock on the wall and by the processor; the first time with the migrations."""
    with tempfile.TemporaryDirectory() as folder:
        taken = [_start(Path(folder)) for _ in range(6)]
    wall, own = (statistics.median(values) for values in zip(*taken[1:], strict=True))
    return [
        Figure("First start of the server, with the migrations: processor time", "sqlite", "empty", taken[0][1], unit="s"),
        Figure("Start of the server: by the clock on the wall", "sqlite", "empty", wall, unit="s"),
        Figure("Start of the server: processor time", "sqlite", "empty", own, 1.0, unit="s"),
    ]


def _start(instance: Path) -> tuple[float, float]:
    port = free_port()
    environment = os.environ | portal_environment(settings_of(instance, "")) | {"PORTAL_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "portal.cli", "serve"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        seconds = wait_for(port, process)
        return seconds, processor_seconds([int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()])
    finally:
        process.terminate()
        process.wait(30)


def memory(scene: Scene) -> list[Figure]:
    """Resident memory of a worker that has shown a hundred pages (pages of the database that are only mapped are not its own)."""
    cookie = session_cookie(scene.app)
    with gunicorn("app:app", portal_environment(scene.settings)) as server:
        for _ in range(4):
            client = Client(server.port, cookie)
            for page in range(1, 26):
                client.send("GET", f"/wishes?page={page % 10 + 1}")
        largest = max(_own_megabytes(pid) for pid in server.pids())
    return [Figure("Memory of a worker", scene.engine, thousands(scene.size), largest, 120.0, unit="MB")]


def _own_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(found) for found in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+)", status, re.MULTILINE)) / 1024


def first_load(scene: Scene) -> list[Figure]:
    """Bytes (compressed, as a proxy sends them) and requests of the hall for somebody who was never here."""
    page = Request(scene.app, "/wishes", session_cookie(scene.app)).check()
    named = re.findall(rb'(?:href|src)="(/static/[^"]+)"', page)
    files = {name.decode() for name in named}
    sizes = {name: len(gzip.compress(Request(scene.app, name).check(), 6)) for name in files}
    fonts = [file for file in (ROOT / "static" / "fonts").glob("*.woff2")]
    kinds = {kind: sum(size for name, size in sizes.items() if name.split("?")[0].endswith(kind)) / 1024 for kind in (".js", ".css")}
    whole = (len(gzip.compress(page, 6)) + sum(sizes.values()) + sum(file.stat().st_size for file in fonts)) / 1024
    elsewhere = len(re.findall(rb'(?:href|src)="(?:https?:)?//', page))
    where = thousands(scene.size)
    return [
        Figure("First load of the hall", scene.engine, where, whole, 90.0, unit="KB"),
        Figure("First load of the hall: requests", scene.engine, where, 1.0 + len(files) + len(fonts), 8.0, unit=""),
        Figure("First load of the hall: from elsewhere", scene.engine, where, float(elsewhere), 0.0, unit=""),
        Figure("JavaScript, compressed", scene.engine, where, kinds[".js"], 25.0, unit="KB"),
        Figure("CSS, compressed", scene.engine, where, kinds[".css"], 12.0, unit="KB"),
    ]
