"""The rules of claiming, one by one, and two people at once on both engines. Each test goes red when its rule is taken out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.codes import new_code
from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.households.models import Household, Member
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes import shelf
from portal.wishes.delivery_models import Delivery, Inspection, SignOff
from portal.wishes.models import Claim, Posting
from portal.wishes.operations import claiming, clock, covering, delivering
from portal.wishes.operations import posting as posting_operations
from portal.wishes.queries import ZONE, local_day


def refused(act: Callable[[], object]) -> Refused:
    """The refusal of an act, which must leave no event."""
    before = db.session.scalar(select(func.count()).select_from(Event))
    with pytest.raises(Refused) as problem:
        act()
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Event)) == before
    assert shelf.kept(db.session) == shelf.recount(db.session)
    return problem.value


def change(row: Any, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    db.session.commit()


def firm(cast: Any, name: str = "zhao") -> Enterprise:
    return db.session.get_one(Enterprise, cast.actors[name].enterprise_id, populate_existing=True)


# -- who may claim ------------------------------------------------------------------------------------------------------------------


def test_the_quota_counts_units_and_hand_over_gives_them_back(cast):
    change(firm(cast), quota=3)
    lot = cast.lot(10)
    first = cast.claim(lot, 2)
    problem = refused(lambda: cast.claim(lot, 2))
    assert (problem.code, problem.params) == ("quota", {"quota": 3, "open": 2})
    cast.claim(lot, 1)
    wish = cast.wish()
    assert refused(lambda: cast.claim(wish)).code == "quota"
    delivering.hand_over(first, by=cast.chen)
    assert firm(cast).open_claims == 1
    cast.claim(lot, 2)


def test_an_own_quota_of_none_is_none_and_no_quota_is_the_campaigns(cast):
    wish, other = cast.wish(), cast.wish()
    change(firm(cast), quota=0)
    problem = refused(lambda: cast.claim(wish))
    assert (problem.code, problem.params) == ("quota", {"quota": 0, "open": 0})
    change(firm(cast), quota=None)
    change(cast.campaign, quota=1)
    cast.claim(wish)
    assert refused(lambda: cast.claim(other)).params == {"quota": 1, "open": 1}


@pytest.mark.parametrize("act", [claiming.claim, claiming.wait])
@pytest.mark.parametrize(("state", "code"), [("pending", "not_approved"), ("refused", "not_approved"), ("suspended", "suspended")])
def test_only_an_approved_enterprise_claims_and_waits(cast, act, state, code):
    wish = cast.wish()
    if act is claiming.wait:
        cast.claim(wish, by="sun")
    change(firm(cast), state=state)
    assert refused(lambda: act(wish, 1, by=cast.zhao)).code == code


@pytest.mark.parametrize("whom", ["household", "member"])
def test_nobody_claims_for_their_own_employee(cast, whom):
    code = firm(cast).credit_code
    if whom == "household":
        home = cast.household(employer_credit_code=code)
    else:
        home = cast.household()
        db.session.add(Member(household_id=home.id, code=new_code("CY"), relation="spouse", employer_credit_code=code))
        db.session.commit()
    wish = cast.wish(household=home)
    assert refused(lambda: cast.claim(wish)).code == "own_employee"
    cast.claim(wish, by="sun")
    assert refused(lambda: claiming.wait(wish, 1, by=cast.zhao)).code == "own_employee"


def test_a_pack_of_the_employer_goes_to_another_household(cast):
    lot = cast.lot(2)
    own, other = cast.household(employer_credit_code=firm(cast).credit_code), cast.household()
    posting_operations.name_recipients(lot, [own, other], by=cast.lin)
    row = cast.claim(lot, 2, state="handed_over")
    assert list(db.session.scalars(select(Delivery.household_id).where(Delivery.claim_id == row.id))) == [other.id]


# -- what may be claimed ------------------------------------------------------------------------------------------------------------


def test_a_wish_has_one_claimant_and_a_lot_as_many_as_it_has_packs(cast):
    wish, lot = cast.wish(), cast.lot(3)
    cast.claim(wish)
    assert refused(lambda: cast.claim(wish, by="sun")).code == "already_claimed"
    cast.claim(lot, 1)
    cast.claim(lot, 1)
    problem = refused(lambda: cast.claim(lot, 2, by="sun"))
    assert (problem.code, problem.field, problem.params) == ("pack_short", "quantity", {"left": 1})
    cast.claim(lot, problem.params["left"], by="sun")
    assert refused(lambda: cast.claim(lot, 1)).code == "pack_gone"


@pytest.mark.parametrize("state", ["draft", "submitted"])
def test_what_is_not_open_is_not_claimed(cast, state):
    wish = cast.wish(state)
    assert refused(lambda: cast.claim(wish)).code == "not_open"


def test_claims_end_with_the_latest_day_and_with_the_campaigns_deadline(cast):
    now = utcnow()
    wish = cast.wish(latest_day=cast.today + timedelta(days=2))
    assert refused(lambda: cast.claim(wish, now=now + timedelta(days=3))).code == "too_late"
    far = cast.wish(latest_day=cast.today + timedelta(days=38))
    assert refused(lambda: cast.claim(far, now=now + timedelta(days=31))).code == "campaign_over"
    covering.cover(far, 1, by=cast.li, now=now + timedelta(days=31))
    assert refused(lambda: claiming.wait(far, 1, by=cast.zhao, now=now + timedelta(days=31))).code == "campaign_over"


def test_the_deadlines_last_day_is_a_chinese_day(cast):
    change(cast.campaign, claims_until=cast.today + timedelta(days=2))
    end = datetime.combine(cast.today + timedelta(days=3), datetime.min.time(), ZONE)
    wish = cast.wish()
    assert refused(lambda: cast.claim(wish, now=end)).code == "campaign_over"
    cast.claim(wish, now=end - timedelta(seconds=1))


def test_a_claims_days_are_the_campaigns_but_never_after_the_wish(cast):
    now = datetime(2026, 12, 1, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in China
    for moment, first in ((now, 1), (now + timedelta(seconds=1), 2)):
        day = local_day(moment)
        assert day.day == first
        assert claiming.clock_of(cast.campaign, day + timedelta(days=20), day) == (day + timedelta(days=5), day + timedelta(days=10))
        assert claiming.clock_of(cast.campaign, day + timedelta(days=7), day) == (day + timedelta(days=5), day + timedelta(days=7))
        assert claiming.clock_of(cast.campaign, day + timedelta(days=3), day) == (day + timedelta(days=3), day + timedelta(days=3))


def test_the_same_form_twice_is_one_claim(cast):
    lot = cast.lot(5)
    first = claiming.claim(lot, 2, by=cast.zhao, idem="a")
    assert claiming.claim(lot, 2, by=cast.zhao, idem="a").id == first.id
    assert claiming.claim(lot, 2, by=cast.zhao, idem="b").id != first.id
    assert db.session.get_one(Posting, lot.id).claimed == 4


# -- the line -----------------------------------------------------------------------------------------------------------------------


def test_the_line_is_served_in_order(cast):
    change(firm(cast, "wu"), state="approved")
    wish = cast.wish()
    first = cast.claim(wish)
    second, third = claiming.wait(wish, 1, by=cast.sun), claiming.wait(wish, 1, by=cast.wu)
    assert [row.id for row in claiming.release(first, "备不齐", by=cast.zhao)] == [second.id]
    assert [row.id for row in claiming.revoke(second, "联系不上", by=cast.li)] == [third.id]
    assert (second.state, third.state, firm(cast, "sun").open_claims, firm(cast, "wu").open_claims) == ("revoked", "active", 0, 1)
    assert claiming.release(third, "备不齐", by=cast.wu) == []
    assert db.session.get_one(Posting, wish.id, populate_existing=True).claimed == 0


def test_a_promoted_claim_has_days_from_its_promotion(cast):
    now = utcnow()
    wish = cast.wish(now=now)
    first, second = cast.claim(wish, now=now), claiming.wait(wish, 1, by=cast.sun, now=now)
    claiming.lapse(first, now=now + timedelta(days=6))
    assert (second.ready_by, second.deliver_by) == (cast.today + timedelta(days=11), cast.today + timedelta(days=16))


@pytest.mark.parametrize("why", [{"quota": 0}, {"state": "suspended"}])
def test_one_who_may_not_claim_now_is_passed_over_and_keeps_waiting(cast, why):
    change(firm(cast, "wu"), state="approved")
    wish = cast.wish()
    first = cast.claim(wish)
    second, third = claiming.wait(wish, 1, by=cast.sun), claiming.wait(wish, 1, by=cast.wu)
    change(firm(cast, "sun"), **why)
    assert [row.id for row in claiming.release(first, "备不齐", by=cast.zhao)] == [third.id]
    db.session.refresh(second)
    assert (second.state, firm(cast, "sun").open_claims) == ("waiting", 0)
    change(firm(cast, "sun"), quota=None, state="approved")
    assert [row.id for row in claiming.release(third, "备不齐", by=cast.wu)] == [second.id]


def test_a_small_wait_is_served_when_a_large_one_before_it_cannot_be(cast):
    lot = cast.lot(4)
    first, rest = cast.claim(lot, 2), cast.claim(lot, 2, by="sun")
    change(firm(cast, "wu"), state="approved")
    large = claiming.wait(lot, 3, by=cast.wu)
    assert claiming.release(first, "备不齐", by=cast.zhao) == []
    small = claiming.wait(lot, 3, by=cast.zhao)
    assert [row.id for row in claiming.release(rest, "备不齐", by=cast.sun)] == [large.id]
    assert (large.state, small.state) == ("active", "waiting")


def test_nobody_waits_for_what_is_there_or_never_was(cast):
    lot = cast.lot(3)
    assert refused(lambda: claiming.wait(lot, 1, by=cast.sun)).code == "nothing_to_wait"
    cast.claim(lot, 2)
    assert refused(lambda: claiming.wait(lot, 1, by=cast.sun)).code == "nothing_to_wait"
    assert refused(lambda: claiming.wait(lot, 4, by=cast.sun)).code == "pack_short"
    claiming.wait(lot, 2, by=cast.sun)
    assert refused(lambda: claiming.wait(lot, 2, by=cast.sun)).code == "already_waiting"
    assert refused(lambda: claiming.wait(lot, 2, by=cast.zhao)).code == "already_yours"


def test_leaving_the_line_frees_nothing(cast):
    wish = cast.wish()
    cast.claim(wish)
    waiting = claiming.wait(wish, 1, by=cast.sun)
    assert claiming.release(waiting, "不等了", by=cast.sun) == []
    assert (db.session.get_one(Posting, wish.id).claimed, firm(cast, "sun").open_claims) == (1, 0)


# -- the clock ----------------------------------------------------------------------------------------------------------------------


def test_goods_at_the_union_are_not_released(cast):
    row = cast.claim(cast.wish(), state="handed_over")
    assert refused(lambda: claiming.release(row, "后悔", by=cast.zhao)).code == "in_flight"


@pytest.mark.parametrize(("state", "due"), [("active", "ready_by"), ("ready", "deliver_by")])
def test_a_promise_lapses_at_the_first_moment_of_the_chinese_day_after(cast, state, due):
    row = cast.claim(cast.wish(), state=state)
    midnight = datetime.combine(getattr(row, due) + timedelta(days=1), datetime.min.time(), ZONE)
    assert clock.sweep(midnight - timedelta(seconds=1)).lapsed == 0
    assert clock.sweep(midnight).lapsed == 1
    assert clock.sweep(midnight).lapsed == 0
    db.session.refresh(row)
    assert (row.state, firm(cast).open_claims) == ("lapsed", 0)


def test_goods_at_the_union_never_lapse(cast):
    row = cast.claim(cast.wish(), state="handed_over")
    assert vars(clock.sweep(utcnow() + timedelta(days=100)))["lapsed"] == 0
    assert row.state == "handed_over"


def test_refused_goods_leave_the_promise_as_it_was(cast):
    row = cast.claim(cast.wish(), state="ready")
    before = (row.ready_by, row.deliver_by)
    delivering.refuse_goods(row, "包装破损", by=cast.chen)
    assert (row.state, row.ready_by, row.deliver_by, firm(cast).open_claims) == ("active", *before, 1)


def test_a_wish_with_a_claim_is_neither_returned_nor_withdrawn_nor_expired(cast):
    wish = cast.wish()
    cast.claim(wish)
    assert refused(lambda: posting_operations.send_back(wish, "text", by=cast.li)).code == "live_claims"
    assert refused(lambda: posting_operations.withdraw(wish, by=cast.lin)).code == "live_claims"


def test_what_was_published_moves_its_figures_along_when_it_is_amended(cast):
    lot = cast.lot(3)
    posting_operations.send_back(lot, "text", by=cast.li)
    posting_operations.amend(lot, cast.draft(title="米面油", category="pack", quantity=5, value_fen=60_000, mode="visit"), by=cast.lin)
    assert shelf.kept(db.session) == shelf.recount(db.session)
    assert sum(cell["published"] for cell in shelf.kept(db.session).values()) == 5


# -- two at once --------------------------------------------------------------------------------------------------------------------


def together(app: Flask, *acts: Callable[[], object]) -> list[object]:
    """Run the acts in a thread each, all begun at the same moment; their results, or the refusal's code."""
    gate = threading.Barrier(len(acts), timeout=30)
    results: list[object] = [None] * len(acts)

    def run(number: int, act: Callable[[], object]) -> None:
        with app.app_context():
            gate.wait()
            try:
                result = act()
                results[number] = getattr(result, "code", "done")
            except Refused as problem:
                results[number] = problem.code
            except Exception as problem:
                results[number] = problem
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "two acts wait for each other"
    db.session.rollback()
    db.session.expire_all()
    assert shelf.kept(db.session) == shelf.recount(db.session)
    problems = [result for result in results if isinstance(result, Exception)]
    assert not problems
    return results


def load(model: Any, row_id: int) -> Any:
    return db.session.get_one(model, row_id)


several = pytest.mark.parametrize("again", range(3))
"""A race that is lost once in a while is tried more than once."""


@several
def test_the_last_units_go_once(cast, app, again):
    lot = cast.lot(3)
    where, zhao, sun = lot.id, cast.zhao, cast.sun
    results = together(app, lambda: claiming.claim(load(Posting, where), 2, by=zhao), lambda: claiming.claim(load(Posting, where), 2, by=sun))
    assert len([result for result in results if result == "pack_short"]) == 1
    assert load(Posting, where).claimed == 2


@several
def test_a_release_and_a_claim_leave_one_holder_at_most(cast, app, again):
    wish = cast.wish()
    row_id, where, zhao, sun = cast.claim(wish).id, wish.id, cast.zhao, cast.sun
    released, claimed = together(
        app, lambda: claiming.release(load(Claim, row_id), "备不齐", by=zhao), lambda: claiming.claim(load(Posting, where), 1, by=sun)
    )
    assert released == "done"
    assert load(Posting, where).claimed == (0 if claimed == "already_claimed" else 1)


@several
def test_who_stands_in_line_during_a_release_is_not_overlooked(cast, app, again):
    wish = cast.wish()
    row_id, where, zhao, sun = cast.claim(wish).id, wish.id, cast.zhao, cast.sun
    _released, waited = together(
        app, lambda: claiming.release(load(Claim, row_id), "备不齐", by=zhao), lambda: claiming.wait(load(Posting, where), 1, by=sun)
    )
    assert load(Posting, where).claimed == (0 if waited == "nothing_to_wait" else 1)


@several
def test_two_ends_that_promote_each_others_enterprise_do_not_wait_for_each_other(cast, app, again):
    here, there = cast.wish(), cast.wish()
    mine, theirs = cast.claim(here).id, cast.claim(there, by="sun").id
    claiming.wait(here, 1, by=cast.sun)
    claiming.wait(there, 1, by=cast.zhao)
    zhao, sun = cast.zhao, cast.sun
    results = together(app, lambda: claiming.release(load(Claim, mine), "换", by=zhao), lambda: claiming.release(load(Claim, theirs), "换", by=sun))
    assert results == ["done", "done"]
    assert (firm(cast).open_claims, firm(cast, "sun").open_claims) >= (1, 1)


@several
def test_confirming_and_reversing_at_once_agree(cast, app, again):
    row = cast.delivery(state="signed")
    where, claim_id, posting_id, li, zhou = row.id, row.claim_id, row.posting_id, cast.li, cast.zhou
    confirmed, _reversed = together(
        app, lambda: delivering.confirm(load(Delivery, where), by=li), lambda: delivering.reverse(load(Delivery, where), "签错人", by=zhou)
    )
    state = load(Delivery, where).state
    assert (confirmed, state) in {("done", "reversed"), ("stale_step", "reversed"), ("done", "confirmed")}
    done = int(state == "confirmed")
    assert (load(Claim, claim_id).delivered, load(Posting, posting_id).fulfilled) == (done, done)


@several
def test_goods_are_taken_over_once(cast, app, again):
    row_id, chen, lin = cast.claim(cast.wish()).id, cast.chen, cast.lin
    results = together(app, lambda: delivering.hand_over(load(Claim, row_id), by=chen), lambda: delivering.hand_over(load(Claim, row_id), by=lin))
    assert sorted(map(str, results)) == ["done", "stale_step"]
    assert db.session.scalar(select(func.count()).where(Inspection.claim_id == row_id)) == 1
    assert db.session.scalar(select(func.count()).where(Delivery.claim_id == row_id)) == 1
    assert firm(cast).open_claims == 0


@several
def test_the_same_sign_off_twice_at_once_is_one(cast, app, again):
    row = cast.delivery()
    where, facts, chen = row.id, cast.facts(row), cast.chen

    def sign() -> object:
        return delivering.sign(load(Delivery, where), facts, by=chen, idem="form")

    first, second = together(app, sign, sign)
    assert first == second == load(Delivery, where).code
    assert db.session.scalar(select(func.count()).where(SignOff.delivery_id == where)) == 1


@several
def test_naming_recipients_while_a_pack_is_confirmed(cast, app, again):
    lot = cast.lot(2)
    posting_operations.name_recipients(lot, [cast.household()], by=cast.lin)
    claim = cast.claim(lot, 2, state="handed_over")
    row = db.session.scalars(select(Delivery).where(Delivery.claim_id == claim.id)).one()
    delivering.sign(row, cast.facts(row), by=cast.chen)
    home_id, where, lot_id, lin, li = cast.household().id, row.id, lot.id, cast.lin, cast.li
    results = together(
        app,
        lambda: posting_operations.name_recipients(load(Posting, lot_id), [load(Household, home_id)], by=lin),
        lambda: delivering.confirm(load(Delivery, where), by=li),
    )
    assert results == ["done", "done"]
    assert db.session.scalar(select(func.count()).where(Delivery.claim_id == claim.id)) == 2


def test_who_waits_is_not_promoted_to_the_wish_of_a_new_employee(cast):
    wish = cast.wish()
    first, second = cast.claim(wish, by="sun"), claiming.wait(wish, 1, by=cast.zhao)
    wish.household.employer_credit_code = firm(cast).credit_code
    db.session.commit()
    assert claiming.release(first, "换", by=cast.sun) == []
    assert db.session.get_one(Claim, second.id, populate_existing=True).state == "waiting"
    assert db.session.get_one(Posting, wish.id, populate_existing=True).claimed == 0


def test_the_key_of_a_form_is_good_for_its_person_and_its_posting_alone(cast):
    lot, other = cast.lot(9), cast.lot(9)
    mine = claiming.claim(lot, 1, by=cast.zhao, idem="key")
    assert claiming.claim(lot, 1, by=cast.zhao, idem="key").id == mine.id
    assert claiming.claim(lot, 1, by=cast.sun, idem="key").enterprise_id == cast.sun.enterprise_id
    assert claiming.claim(other, 1, by=cast.zhao, idem="key").posting_id == other.id
    covered = covering.cover(lot, 1, by=cast.zhou, idem="key" * 100)
    assert covering.cover(lot, 1, by=cast.zhou, idem="key" * 100).id == covered.id
    assert covering.cover(other, 1, by=cast.zhou, idem="key" * 100).posting_id == other.id
    assert posting_operations.create(
        "pack", cast.draft(category="pack", quantity=2), cast.campaign, None, unit_id=lot.unit_id, town=lot.town, by=cast.lin, idem="key" * 100
    ).posted_by == cast.lin.id  # fmt: skip
