"""What we ask of the event log, within the asker's subtree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from portal.accounts.models import Account, UnionUnit
from portal.accounts.queries import units_under
from portal.database import db
from portal.journal import Actor, Event
from portal.wishes.queries import ZONE

PER_PAGE = 50


@dataclass(frozen=True)
class Filter:
    """What the log is narrowed to; empty means all. ``thing`` is a record's code, ``kind`` the part of an action before its dot."""

    thing: str = ""
    kind: str = ""
    action: str = ""
    who: str = ""
    day: date | None = None

    def args(self) -> dict[str, str]:
        """The filter as query arguments, without the empty ones."""
        return {name: str(value) for name, value in vars(self).items() if value}


def events(by: Actor, chosen: Filter, before: int | None = None) -> list[dict[str, Any]]:
    """One page of events, newest first, older than the event of that number; one more than PER_PAGE when there is a next page."""
    query = (
        select(Event, Account.name, UnionUnit.short_name)
        .outerjoin(Account, Account.id == Event.actor_id)
        .outerjoin(UnionUnit, UnionUnit.id == Event.unit_id)
        .where(*_conditions(by, chosen))
    )
    if before:
        query = query.where(Event.id < before)
    rows = db.session.execute(query.order_by(Event.id.desc()).limit(PER_PAGE + 1))
    return [
        {
            "id": event.id, "at": event.at, "who": name, "action": event.action, "kind": event.thing_type, "thing": event.thing_code,
            "unit": unit, "changes": event.changes, "request": event.request,
        }
        for event, name, unit in rows
    ]  # fmt: skip


def _conditions(by: Actor, chosen: Filter) -> list[ColumnElement[bool]]:
    """Events without a unit (settings, the portal's own) are for everybody who may read the log."""
    found: list[ColumnElement[bool]] = [or_(Event.unit_id.is_(None), Event.unit_id.in_(units_under(by)))]
    if chosen.thing:
        found.append(Event.thing_code == chosen.thing)
    if chosen.action:
        found.append(Event.action == chosen.action)
    elif chosen.kind:
        found.append(Event.action.startswith(f"{chosen.kind}.", autoescape=True))
    if chosen.who:
        found.append(Event.actor_id == select(Account.id).where(Account.username == chosen.who).scalar_subquery())
    if chosen.day:
        start = datetime.combine(chosen.day, time(), ZONE)
        found += [Event.at >= start, Event.at < start + timedelta(days=1)]
    return found
