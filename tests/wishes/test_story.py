"""A wish from the desk to the confirmation, on both engines: the figures agree with a recount at every step."""

from __future__ import annotations

from sqlalchemy import func, select

from portal.database import db
from portal.journal import Event
from portal.wishes import shelf
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Posting
from portal.wishes.operations import claiming, delivering
from portal.wishes.operations import posting as posting_operations


def agree() -> None:
    """The kept figures are those of a recount."""
    assert shelf.kept(db.session) == shelf.recount(db.session)


def test_a_wish_is_fulfilled(cast):
    wish = cast.wish()
    agree()
    delivery = cast.delivery(wish, state="signed")
    agree()
    assert db.session.get(Posting, wish.id).fulfilled == 0
    delivering.confirm(delivery, by=cast.li)
    agree()
    wish = db.session.get(Posting, wish.id)
    assert (wish.state, wish.claimed, wish.fulfilled) == ("closed", 1, 1)
    actions = list(db.session.scalars(select(Event.action).order_by(Event.id)))
    assert actions == [
        "posting.create", "posting.submit", "posting.approve", "claim.claim", "claim.ready", "claim.hand_over", "delivery.sign",
        "delivery.confirm",
    ]  # fmt: skip


def test_a_lot_is_shared_named_and_reversed(cast):
    lot = cast.lot(3)
    homes = [cast.household() for _ in range(3)]
    posting_operations.name_recipients(lot, homes[:1], by=cast.lin)
    first = cast.claim(lot, 2, state="handed_over")
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 1
    posting_operations.name_recipients(lot, homes[1:], by=cast.lin)
    deliveries = db.session.scalars(select(Delivery).where(Delivery.claim_id == first.id)).all()
    assert len(deliveries) == 2
    for row in deliveries:
        delivering.sign(row, cast.facts(row), by=cast.chen)
        delivering.confirm(row, by=cast.li)
    agree()
    assert first.state == "fulfilled"
    anew = delivering.reverse(deliveries[0], "签错人", by=cast.li)
    agree()
    assert (first.state, anew.state, deliveries[0].state) == ("handed_over", "planned", "reversed")


def test_a_lapsed_claim_goes_to_the_next_in_line(cast):
    from datetime import timedelta

    from portal.database import utcnow
    from portal.wishes.operations.clock import sweep

    wish = cast.wish()
    first = cast.claim(wish)
    second = claiming.wait(wish, 1, by=cast.sun)
    done = sweep(utcnow() + timedelta(days=7))
    assert (done.lapsed, done.promoted) == (1, 1)
    assert (first.state, second.state) == ("lapsed", "active")
    agree()
