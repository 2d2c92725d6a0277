"""Where a campaign does not go straight: packs named little by little, refusals, lapses, reversals, many at once, stale pages, another language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.database import db, utcnow
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Claim, Posting
from portal.wishes.operations import claiming, delivering
from portal.wishes.operations.clock import sweep
from tests.cast import Cast
from tests.stories.conftest import Person

pytestmark = pytest.mark.browser
People = Callable[..., Person]


def released() -> None:
    """Let go of the test's own reading, so that the server writes and the next look reads anew."""
    db.session.remove()


def delivery_of(code: str) -> str:
    """Code of the newest delivery of a posting."""
    released()
    found = select(Delivery.code).join(Posting, Delivery.posting_id == Posting.id).where(Posting.code == code).order_by(Delivery.id.desc())
    return str(db.session.scalars(found).first())


def test_packs_are_posted_with_their_food_and_named_little_by_little(cast: Cast, town: People) -> None:
    homes = [cast.household().code for _ in range(4)]
    made = (cast.today - timedelta(days=20)).isoformat()
    released()
    lin = town("lin").go("/postings/packs/new")
    lin.fill(title="米面油组合", quantity="3", value="168")
    lin.fill(**{"contents-0-name": "大米", "contents-0-amount": "10 公斤", "contents-1-name": "毛巾两条"})
    lin.page.locator("summary", has_text="食品信息").first.click()
    lin.tick("contents-0-food").fill(**{"contents-0-licence": "SC10132040000011", "contents-0-producer": "云湖米业"})
    lin.fill(**{"contents-0-produced_on": made, "contents-0-shelf_days": "365"}).click("提交审核")
    lin.sees("食品要写生产批号").look("pack-mistakes").fill(**{"contents-0-batch": "B20261101"}).click("提交审核")
    lin.sees("云湖米业").look("pack-posted")
    code = str(db.session.scalars(select(Posting.code)).one())
    released()
    town("zhou").go(f"/review/{code}").look("review-pack").click("通过")

    lin.go(f"/postings/{code}/recipients").look("recipients")
    lin.page.locator(f"[value='{homes[0]}']").check()
    lin.click("选入勾选的家庭").sees("已选入 1 户")
    zhao = town("zhao").go(f"/claims/new/{code}?quantity=3").look("pack-claim").click("确认认领 3 份").look("pack-claimed")
    released()
    claim = str(db.session.scalars(select(Claim.code)).one())
    zhao.go(f"/claims/{claim}").click("已备货")
    chen = town("chen").go(f"/station/{claim}").sees("SC10132040000011").look("station-pack").click("物品相符，收下")
    lin.go(f"/postings/{code}/recipients")
    for home in homes[1:3]:
        lin.page.locator(f"[value='{home}']").check()
    lin.click("选入勾选的家庭").sees("已选入 2 户").look("recipients-full")
    lin.go(f"/postings/{code}").look("pack")
    chen.go("/deliveries").sees("共 3 份")


def test_goods_are_refused_a_door_stays_shut_and_a_sign_off_is_reversed(cast: Cast, town: People) -> None:
    code = cast.wish().code
    claim = cast.claim(db.session.scalars(select(Posting)).one(), state="ready").code
    released()
    chen = town("chen").go(f"/station/{claim}")
    chen.page.locator("summary", has_text="物品不符").click()
    chen.click("退回提供方").look("station-mistake").fill(reason="外箱破了，请换一台。").click("退回提供方")
    town("zhao").go(f"/claims/{claim}").look("claim-refused")
    chen.go(f"/station/{claim}").sees("外箱破了").look("station-refused").click("物品相符，收下")

    door = delivery_of(code)
    released()
    chen.go(f"/deliveries/{door}").look("delivery").click("没签成").look("miss")
    chen.page.locator("main [name=reason]").first.check()
    chen.fill(next_on=(cast.today + timedelta(days=2)).isoformat()).click("记下，改到这一天")
    chen.go(f"/deliveries/{door}").sees("没签成").look("delivery-missed")

    row = db.session.scalars(select(Delivery).where(Delivery.code == door)).one()
    delivering.sign(row, cast.facts(row), by=cast.chen)
    released()
    li = town("li").go(f"/confirm/{door}").click("冲正").look("reverse").fill(reason="签错了人。").click("冲正并重新安排")
    li.go(f"/deliveries/{door}").sees("已冲正", "签错了人").look("delivery-reversed")
    assert delivery_of(code) != door


def test_a_claim_is_given_back_and_another_lapses(cast: Cast, town: People) -> None:
    wish = cast.wish()
    code, first = wish.code, cast.claim(wish).code
    released()
    sun = town("sun").go(f"/wishes/{code}").click("排在候补").look("wait").click("排进候补").look("claim-waiting")
    zhao = town("zhao").go(f"/claims/{first}").click("释放认领").look("release")
    zhao.page.locator("main [name=reason]").first.check()
    zhao.click("释放这个认领").go(f"/claims/{first}").look("claim-released")
    released()
    second = str(db.session.scalars(select(Claim.code).where(Claim.state == "active")).one())
    sun.go(f"/claims/{second}").sees("已认领")

    claiming.wait(db.session.scalars(select(Posting)).one(), 1, by=cast.zhao)
    done = sweep(utcnow() + timedelta(days=8))
    assert (done.lapsed, done.promoted) == (1, 1)
    released()
    sun.go(f"/claims/{second}").look("claim-lapsed")
    zhao.go("/claims").sees(code).look("claims-promoted")


def test_many_are_reviewed_and_confirmed_at_once(cast: Cast, town: People) -> None:
    waiting = [cast.wish("submitted").code for _ in range(3)]
    signed = [cast.delivery(state="signed").code for _ in range(3)]
    released()
    zhou = town("zhou").go("/review")
    zhou.page.locator("[data-all=code]").check()
    zhou.click("批量通过").look("review-many")
    assert set(db.session.scalars(select(Posting.state).where(Posting.code.in_(waiting)))) == {"open"}
    released()
    town("li").go("/confirm").look("confirm-many").click("确认选中的").sees(*signed).look("confirmed")
    released()
    assert set(db.session.scalars(select(Delivery.state))) == {"confirmed"}


@pytest.mark.parametrize("mode", ["desktop", "plain"])
def test_a_double_click_is_one_claim_and_a_stale_page_is_told(cast: Cast, town: People, mode: str) -> None:
    code = cast.wish().code
    released()
    sun, zhao = town("sun", mode).go(f"/claims/new/{code}"), town("zhao", mode).go(f"/claims/new/{code}")
    zhao.page.get_by_role("button", name="确认认领").dblclick()
    zhao.page.wait_for_url("**/claims/batch/**")
    zhao.sees("RL-")
    assert db.session.scalar(select(func.count()).select_from(Claim)) == 1
    with sun.page.expect_response(lambda response: response.request.method == "POST") as answer:
        sun.click("确认认领")
    assert answer.value.status == 409
    sun.sees("认领", code).look("stale")


def test_back_from_a_wish_the_list_is_as_it_was(people: People) -> None:
    zhao = people("zhao").go("/wishes")
    with zhao.page.expect_response(lambda response: "state=all" in response.url):
        zhao.page.locator("#filters [name=state][value=all]").check()
    zhao.page.wait_for_url("**state=all**")
    zhao.page.evaluate("scrollTo(0, 1000)")
    before = zhao.page.evaluate("scrollY")
    link = zhao.page.locator("#results h3 a").nth(7)
    title = link.inner_text()
    link.click()
    zhao.page.wait_for_url("**/wishes/WX-*")
    zhao.page.go_back()
    zhao.page.wait_for_url("**state=all**")
    zhao.sees(title)
    assert zhao.page.locator("#filters [name=state][value=all]").is_checked()
    zhao.page.wait_for_function("scrollY > 300")
    assert before > 300


@pytest.mark.parametrize("mode", ["desktop", "phone"])
def test_the_portal_in_english(demo_app: Flask, people: People, mode: str) -> None:
    pages = {
        "zhao": ("wishes", "packs", "claims", "basket"), "zhou": ("desk", "review", "follow", "publications"),
        "chen": ("station", "deliveries", "households", "postings"), "public": ("board", "honours", "register"),
    }  # fmt: skip
    for name, paths in pages.items():
        someone = people(name, mode).go("/prefs?lang=en&next=/")
        for path in paths:
            someone.go(f"/{path}").look(f"english-{path}")
            assert someone.page.locator("html").get_attribute("lang") == "en"
