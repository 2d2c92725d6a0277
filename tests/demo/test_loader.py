"""The demo is played through the real operations: every state is there, the figures agree, nobody acted twice, nothing is overdue."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from portal.accounts.models import Account
from portal.database import db
from portal.demo import samples
from portal.demo.data import story
from portal.demo.loader import load
from portal.enterprises.models import Enterprise
from portal.journal import Actor, Event
from portal.noticeboard import operations
from portal.noticeboard.models import Publication
from portal.wishes import importing, shelf
from portal.wishes.delivery_models import Delivery, SignOff
from portal.wishes.models import BasketLine, Claim, PackItem, Posting, Recipient
from portal.wishes.operations import checking, clock
from portal.wishes.operations.claiming import employs

NOW = datetime.now(UTC)
"""The samples are looked over on the real day, so the demo is loaded as of now."""
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


def test_demo_shows_every_state_and_agrees_with_itself(demo, tmp_path):
    for thing, wanted in story()["least"].items():
        found = states(THINGS[thing])
        assert {state: found[state] for state, least in wanted.items() if found[state] < least} == {}, thing
    assert shelf.recount(db.session) == shelf.kept(db.session)
    assert clock.sweep(NOW) == clock.Swept()
    _every_record_has_its_events()
    _no_public_text_reveals()
    _different_people_acted()
    _packs_are_partly_claimed_and_partly_named()
    _the_board_has_an_issue_and_a_draft()
    _samples_can_be_imported(tmp_path)
    before = db.session.scalar(select(func.count()).select_from(Event))
    assert not load().fresh
    assert db.session.scalar(select(func.count()).select_from(Event)) == before


def _every_record_has_its_events():
    for thing, model in THINGS.items():
        with_event = set(db.session.scalars(select(Event.thing_code).where(Event.thing_type == thing)))
        born_of = {"delivery"}  # a delivery is planned within its claim's hand-over
        for row in db.session.scalars(select(model)):
            assert row.code in with_event or thing in born_of, row.code
    moments = list(db.session.scalars(select(Event.at).where(Event.thing_type.in_((*THINGS, "publication"))).order_by(Event.id)))
    assert moments == sorted(moments) and moments[-1] <= NOW


def _no_public_text_reveals():
    shown = db.session.scalars(select(Posting).where(Posting.state.in_(("open", "closed")))).all()
    assert [row.title for row in shown if checking.findings(row.household, f"{row.title}。{row.spec}。{row.public_text}")] == []
    marked = [row for row in db.session.scalars(select(Posting).where(Posting.state == "submitted")) if row.checks]
    assert len([row for row in marked if any(check.startswith("privacy_") for check in row.checks)]) >= 5


def _different_people_acted():
    for delivery in db.session.scalars(select(Delivery).where(Delivery.state == "confirmed")):
        parts = [delivery.posting.posted_by, delivery.posting.reviewed_by, delivery.sign_off.deliverer_id, delivery.confirmed_by]
        assert len(set(parts)) == 4, delivery.code
    kinds = set(db.session.execute(select(SignOff.signer, SignOff.method)))
    assert {("self", "drawn"), ("proxy", "drawn"), ("self", "slip")} <= kinds


def _packs_are_partly_claimed_and_partly_named():
    lots = db.session.scalars(select(Posting).where(Posting.kind == "pack")).all()
    assert any(0 < lot.claimed < lot.quantity for lot in lots) and any(lot.claimed == lot.quantity for lot in lots)
    named = dict(db.session.execute(select(Recipient.posting_id, func.count()).group_by(Recipient.posting_id)).all())
    assert any(0 < named.get(lot.id, 0) < lot.quantity for lot in lots)
    assert db.session.scalar(select(func.count(PackItem.id)).where(PackItem.food))
    assert db.session.scalar(select(func.count(Claim.id)).where(Claim.unit_id.is_not(None))) >= 4


def _the_board_has_an_issue_and_a_draft():
    issue, draft = db.session.scalars(select(Publication).order_by(Publication.drafted_at)).all()
    assert (issue.state, issue.number, draft.state) == ("published", 1, "draft")
    assert issue.drafted_by != issue.published_by and issue.to_at < draft.to_at
    assert operations.look_over(draft) == []


def _samples_can_be_imported(folder):
    account = db.session.scalar(select(Account).where(Account.username == samples.POSTER))
    by = Actor(account.id, account.name, account.roles, account.unit_id, account.unit.path)
    for file in samples.write(folder):
        report = importing.look_over("wishes", importing.read(file), by=by)
        assert report.faults == []
        assert len(report.good) == samples.COUNT


def test_demo_has_a_wish_that_its_own_employer_may_not_claim(demo):
    hers = select(Enterprise.id).join(Account, Account.enterprise_id == Enterprise.id).where(Account.username == "zhao")
    enterprise_id = db.session.scalar(hers)
    free = db.session.scalars(select(Posting).where(Posting.kind == "wish", Posting.state == "open", Posting.claimed == 0)).all()
    assert any(employs(row.household_id, enterprise_id) for row in free)
    basket = db.session.scalars(select(BasketLine).where(BasketLine.enterprise_id == enterprise_id)).all()
    assert len(basket) == 3 and not any(employs(line.posting.household_id, enterprise_id) for line in basket)
