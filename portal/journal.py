"""The journal: one event row for each act, and transaction(), which lets no act pass without it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, CursorResult, Delete, Index, Integer, String, Update, insert, select
from sqlalchemy.orm import Mapped, mapped_column, scoped_session

from portal.codes import new_code
from portal.database import Model, Moment, db, utcnow, writers_queue

request_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass(frozen=True)
class Actor:
    """Who acts, as read at the start of the request: passed to every operation as ``by=``.

    ``unit_path`` is the path of the actor's union unit in the tree ("/1/4/"); a contact of an enterprise has ``enterprise_id`` instead.
    """

    id: int | None
    name: str
    roles: frozenset[str] = frozenset()
    unit_id: int | None = None
    unit_path: str = ""
    enterprise_id: int | None = None


SYSTEM = Actor(id=None, name="system")


class Event(Model):
    """One act: who, when, on what, what changed. Holds codes and numbers, never personal data."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_thing", "thing_type", "thing_code"),
        Index("ix_event_unit_at", "unit_id", "at"),
        Index("ix_event_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    actor_id: Mapped[int | None] = mapped_column(Integer)
    action: Mapped[str] = mapped_column(String(40))
    thing_type: Mapped[str] = mapped_column(String(24))
    thing_code: Mapped[str] = mapped_column(String(40))
    unit_id: Mapped[int | None] = mapped_column(Integer)
    request: Mapped[str] = mapped_column(String(32), default="")
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)


class EventMissing(RuntimeError):
    """A transaction ended without its one event: a programming error, nothing was kept."""


class Transaction:
    """What an operation holds while it writes: the session, and the one event it must leave."""

    def __init__(self) -> None:
        self.session: scoped_session[Any] = db.session
        self.events = 0

    def hold(self, row: Any) -> None:
        """Lock a row until the end and read it anew. Locks the row alone: PostgreSQL cannot lock what its query joined in."""
        model = type(row)
        self.session.execute(select(model.id).where(model.id == row.id).with_for_update())
        self.session.refresh(row)

    def event(self, action: str, thing: Any, *, by: Actor, at: datetime | None = None, unit_id: int | None = None, **changes: Any) -> None:
        """Leave the event of this transaction.

        ``thing`` is the row acted on: anything with ``__tablename__`` and ``code``; its ``unit_id`` (or the one given) decides who may read the event.
        """
        row = {
            "at": at or utcnow(), "actor_id": by.id, "action": action, "thing_type": thing.__tablename__, "thing_code": str(thing.code),
            "unit_id": unit_id if unit_id is not None else getattr(thing, "unit_id", None), "request": request_id.get(), "changes": changes,
        }  # fmt: skip
        self.session.execute(insert(Event), row)
        self.events += 1

    def new_code(self, model: Any, prefix: str) -> str:
        """A public code that no row of ``model`` has: drawn by chance, at a million rows one draw in four hundred is taken already."""
        while True:
            code = new_code(prefix)
            if self.session.scalar(select(model.id).where(model.code == code)) is None:
                return code

    def change(self, statement: Update | Delete) -> int:
        """Run one UPDATE or DELETE past the rows that are loaded; returns how many rows it changed."""
        done = self.session.execute(statement.execution_options(synchronize_session=False))
        return cast("CursorResult[Any]", done).rowcount


@contextlib.contextmanager
def transaction() -> Iterator[Transaction]:
    """One act: begins as a writer, commits at the end, rolls back on any exception.

    Exactly one event must have been left inside, or EventMissing is raised and nothing is kept.
    """
    with _writing() as session:
        tx = Transaction()
        yield tx
        if tx.events != 1:
            raise EventMissing(f"{tx.events} events in one transaction, 1 expected")
        session.commit()


@contextlib.contextmanager
def housekeeping() -> Iterator[Transaction]:
    """A write that is nobody's act and leaves no event: the touch of a session, a throttle's counter, a lease."""
    with _writing() as session:
        yield Transaction()
        session.commit()


@contextlib.contextmanager
def _writing() -> Iterator[scoped_session[Any]]:
    session = db.session
    session.rollback()  # ends a reading transaction: its snapshot may be older than the write lock
    with writers_queue(db.engine):
        session.connection(execution_options={"writing": True})
        try:
            yield session
        except BaseException:
            session.rollback()
            raise
