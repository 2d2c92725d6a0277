"""One act leaves one event, or nothing at all is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from portal.database import db
from portal.journal import SYSTEM, Event, EventMissing, housekeeping, request_id, transaction
from portal.refusal import Refused
from portal.wishes.models import Campaign, Posting


def names() -> list[str]:
    return list(db.session.scalars(select(Campaign.name).execution_options(populate_existing=True)))


def events() -> int:
    return db.session.scalar(select(func.count()).select_from(Event)) or 0


def rename(cast, tx, name: str) -> Campaign:
    campaign = tx.session.get_one(Campaign, cast.campaign_id)
    campaign.name = name
    tx.session.flush()
    return campaign


@pytest.mark.parametrize("count", [0, 2])
def test_an_act_without_its_one_event_keeps_nothing(cast, count):
    before = names()
    with pytest.raises(EventMissing, match=f"{count} events"), transaction() as tx:
        campaign = rename(cast, tx, "改过的名称")
        for _ in range(count):
            tx.event("campaign.amend", campaign, by=cast.admin)
    assert (names(), events()) == (before, 0)


@pytest.mark.parametrize("problem", [Refused("quota"), RuntimeError("停电"), KeyboardInterrupt()])
def test_whatever_breaks_an_act_undoes_all_of_it(cast, problem):
    before = names()
    with pytest.raises(type(problem)), transaction() as tx:
        tx.event("campaign.amend", rename(cast, tx, "改过的名称"), by=cast.admin)
        raise problem
    assert (names(), events()) == (before, 0)
    with transaction() as tx:  # and the next one finds no lock
        tx.event("campaign.amend", rename(cast, tx, "新名称"), by=cast.admin)
    assert (names(), events()) == (["新名称"], 1)


def test_an_event_says_who_when_what_and_where(cast):
    at = datetime(2026, 12, 1, 3, 4, 5, 678901, tzinfo=UTC)
    token = request_id.set("r-7")
    try:
        with transaction() as tx:
            tx.event("campaign.amend", rename(cast, tx, "新名称"), by=cast.admin, at=at, days=3)
    finally:
        request_id.reset(token)
    event = db.session.scalars(select(Event)).one()
    assert (event.at, event.actor_id, event.action, event.thing_type, event.thing_code, event.unit_id, event.request, event.changes) == (
        at, cast.admin.id, "campaign.amend", "campaign", cast.campaign.code, cast.units["district"].id, "r-7", {"days": 3},
    )  # fmt: skip


def test_a_unit_given_wins_over_the_things_own(cast):
    with transaction() as tx:
        tx.event("campaign.amend", rename(cast, tx, "新名称"), by=SYSTEM, unit_id=cast.units["luqiao"].id)
    event = db.session.scalars(select(Event)).one()
    assert (event.unit_id, event.actor_id) == (cast.units["luqiao"].id, None)


def test_housekeeping_is_kept_without_an_event(cast):
    with housekeeping() as tx:
        rename(cast, tx, "新名称")
    assert (names(), events()) == (["新名称"], 0)


def test_a_transaction_sees_what_was_committed_after_the_last_read(cast, make_app):
    """An act begins with a fresh snapshot: what was read before may be older than the lock."""
    assert cast.campaign.quota == 80
    other = make_app()
    with other.app_context():
        db.session.get_one(Campaign, cast.campaign_id).quota = 5
        db.session.commit()
        db.session.remove()
    with transaction() as tx:
        assert tx.session.get_one(Campaign, cast.campaign_id).quota == 5
        tx.event("campaign.amend", cast.campaign, by=cast.admin)


def test_events_hold_no_personal_data(cast):
    """A whole story leaves codes and numbers, nothing that names the household."""
    delivery = cast.delivery(state="confirmed")
    home = delivery.household
    secret = [home.name, home.id_no, home.id_no[-4:], home.phone, home.address, home.employer, *(member.name for member in home.members)]
    for event in db.session.scalars(select(Event)):
        said = json.dumps(event.changes, ensure_ascii=False)
        assert not [word for word in secret if word and word in said], event.action


def test_a_code_that_is_taken_is_drawn_again(cast, monkeypatch):
    taken = cast.wish().code
    draws = iter((taken, taken, "WX-222222"))
    monkeypatch.setattr("portal.journal.new_code", lambda prefix: next(draws))
    with housekeeping() as tx:
        assert tx.new_code(Posting, "WX") == "WX-222222"
