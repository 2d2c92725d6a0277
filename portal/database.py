"""The two engines (SQLite, PostgreSQL), the session and the base of all models."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, MetaData, TypeDecorator, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase

try:  # pysqlite3 carries a mended SQLite; the standard library's may have the WAL-reset fault of 3.7.0 to 3.51.2
    import pysqlite3.dbapi2 as sqlite
except ImportError:  # no wheel for this system
    import sqlite3 as sqlite  # type: ignore[no-redef]

try:
    import fcntl
except ImportError:  # Windows has no fcntl; SQLite's own busy timeout then keeps writers apart, less fairly
    fcntl = None  # type: ignore[assignment]

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
BUSY_MS = 15_000


class Base(DeclarativeBase):
    """Declarative base with named constraints, which both engines and the migrations need."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)

if TYPE_CHECKING:

    class Model(Base):
        __abstract__ = True
else:
    Model = db.Model


class Moment(TypeDecorator[datetime]):
    """A point in time: aware UTC in Python, stored without zone, so that both engines compare it alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def utcnow() -> datetime:
    """Now, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


def engine_options(url: str) -> dict[str, Any]:
    """Options for create_engine() by kind of database."""
    if url.startswith("sqlite"):
        return {"module": sqlite, "connect_args": {"timeout": BUSY_MS / 1000, "check_same_thread": False}}
    return {"pool_size": 12, "max_overflow": 8, "pool_pre_ping": True, "pool_recycle": 1800}


def _sqlite_connect(dbapi_connection: Any, _record: Any) -> None:
    """Durable settings: WAL with FULL survives a power cut, WAL with NORMAL loses acknowledged commits."""
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in (
        "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON",
        f"busy_timeout={BUSY_MS}", "cache_size=-65536", "temp_store=MEMORY", "mmap_size=268435456",
    ):  # fmt: skip
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextlib.contextmanager
def writers_queue(engine: Engine) -> Iterator[None]:
    """A fair queue in front of SQLite's single writer, between the threads and processes of one machine.

    SQLite's own busy wait polls and can starve one writer for seconds; the kernel's file lock wakes the next in line. PostgreSQL
    locks rows, not the file, and needs no queue.
    """
    database = engine.url.database
    if fcntl is None or engine.dialect.name != "sqlite" or not database or database == ":memory:":
        yield
        return
    with open(f"{database}.writer", "ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def prepare_engine(engine: Engine) -> None:
    """Put the listeners on an engine: the pragmas, and BEGIN IMMEDIATE for connections that say they will write."""
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _sqlite_connect)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def backup_sqlite(source: Path, target: Path) -> None:
    """Copy a running SQLite database consistently; the copy is complete and synced when this returns."""
    with contextlib.closing(sqlite.connect(source)) as here, contextlib.closing(sqlite.connect(target)) as there:
        here.backup(there)
    with open(target, "rb") as handle:
        os.fsync(handle.fileno())
