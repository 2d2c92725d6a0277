"""The to-do counts of the menus: one cheap question each, asked only for people whose permission needs it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import bindparam, func, select

from portal.database import db, utcnow
from portal.journal import Actor
from portal.policy import allowed
from portal.wishes import claim_queries, delivery_queries
from portal.wishes.models import BasketLine
from portal.wishes.queries import local_day

_IN_BASKET = select(func.count()).where(BasketLine.__table__.c.enterprise_id == bindparam("enterprise"))


def _basket(by: Actor) -> int:
    return db.session.scalar(_IN_BASKET, {"enterprise": by.enterprise_id}) or 0


def _claims(by: Actor) -> int:
    return claim_queries.due_soon(by, local_day(utcnow()))


# key of the count in the menus: (permission that needs it, question)
COUNTERS: dict[str, tuple[str, Callable[[Actor], int]]] = {
    "basket": ("claim.make", _basket),
    "claims": ("claim.own", _claims),
    "station": ("station.take", delivery_queries.count_to_take),
    "deliveries": ("delivery.sign", delivery_queries.count_to_sign),
    "confirm": ("delivery.confirm", delivery_queries.count_to_confirm),
    "review": ("posting.review", delivery_queries.count_to_review),
}


def counts(by: Actor) -> dict[str, int]:
    """What waits for this person, by the keys that the menus use."""
    return {key: ask(by) for key, (permission, ask) in COUNTERS.items() if allowed(permission, by.roles, True)}
