"""Servers and clients over HTTP: gunicorn with two workers of four threads, and as many keep-alive connections as asked for."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
Send = Callable[["Client"], int]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Server:
    """A running gunicorn."""

    port: int
    process: subprocess.Popen[bytes]

    def pids(self) -> list[int]:
        """The worker processes."""
        return [int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]


@contextlib.contextmanager
def gunicorn(target: str, environment: dict[str, str]) -> Iterator[Server]:
    """Serve ``module:app`` until the block ends; the portal with its own gunicorn.conf.py, a plain program from a folder without one."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        "gthread",
        "--workers",
        "2",
        "--threads",
        "4",
        "--bind",
        f"127.0.0.1:{port}",
        "--log-level",
        "error",
        target,
    ]
    folder = ROOT if target.startswith("app:") else ROOT / "bench"
    process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield Server(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> float:
    """Seconds until the server answers."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            connection.close()
            return time.monotonic() - began
        time.sleep(0.01)
    raise TimeoutError(f"no answer on port {port}")


def portal_environment(settings: dict[str, Any]) -> dict[str, str]:
    """Settings as environment variables of the portal."""
    return {f"PORTAL_{name}": str(value) for name, value in settings.items()}


class Client:
    """One keep-alive connection of one person."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.port, self.cookie, self.token = port, cookie, ""
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def send(self, method: str, path: str, fields: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """(status, body); a connection that the server has closed is opened again."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        body = None
        if fields is not None:
            body = urlencode(fields | ({"csrf_token": self.token} if self.token else {}))
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        for again in (True, False):
            try:
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.connection.close()
                if not again:
                    raise
        raise AssertionError

    def fetch_token(self, path: str = "/wishes") -> None:
        """Take the CSRF token from a page, for POSTs to the portal."""
        found = re.search(rb'"X-CSRFToken": "([^"]+)"', self.send("GET", path)[1])
        assert found
        self.token = found[1].decode()


def together(clients: list[Client], send: Send, seconds: float) -> tuple[float, list[float]]:
    """(answers a second, time of each) when all clients send as fast as they are answered; ``send`` says how many answers count, 0 ends."""
    taken: list[list[float]] = [[] for _ in clients]
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        while time.monotonic() < end:
            began = time.perf_counter()
            if not send(clients[number]):
                return
            taken[number].append(time.perf_counter() - began)

    began = time.monotonic()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [one for of_client in taken for one in of_client]
    return len(everything) / (time.monotonic() - began), everything


def target_of(kind: str, **values: Any) -> tuple[str, dict[str, str]]:
    """What gunicorn serves, and its environment, for a plain program of bench.plain: "page" (size) or "claim" (url)."""
    return "bench.served:app", {"BENCH_PLAIN": json.dumps({"kind": kind, **values})}
