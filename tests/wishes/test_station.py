"""The station: what is brought is inspected, taken over or sent back; scanned codes lead to the right page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal.database import db
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes.delivery_models import Delivery, Inspection
from portal.wishes.models import Claim, PackItem
from portal.wishes.operations import delivering
from tests.cast import PASSWORD


def enter(reader, username: str) -> None:
    """Sign in; the page that follows is one's own account, which has nothing to do with what is tested here."""
    page = reader.get("/login?next=/account")
    page.submit(next(form for form in page.forms if "password" in form.fields), username=username, password=PASSWORD)


def events() -> int:
    return db.session.scalar(select(func.count()).select_from(Event)) or 0


def state_of(claim: Claim) -> str:
    db.session.expire_all()
    return db.session.get_one(Claim, claim.id).state


@pytest.fixture
def chen(cast, reader):
    enter(reader, "chen")
    return reader


def codes_in(page) -> list[str]:
    return [link.href.rsplit("/", 1)[-1] for link in page.links if link.href.startswith("/station/") and link.text.startswith("查验")]


def test_the_queue_shows_what_is_ready_first_then_by_day(cast, chen):
    late = cast.claim(cast.wish(latest_day=cast.today + timedelta(days=9)))
    soon = cast.claim(cast.wish(latest_day=cast.today + timedelta(days=3)))
    ready = cast.claim(cast.wish(), state="ready")
    cast.claim(cast.wish(), state="handed_over")
    cast.claim(cast.wish(unit="donghu"))
    page = chen.get("/station")
    assert codes_in(page) == [ready.code, soon.code, late.code]
    assert "周玉华" not in page.main


@pytest.mark.parametrize("typed", ["code", "lower", "wish", "wide"])
def test_a_code_leads_straight_to_the_claim(cast, chen, typed):
    claim = cast.claim(cast.wish())
    cast.claim(cast.wish())
    q = {"code": claim.code, "lower": claim.code.lower().replace("-", ""), "wish": claim.posting.code, "wide": claim.code.replace("-", "－")}[typed]
    assert chen.get("/station", q=q).path == f"/station/{claim.code}"


def test_an_unknown_code_says_so(cast, chen):
    assert "没有编号是“RL-222222”" in chen.get("/station", q="RL-222222").main


def test_many_claims_come_in_pages_that_keep_the_search(cast, chen, monkeypatch):
    monkeypatch.setattr("portal.wishes.delivery_queries.PAGE", 2)
    lot = cast.lot(9)
    claims = [cast.claim(lot) for _ in range(5)]
    first = chen.get("/station", q=lot.code)
    second = first.follow("下一页")
    assert f"q={lot.code}" in second.path
    third = second.follow("下一页")
    assert codes_in(first) + codes_in(second) + codes_in(third) == [claim.code for claim in claims]


def test_good_goods_are_taken_over_in_one_event(cast, chen):
    claim = cast.claim(cast.wish(), state="ready")
    before = events()
    page = chen.get(f"/station/{claim.code}")
    assert {button.text for button in page.buttons if "station" in button.action} == {"物品相符，收下", "退回提供方"}
    assert "周玉华" not in page.main
    after = page.submit("物品相符，收下")
    assert f"{claim.code} 已交接，安排了 1 次送达" in after.main
    assert (state_of(claim), events() - before) == ("handed_over", 1)
    planned = db.session.scalars(select(Delivery)).one()
    assert planned.state == "planned"
    row = db.session.scalars(select(Inspection)).one()
    assert (row.accepted, row.by_id) == (True, cast.chen.id)


def test_bad_goods_go_back_with_a_reason_and_the_promise_goes_on(cast, chen):
    claim = cast.claim(cast.wish(), state="ready")
    due = claim.deliver_by
    before = events()
    page = chen.get(f"/station/{claim.code}").submit("退回提供方", 422, reason="")
    assert "请写明哪里不符" in page.main
    assert events() == before
    page.submit("退回提供方", reason="包装破了")
    assert (state_of(claim), db.session.get_one(Claim, claim.id).deliver_by) == ("active", due)
    assert events() - before == 1
    again = chen.get(f"/station/{claim.code}")
    assert "包装破了" in again.main
    assert {button.text for button in again.buttons if "station" in button.action} == {"物品相符，收下", "退回提供方"}


def test_a_second_press_changes_nothing_and_shows_the_fresh_claim(cast, chen):
    claim = cast.claim(cast.wish(), state="ready")
    page = chen.get(f"/station/{claim.code}")
    page.submit("物品相符，收下")
    before = events()
    stale = page.submit("物品相符，收下", 409)
    assert "已交接" in stale.main
    assert not [button for button in stale.buttons if "station" in button.action]
    assert "已交接" in page.submit("退回提供方", 409, reason="晚了").main
    assert events() == before
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 1


@pytest.mark.parametrize(("days", "words", "absent"), [
    (10, "食品已过保质期", "最迟送达日以前就会过期"), (22, "最迟送达日以前就会过期", "食品已过保质期"), (400, "保质期到", "过期"),
])  # fmt: skip
def test_food_is_held_against_today(cast, chen, days, words, absent):
    claim = cast.claim(cast.lot(3), 2)
    item = db.session.scalars(select(PackItem)).one()
    item.shelf_days = days  # it was made 20 days ago
    db.session.commit()
    page = chen.get(f"/station/{claim.code}")
    assert words in page.main
    assert absent not in page.main
    for fact in ("SC10132040000011", "云湖米业", "B20261101", "大米"):
        assert fact in page.main


def test_who_may_not(cast, reader):
    claim = cast.claim(cast.wish())
    paths = ("/station", f"/station/{claim.code}")
    for username, status in (("zhou", 403), ("gu", 403), ("zhao", 403), ("admin", 403)):
        reader.sign_out()
        enter(reader, username)
        for path in paths:
            reader.get(path, status)
        for step in ("accept", "refuse"):
            reader.post(f"/station/{claim.code}/{step}", 403, reason="不符")
    reader.sign_out()
    enter(reader, "he")  # a clerk of another union
    reader.get(f"/station/{claim.code}", 404)
    assert claim.code not in reader.get("/station").main
    for step in ("accept", "refuse"):
        reader.post(f"/station/{claim.code}/{step}", 404, reason="不符")
    assert state_of(claim) == "active"


def test_a_scanned_code_leads_to_the_page_of_the_moment(cast, chen):
    claim = cast.claim(cast.wish())
    planned, signed = cast.delivery(), cast.delivery(state="signed")
    assert chen.get(f"/s/{claim.code}").path == f"/station/{claim.code}"
    assert chen.get(f"/s/{claim.code.lower()}").path == f"/station/{claim.code}"
    assert chen.get(f"/s/{planned.code}").path == f"/deliveries/{planned.code}/sign"
    assert chen.get(f"/s/{signed.code}").path == f"/deliveries/{signed.code}"
    for nothing in (claim.posting.code, "RL-222222", "QS-222222", "XX", "%27%20or", planned.household.code):
        chen.get(f"/s/{nothing}", 404)


def test_a_scanned_code_asks_strangers_to_sign_in_first_and_tells_others_nothing(cast, reader):
    claim, planned = cast.claim(cast.wish()), cast.delivery()
    page = reader.get(f"/s/{planned.code}")
    assert page.path.startswith("/login?next=")
    form = next(form for form in page.forms if "password" in form.fields)
    assert page.submit(form, username="chen", password=PASSWORD).path == f"/deliveries/{planned.code}/sign"
    for username in ("he", "zhao", "admin"):
        reader.sign_out()
        enter(reader, username)
        for row in (claim, planned):
            reader.get(f"/s/{row.code}", 404)
    reader.sign_out()
    enter(reader, "zhou")
    reader.get(f"/s/{claim.code}", 404)
    assert reader.get(f"/s/{planned.code}").path == f"/deliveries/{planned.code}"


def test_the_counts_are_what_the_queues_hold(cast, reader):
    from portal.wishes import delivery_queries as ask
    from portal.wishes.todo import counts

    cast.claim(cast.wish())
    cast.claim(cast.wish(), state="ready")
    cast.wish("submitted")
    cast.delivery()
    cast.delivery(state="signed")
    cast.delivery(state="confirmed")
    assert {key: number for key, number in counts(cast.chen).items() if number} == {"station": 1, "deliveries": 1}
    assert {key: number for key, number in counts(cast.he).items() if number} == {}
    assert counts(cast.li)["confirm"] == ask.to_confirm(cast.li).total == 1
    assert counts(cast.zhou)["confirm"] == 0, "zhou has reviewed that wish"
    assert (counts(cast.zhou)["review"], counts(cast.li)["review"]) == (1, 1)


def test_goods_are_not_taken_twice_whoever_asks(cast):
    claim = cast.claim(cast.wish(), state="handed_over")
    for act in (lambda: delivering.hand_over(claim, by=cast.chen), lambda: delivering.refuse_goods(claim, "晚了", by=cast.chen)):
        with pytest.raises(Refused) as caught:
            act()
        assert caught.value.code == "stale_step"
