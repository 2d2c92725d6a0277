"""Fixtures that every test may use: ``engine``, ``app``, ``demo_app``, ``client``, ``reader``, ``make_app``. Each runs on SQLite and on PostgreSQL.

A test that asks for ``app`` (or a fixture built on it) is run twice, with [sqlite] and [postgresql] in its name, each time on an
empty, migrated database of its own. ``make_app(IDLE_MINUTES=1)`` gives another app with other settings on the same database.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade

import portal
from portal.database import db
from portal.demo import loader
from tests import databases
from tests.cast import Cast, make_cast
from tests.reader import Browser, Reader
from tests.world import World
from tests.world import build as build_world

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("sqlite", "postgresql")

hypothesis.settings.register_profile("portal", deadline=None, print_blob=True)
hypothesis.settings.load_profile("portal")


def pytest_configure(config: pytest.Config) -> None:
    """The first process makes the folder that xdist's workers inherit by the environment."""
    databases.run_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The first process clears up; the workers must not."""
    if not hasattr(config, "workerinput"):
        databases.end_run()


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The kind of database: "sqlite" or "postgresql"."""
    return str(request.param)


def _settings(instance: Path, url: str) -> dict[str, Any]:
    return {
        "INSTANCE": str(instance),
        "DATABASE_URL": url,
        "SECRET_KEY": "only-for-tests",
        "KEYS_FILE": str(databases.run_folder() / "keys.json"),
        "CLOCK_SECONDS": 0,
        "FACET_SECONDS": 0.0,
        "TESTING": True,
    }


class Stage:
    """One app on one database that can be made as new."""

    facts: Any = None  # what a test has to know of the rows that it begins with

    def __init__(self, engine: str, instance: Path, kind: str, fill: Callable[[Flask], Any]) -> None:
        self.instance = instance
        self.database = databases.SqliteStage(instance, kind) if engine == "sqlite" else databases.PostgresStage(f"{databases.WORKER}_{kind}", kind)

        def build(url: str) -> None:
            app = portal.create_app(_settings(instance, url))
            with app.app_context():
                upgrade(directory=str(ROOT / "migrations"))
                fill(app)
            _close(app)

        self.database.build(build)
        self.database.reset()
        self.app = portal.create_app(_settings(instance, self.database.url))

    def renew(self) -> None:
        """As at the beginning: the database like its template, and no uploads."""
        with self.app.app_context():
            db.session.remove()
            if db.engine.dialect.name == "sqlite":
                db.engine.dispose()  # the file is about to be replaced
        self.database.reset()
        for folder in self.instance.iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)


def _close(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def stage(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The app of this process and engine, made once; use ``app``, which renews its database."""
    stage = Stage(engine, tmp_path_factory.mktemp(f"instance-{engine}"), "empty", lambda app: None)
    yield stage
    _close(stage.app)


@pytest.fixture
def app(stage: Stage) -> Flask:
    """The portal on an empty, migrated database."""
    stage.renew()
    return stage.app


@pytest.fixture(scope="session")
def demo_stage(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Like ``stage``, with the demo campaign; use ``demo_app``."""
    stage = Stage(engine, tmp_path_factory.mktemp(f"demo-{engine}"), "demo", lambda app: loader.load())
    yield stage
    _close(stage.app)


@pytest.fixture
def demo_app(demo_stage: Stage) -> Flask:
    """The portal with the whole demo campaign, as `make run` shows it; everybody's password is tests.reader.PASSWORD."""
    demo_stage.renew()
    return demo_stage.app


@pytest.fixture(scope="session")
def world_stage(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Like ``stage``, with one thing of every kind in every place; use ``world_app`` and ``world``."""
    kept = databases.run_folder() / f"world-{engine}.json"
    stage = Stage(engine, tmp_path_factory.mktemp(f"world-{engine}"), "world", lambda app: build_world(make_cast()).save(kept))
    stage.facts = World.load(kept)
    yield stage
    _close(stage.app)


@pytest.fixture
def world_app(world_stage: Stage) -> Flask:
    """The portal on the database of tests/world.py; everybody's password is tests.reader.PASSWORD."""
    world_stage.renew()
    return world_stage.app


@pytest.fixture
def world(world_app: Flask, world_stage: Stage) -> World:
    """What stands in the database of ``world_app``."""
    return world_stage.facts


@pytest.fixture
def make_app(app: Flask, stage: Stage) -> Iterator[Callable[..., Flask]]:
    """``make_app(NAME=value, …)``: another app with other settings, on the same database as ``app``."""
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        made.append(portal.create_app(_settings(stage.instance, stage.database.url) | settings))
        return made[-1]

    yield make
    for other in made:
        _close(other)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Flask's own test client, for what no browser does."""
    return Browser(app, app.response_class, use_cookies=True)


@pytest.fixture
def reader(app: Flask) -> Reader:
    """A browser without JavaScript that is strict about the HTML it reads; see tests/reader.py."""
    return Reader(app)


@pytest.fixture
def cast(app: Flask) -> Iterator[Cast]:
    """The cast in the database of ``app``; the app's context is open while the test runs."""
    with app.app_context():
        yield make_cast()
        db.session.remove()
