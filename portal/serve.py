"""The portal's own server: waitress with the clock beside it, stopped cleanly."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from types import FrameType
from typing import Any

from flask import Flask
from waitress.server import create_server

from portal import clock

log = logging.getLogger("portal")
DRAIN_SECONDS = 20
LARGEST = 100 * 1024 * 1024
"""Bytes of a request that are taken from the line at all; the limits of the forms are far below and answer in words."""


def one_address(host: str, port: int) -> str:
    """The first address of a host, IPv4 before IPv6: with several waitress makes a server of another kind, which cannot be stopped as below."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


def run(app: Flask) -> None:
    """Serve until SIGTERM or Ctrl-C; then take no new connection, finish what is open (at most 20 s), and end."""
    chosen = app.config["PORTAL"]
    server = create_server(
        app, host=one_address(chosen.HOST, chosen.PORT), port=chosen.PORT, threads=chosen.THREADS, ident=None, channel_timeout=60,
        clear_untrusted_proxy_headers=not chosen.PROXIES,  # ProxyFix reads them; it believes as many proxies as the setting says
        max_request_body_size=LARGEST,
    )  # fmt: skip
    ticking = clock.start(app)

    def stop_listening() -> None:
        server.accepting = False
        server.del_channel()
        server.socket.close()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if ticking.is_set():  # drained, or asked a second time
            raise SystemExit
        ticking.set()
        server.trigger.pull_trigger(stop_listening)  # runs in the server's loop, which is polling the socket just now
        threading.Thread(target=_drain, args=(server,), daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("listening", extra={"facts": {"host": chosen.HOST, "port": chosen.PORT}})
    server.run()
    log.info("stopped")


def _drain(server: Any) -> None:
    """waitress drops open requests when it is closed: wait until the last is answered, then end the loop by a second signal."""
    end = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < end and any(channel.requests or channel.total_outbufs_len for channel in list(server.active_channels.values())):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
