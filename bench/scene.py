"""One portal on one engine with so many postings: built once, in a folder of its own below bench/data."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade

import portal
from bench.fill import fill
from portal.database import db
from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(__file__).resolve().parent / "data"
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "256MB", "max_wal_size": "4GB", "autovacuum": "on"}


@dataclass
class Scene:
    """A filled portal and how to reach it."""

    engine: str
    size: int
    app: Flask
    settings: dict[str, Any]
    seconds: float

    @property
    def url(self) -> str:
        """The database's address."""
        return str(self.settings["DATABASE_URL"])


@contextlib.contextmanager
def server(engine: str) -> Iterator[str]:
    """URL of a PostgreSQL with durable settings, private to this run; nothing to start for SQLite."""
    if engine == "sqlite":
        yield ""
        return
    postgres.SETTINGS.update(DURABLE)
    folder = postgres.new_folder()
    try:
        yield postgres.start(folder)
    finally:
        postgres.stop(folder)


def settings_of(instance: Path, url: str) -> dict[str, Any]:
    """Settings of a portal as in use, but quiet and without the clock."""
    return {"INSTANCE": str(instance), "DATABASE_URL": url, "SECRET_KEY": "bench", "CLOCK_SECONDS": 0, "LOG_LEVEL": "WARNING"}


@contextlib.contextmanager
def scene(engine: str, size: int, base: str) -> Iterator[Scene]:
    """A portal with ``size`` wishes; its database is removed afterwards."""
    instance = DATA / f"{engine}-{size}"
    shutil.rmtree(instance, ignore_errors=True)
    instance.mkdir(parents=True)
    if engine == "sqlite":
        url = f"sqlite:///{instance / 'portal.sqlite3'}"
    else:
        postgres.create_database(base, f"bench_{size}")
        url = postgres.database_url(base, f"bench_{size}")
    settings = settings_of(instance, url)
    app = portal.create_app(settings)
    began = time.monotonic()
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
    fill(app, size)
    try:
        yield Scene(engine, size, app, settings, time.monotonic() - began)
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        if engine != "sqlite":
            postgres.drop_database(base, f"bench_{size}")
        shutil.rmtree(instance, ignore_errors=True)
