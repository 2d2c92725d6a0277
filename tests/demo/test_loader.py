"""The demo is played through the real operations: every state is there, the figures agree, nobody acted twice, nothing is overdue."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from portal.database import db
from portal.demo.data import story
from portal.demo.loader import load
from portal.journal import Event
from portal.wishes import shelf
from portal.wishes.delivery_models import Delivery, SignOff
from portal.wishes.models import Claim, PackItem, Posting, Recipient
from portal.wishes.operations import clock, posting

NOW = datetime(2027, 1, 12, 6, 30, tzinfo=UTC)
THINGS = {"posting": Posting, "claim": Claim, "delivery": Delivery}


@pytest.fixture
def demo(app):
    with app.app_context():
        told = []
        loaded = load(lambda done, total: told.append((done, total)), now=NOW)
        assert loaded.fresh
        assert told[-1][0] == told[-1][1] and told == sorted(told)
        yield loaded


def states(model):
    return Counter(db.session.scalars(select(model.state)))


def test_demo_shows_every_state_and_agrees_with_itself(demo):
    for thing, wanted in story()["least"].items():
        found = states(THINGS[thing])
        assert {state: found[state] for state, least in wanted.items() if found[state] < least} == {}, thing
    assert shelf.recount(db.session) == shelf.kept(db.session)
    assert clock.sweep(NOW) == clock.Swept()
    _every_record_has_its_events()
    _no_public_text_reveals()
    _different_people_acted()
    _packs_are_partly_claimed_and_partly_named()
    before = db.session.scalar(select(func.count()).select_from(Event))
    assert not load().fresh
    assert db.session.scalar(select(func.count()).select_from(Event)) == before


def _every_record_has_its_events():
    for thing, model in THINGS.items():
        with_event = set(db.session.scalars(select(Event.thing_code).where(Event.thing_type == thing)))
        born_of = {"delivery"}  # a delivery is planned within its claim's hand-over
        for row in db.session.scalars(select(model)):
            assert row.code in with_event or thing in born_of, row.code
    moments = list(db.session.scalars(select(Event.at).where(Event.thing_type.in_(("posting", "claim", "delivery"))).order_by(Event.id)))
    assert moments == sorted(moments) and moments[-1] <= NOW


def _no_public_text_reveals():
    shown = db.session.scalars(select(Posting).where(Posting.state.in_(("open", "closed")))).all()
    assert [row.title for row in shown if posting.findings(row.household, f"{row.title}。{row.spec}。{row.public_text}")] == []
    marked = [row for row in db.session.scalars(select(Posting).where(Posting.state == "submitted")) if row.checks]
    assert len([row for row in marked if any(check.startswith("privacy_") for check in row.checks)]) >= 5


def _different_people_acted():
    for delivery in db.session.scalars(select(Delivery).where(Delivery.state == "confirmed")):
        parts = [delivery.posting.posted_by, delivery.posting.reviewed_by, delivery.sign_off.deliverer_id, delivery.confirmed_by]
        assert len(set(parts)) == 4, delivery.code
    kinds = set(db.session.execute(select(SignOff.signer, SignOff.method)).tuples())
    assert {("self", "drawn"), ("proxy", "drawn"), ("self", "slip")} <= kinds


def _packs_are_partly_claimed_and_partly_named():
    lots = db.session.scalars(select(Posting).where(Posting.kind == "pack")).all()
    assert any(0 < lot.claimed < lot.quantity for lot in lots) and any(lot.claimed == lot.quantity for lot in lots)
    named = dict(db.session.execute(select(Recipient.posting_id, func.count()).group_by(Recipient.posting_id)).tuples().all())
    assert any(0 < named.get(lot.id, 0) < lot.quantity for lot in lots)
    assert db.session.scalar(select(func.count(PackItem.id)).where(PackItem.food))
    assert db.session.scalar(select(func.count(Claim.id)).where(Claim.unit_id.is_not(None))) >= 4
