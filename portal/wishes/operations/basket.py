"""The claim basket (认领篮): put in, take out, change the amount. It reserves nothing (rule 2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from portal.database import db, utcnow
from portal.journal import Actor, Transaction, transaction
from portal.refusal import Refused
from portal.wishes.models import BasketLine, Posting

MOST = 100


def put(posting: Posting, quantity: int = 1, *, by: Actor, now: datetime | None = None) -> int:
    """Put units into the basket of the actor's enterprise, in place of an earlier amount; returns how many, never more than are left.

    Refused: not_open, already_claimed, pack_gone, basket_full (100 lines).
    """
    now = now or utcnow()
    if posting.state != "open":
        raise Refused("not_open")
    if posting.left < 1:
        raise Refused("already_claimed" if posting.kind == "wish" else "pack_gone")
    quantity = min(max(quantity, 1), posting.left)
    posting_id = posting.id
    with transaction() as tx:
        others = select(func.count()).where(BasketLine.enterprise_id == by.enterprise_id, BasketLine.posting_id != posting_id)
        if (tx.session.scalar(others) or 0) >= MOST:
            raise Refused("basket_full", most=MOST)
        _write(tx, posting_id, quantity, by, now)
        tx.event("basket.put", posting, by=by, at=now, quantity=quantity)
    return quantity


def _write(tx: Transaction, posting_id: int, quantity: int, by: Actor, now: datetime) -> None:
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(BasketLine).values(enterprise_id=by.enterprise_id, posting_id=posting_id, quantity=quantity, added_at=now)
    key = [BasketLine.enterprise_id, BasketLine.posting_id]
    tx.session.execute(statement.on_conflict_do_update(index_elements=key, set_={"quantity": quantity}))


def drop(posting: Posting, *, by: Actor, now: datetime | None = None) -> int:
    """Take a line out of the basket; returns the units it had, 0 when it was not there (then nothing is written)."""
    line = db.session.get(BasketLine, (by.enterprise_id, posting.id))
    if line is None:
        return 0
    quantity, posting_id = line.quantity, posting.id
    with transaction() as tx:
        tx.session.execute(
            delete(BasketLine)
            .where(BasketLine.enterprise_id == by.enterprise_id, BasketLine.posting_id == posting_id)
            .execution_options(synchronize_session=False)
        )
        tx.event("basket.drop", posting, by=by, at=now or utcnow(), quantity=quantity)
    return quantity
