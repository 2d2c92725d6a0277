"""Claiming and what follows, on the pages of an enterprise: check, confirm, lose kindly, wait, ready, release, print."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal.database import db, utcnow
from portal.journal import Event
from portal.wishes.models import BasketLine, Campaign, Claim, Posting
from portal.wishes.operations import basket, claiming, delivering
from portal.wishes.operations.clock import sweep
from tests.reader import Reader

SECRETS = ("周玉华", "陈小雨", "云湖实验小学", "云湖针织", "1990000", "和平路", "301室")


def claims(**where: object) -> list[Claim]:
    return list(db.session.scalars(select(Claim).filter_by(**where).order_by(Claim.id).execution_options(populate_existing=True)))


def events(action: str) -> int:
    return db.session.scalar(select(func.count()).select_from(Event).where(Event.action == action)) or 0


def day(value) -> str:
    return f"{value.month}月{value.day}日"


def buttons(page) -> set[str]:
    """What can be done on the page itself."""
    inside = {button.text for button in page.buttons if button.form.element.xpath("ancestor::main")}
    links = {link.get("href") for link in page.find("main a")}
    return inside | {href.rsplit("/", 1)[-1] for href in links if href.endswith(("/release", "/note"))}


# -- one claim ----------------------------------------------------------------------------------------------------------------------


def test_check_then_claim_then_the_result(cast, reader):
    wish = cast.wish()
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{wish.code}")
    assert page.heading == "请核对后确认"
    for words in (
        "还没有认领。",
        "送到潞桥街道工会服务站",
        f"最迟{day(cast.today + timedelta(days=5))}",
        f"最迟{day(cast.today + timedelta(days=10))}",
        "潞桥街道总工会",
        "赵敏 199****0001",
    ):
        assert words in page.main
    assert not claims(), "the check page claims nothing"
    after = page.submit("确认认领")
    [claim] = claims()
    assert after.path == f"/claims/batch/{claim.batch}"
    assert f"已认领“一台取暖器”，编号 {claim.code}。" in after.main
    assert (claim.state, claim.quantity, claim.enterprise_id, claim.claimed_by) == ("active", 1, cast.zhao.enterprise_id, cast.zhao.id)
    assert events("claim.claim") == 1
    assert after.follow("看我的认领").path == "/claims"


def test_the_days_never_pass_the_wish_itself(cast, reader):
    wish = cast.wish(latest_day=cast.today + timedelta(days=3))
    reader.sign_in("zhao")
    assert reader.get(f"/claims/new/{wish.code}").main.count(f"最迟{day(cast.today + timedelta(days=3))}") == 2


def test_a_second_click_and_a_refresh_land_on_the_first_result(cast, reader):
    wish = cast.wish()
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{wish.code}")
    first = page.submit("确认认领")
    again = page.submit("确认认领")
    assert first.path == again.path
    assert len(claims()) == 1
    assert events("claim.claim") == 1


def test_a_claimed_line_leaves_the_basket(cast, reader):
    wish = cast.wish()
    basket.put(wish, by=cast.zhao)
    reader.sign_in("zhao")
    reader.get(f"/claims/new/{wish.code}").submit("确认认领")
    assert db.session.scalar(select(func.count()).select_from(BasketLine)) == 0


def test_part_of_a_lot(cast, reader):
    lot = cast.lot(48)
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{lot.code}", quantity=20)
    assert "约 3,360 元" in page.main
    page = page.submit("改为这些份数", quantity="15")
    assert page.path.endswith("quantity=15")
    page.submit("确认认领 15 份")
    assert [claim.quantity for claim in claims()] == [15]
    assert db.session.get(Posting, lot.id, populate_existing=True).left == 33


def test_too_many_asked_for_shows_what_is_left(cast, reader):
    lot = cast.lot(12)
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{lot.code}", quantity=40)
    assert "只剩 12 份了，已改为 12 份，请再确认一次。" in page.main
    assert page.button("确认认领 12 份")


def test_packs_that_went_meanwhile_are_checked_again(cast, reader):
    lot = cast.lot(48)
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{lot.code}", quantity=20)
    cast.claim(lot, 40, by="sun")
    again = page.submit("确认认领 20 份", 409)
    assert "只剩 8 份了，已改为 8 份，请再确认一次。" in again.main
    again.submit("确认认领 8 份")
    assert sorted(claim.quantity for claim in claims()) == [8, 40]


@pytest.mark.parametrize("typed", ["0", "-3", "2.5", "很多"])
def test_an_amount_that_is_none(cast, reader, typed):
    lot = cast.lot(12)
    reader.sign_in("zhao")
    page = reader.post(f"/claims/new/{lot.code}", 422, quantity=typed)
    assert "错误：" in page.title
    assert not claims()


# -- losing kindly ------------------------------------------------------------------------------------------------------------------


def test_the_loser_gets_a_kind_page_with_similar_wishes(cast, reader):
    wish = cast.wish()
    others = [cast.wish(title=f"一床棉被 {n} 号") for n in range(4)]
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{wish.code}")
    cast.claim(wish, by="sun", now=utcnow() - timedelta(minutes=1))
    lost = page.submit("确认认领", 409)
    assert "这个心愿 1 分钟前被别家认领了。" in lost.main
    assert "下面 3 个和它相近" in lost.main
    assert len(lost.find("article.wish")) == 3
    assert {card.get("id") for card in lost.find("article.wish")} <= {other.code for other in others}
    assert lost.follow("回认领大厅").path == "/wishes"
    assert lost.follow("排进候补").path == f"/claims/wait/{wish.code}"
    reader.get(f"/claims/new/{wish.code}", status=409)
    assert len(claims()) == 1


def test_a_lot_that_is_gone(cast, reader):
    lot = cast.lot(5)
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{lot.code}", quantity=2)
    cast.claim(lot, 5, by="sun")
    assert "这批礼包刚被认领完了。" in page.submit("确认认领 2 份", 409).main


def test_ones_own_claim_is_no_loss(cast, reader):
    wish = cast.wish()
    claim = cast.claim(wish)
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{wish.code}", status=409)
    assert "贵单位已经认领了它。" in page.main
    assert page.follow("打开这个认领").path == f"/claims/{claim.code}"


def _suspend(cast):
    cast.enterprises["zhao"].state = "suspended"
    db.session.commit()


def _fill_quota(cast):
    cast.enterprises["zhao"].quota = 1
    db.session.commit()
    cast.claim(cast.wish())


def _employ(cast):
    posting = db.session.scalars(select(Posting)).first()
    posting.household.members[0].employer_credit_code = cast.enterprises["zhao"].credit_code
    db.session.commit()


def _end_campaign(cast):
    campaign = db.session.get(Campaign, cast.campaign_id)
    campaign.claims_until = cast.today - timedelta(days=1)
    db.session.commit()


@pytest.mark.parametrize(
    ("happens", "said", "way"),
    [
        (_suspend, "贵单位的认领已暂停。", "回认领大厅"),
        (_fill_quota, "贵单位同时进行的认领最多 1 份，现在已有 1 份。", "看我的认领"),
        (_employ, "这户家庭有人在贵单位工作。", "回认领大厅"),
        (_end_campaign, "本次活动的认领已经截止。", "回认领大厅"),
    ],
)
def test_every_refusal_says_why_and_leads_on(cast, reader, happens, said, way):
    wish = cast.wish()
    reader.sign_in("zhao")
    page = reader.get(f"/claims/new/{wish.code}")
    happens(cast)
    lost = page.submit("确认认领", 409)
    assert said in lost.main
    assert way in {link.text for link in lost.links}
    assert not claims(posting_id=wish.id)


def test_before_approval_one_may_look_but_not_claim(cast, reader):
    wish = cast.wish()
    reader.sign_in("wu")
    page = reader.get(f"/claims/new/{wish.code}", status=409)
    assert "贵单位的资料还在审核" in page.main
    reader.post(f"/claims/new/{wish.code}", 409, quantity="1")
    assert not claims()


# -- a basket -----------------------------------------------------------------------------------------------------------------------


def _full_basket(cast):
    wishes = [cast.wish(title="一床棉被"), cast.wish(title="一台电饭煲", mode="arranged", point=""), cast.wish(title="一张书桌")]
    lot = cast.lot(20)
    for posting in (*wishes, lot):
        basket.put(posting, 10 if posting is lot else 1, by=cast.zhao)
    return *wishes, lot


def test_a_basket_is_checked_by_place_and_claimed_line_by_line(cast, reader):
    quilt, cooker, desk, lot = _full_basket(cast)
    reader.sign_in("zhao")
    page = reader.get("/basket/confirm")
    assert [text.split(" · ")[0] for text in page.texts("main h2")][:2] == ["送到潞桥街道工会服务站", "由贵单位安排时间和地点"]
    cast.claim(desk, by="sun")
    cast.claim(lot, 17, by="sun")
    after = page.submit("确认认领 4 项")
    assert "2 项认领成功，2 项没有认领到" in after.main
    assert "这个心愿刚被别家认领了。" in after.main
    assert "只剩 3 份了，已改为 3 份，请再确认一次。" in after.main
    mine = claims(enterprise_id=cast.zhao.enterprise_id)
    assert {claim.posting_id for claim in mine} == {quilt.id, cooker.id}
    assert len({claim.batch for claim in mine}) == 1
    left = {line.posting_id: line.quantity for line in db.session.scalars(select(BasketLine).execution_options(populate_existing=True))}
    assert left == {desk.id: 1, lot.id: 3}
    assert "2 项没有认领到" in reader.get(after.path).main, "a refresh shows the same"
    page.submit("确认认领 4 项")
    assert len(claims(enterprise_id=cast.zhao.enterprise_id)) == 2, "the same form again claims nothing new"


def test_what_came_into_the_basket_after_the_check_page_is_not_claimed(cast, reader):
    first, later = cast.wish(), cast.wish()
    basket.put(first, by=cast.zhao)
    reader.sign_in("zhao")
    page = reader.get("/basket/confirm")
    basket.put(later, by=cast.zhao)
    page.submit("确认认领 1 项")
    assert [claim.posting_id for claim in claims()] == [first.id]


def test_an_empty_basket_has_nothing_to_confirm(cast, reader):
    reader.sign_in("zhao")
    assert reader.get("/basket/confirm").path == "/basket"
    assert "认领篮里没有可以认领的心愿。" in reader.post("/basket/confirm", line="WX-NONE").main


def test_a_big_basket_that_is_lost_still_fits_into_the_cookie(cast, reader):
    wish = cast.wish()
    cast.claim(wish, by="sun")
    reader.sign_in("zhao")
    lines = [f"WX-{n:06d}:1" for n in range(100)]
    response = reader.client.post("/basket/confirm", data={"csrf_token": reader.csrf_token(), "idem": "x", "line": lines})
    assert response.status_code == 303
    assert "100 项没有认领到" in reader.get(response.headers["Location"]).main


# -- the line of those who wait -----------------------------------------------------------------------------------------------------


def test_standing_in_line_and_coming_up(cast, reader):
    wish = cast.wish()
    first = cast.claim(wish, by="sun")
    reader.sign_in("zhao")
    page = reader.get(f"/claims/wait/{wish.code}").submit("排进候补")
    [mine] = claims(enterprise_id=cast.zhao.enterprise_id)
    assert (page.path, mine.state) == (f"/claims/{mine.code}", "waiting")
    assert buttons(page) == {"release"}
    again = reader.get(f"/claims/wait/{wish.code}").submit("排进候补")
    assert "贵单位已经在候补里。" in again.main
    assert len(claims(state="waiting")) == 1
    claiming.release(first, "", by=cast.sun)
    assert buttons(reader.get(f"/claims/{mine.code}")) == {"已备货", "release", "note"}


def test_nothing_to_wait_for(cast, reader):
    wish = cast.wish()
    reader.sign_in("zhao")
    assert "它现在就可以认领，不用候补。" in reader.post(f"/claims/wait/{wish.code}", 409, quantity="1").main


# -- what follows -------------------------------------------------------------------------------------------------------------------


def test_the_buttons_of_every_state(cast, reader):
    made = {state: cast.claim(cast.wish(), state=state) for state in ("active", "ready", "handed_over")}
    released = cast.claim(cast.wish())
    claiming.release(released, "", by=cast.zhao)
    done = cast.delivery(state="confirmed").claim
    reader.sign_in("zhao")
    found = {row.state: buttons(reader.get(f"/claims/{row.code}")) for row in (*made.values(), released, done)}
    assert found == {
        "active": {"已备货", "release", "note"}, "ready": {"release", "note"}, "handed_over": {"note"}, "released": set(), "fulfilled": {"note"},
    }  # fmt: skip


def test_the_timeline_to_the_end_shows_days_and_no_household(cast, reader):
    lot = cast.lot(3)
    from portal.wishes.operations import posting as posting_operations

    posting_operations.name_recipients(lot, [cast.household() for _ in range(3)], by=cast.lin)
    claim = cast.claim(lot, 2, state="handed_over")
    deliveries = db.session.scalars(select(delivering.Delivery).where(delivering.Delivery.claim_id == claim.id)).all()
    delivering.sign(deliveries[0], cast.facts(deliveries[0]), by=cast.chen)
    reader.sign_in("zhao")
    page = reader.get(f"/claims/{claim.code}")
    assert "已签收 1 / 2 份" in page.main
    delivering.sign(deliveries[1], cast.facts(deliveries[1]), by=cast.chen)
    for delivery in deliveries:
        delivering.confirm(delivery, by=cast.li)
    page = reader.get(f"/claims/{claim.code}")
    assert [step.get("class") for step in page.find("ol.line li")] == ["done"] * 5
    assert day(cast.today) in page.texts("ol.line li")[3]
    for words in (*SECRETS, *[delivery.code for delivery in deliveries]):
        assert words not in page.html


def test_ready_once(cast, reader):
    claim = cast.claim(cast.wish())
    reader.sign_in("zhao")
    page = reader.get(f"/claims/{claim.code}")
    after = page.submit("已备货")
    assert "已记下：备好了。" in after.main
    assert claims()[0].state == "ready"
    stale = page.submit("已备货", 409)
    assert "状态已经是“已备货”" in stale.main
    assert events("claim.ready") == 1


def test_release_asks_why(cast, reader):
    claim = cast.claim(cast.wish())
    reader.sign_in("zhao")
    page = reader.get(f"/claims/{claim.code}").follow("释放认领")
    again = page.submit("释放这个认领", 422, note="仓库没有货")
    assert "请选一个原因" in again.main
    assert "仓库没有货" in again.html
    after = again.submit("释放这个认领", reason="no_goods")
    assert "已释放。" in after.main
    [row] = claims()
    assert (row.state, row.end_reason) == ("released", "买不到合适的物品：仓库没有货")
    assert db.session.get(Posting, row.posting_id, populate_existing=True).claimed == 0
    assert events("claim.release") == 1


def test_goods_at_the_union_cannot_be_released(cast, reader):
    claim = cast.claim(cast.wish())
    reader.sign_in("zhao")
    page = reader.get(f"/claims/{claim.code}/release")
    delivering.hand_over(claim, by=cast.chen)
    late = page.submit("释放这个认领", 409, reason="late")
    assert "物品已经交到工会，认领不能再取消。" in late.main
    assert "release" not in buttons(late)
    reader.get(f"/claims/{claim.code}/release", status=409)


def test_my_claims_the_urgent_first_with_a_reminder(cast, reader):
    calm = cast.claim(cast.wish(title="一张书桌"))
    soon = cast.claim(cast.wish(title="一床棉被"), now=utcnow() - timedelta(days=4))
    over = cast.claim(cast.wish(title="一台电饭煲"))
    claiming.release(over, "", by=cast.zhao)
    reader.sign_in("zhao")
    page = reader.get("/claims")
    rows = page.texts("tbody tr")
    assert [soon.code in rows[0], calm.code in rows[1], len(rows)] == [True, True, 2]
    assert "还有 1 天" in rows[0]
    assert "有 1 个认领快到期限了。" in page.main
    assert page.texts("nav.tabs a") == ["进行中 2", "候补 0", "已兑现 0", "已结束 1"]
    assert page.texts(".nav a[href='/claims'] .count") == ["1"]
    assert over.code in reader.get("/claims", stage="ended").main
    sweep(utcnow() + timedelta(days=2))
    assert "过了期限" in reader.get(f"/claims/{soon.code}").main


def test_the_delivery_note_names_goods_and_place_and_nobody(cast, reader):
    first, second = cast.claim(cast.wish(title="一床棉被")), cast.claim(cast.lot(20), 10)
    reader.sign_in("zhao")
    page = reader.get(f"/claims/{first.code}/note")
    for words in (first.code, "一床棉被", "潞桥街道工会服务站", "禾丰食品有限公司"):
        assert words in page.main
    assert len(page.find("figure.qr")) == 2
    many = reader.get(f"/claims/{second.code}/note", boxes=3)
    assert len(many.find(".label")) == 3
    assert "10 份" in many.main
    for words in (*SECRETS, "赵敏"):
        assert words not in page.html + many.html


def test_one_note_for_everything_a_confirmation_claimed(cast, reader):
    _full_basket(cast)
    reader.sign_in("zhao")
    after = reader.get("/basket/confirm").submit("确认认领 4 项")
    sheet = after.follow("打印送货单")
    assert len(sheet.find("table.roll")) == 2
    assert len(sheet.find("table.roll tbody tr")) == 4


def test_what_is_anothers_is_not_there(cast, app, reader):
    claim = claiming.claim(cast.wish(), 1, by=cast.sun, batch="PC-0123456789AB")
    draft = cast.wish("draft")
    reader.sign_in("zhao")
    for path in (
        f"/claims/{claim.code}",
        f"/claims/{claim.code}/note",
        f"/claims/{claim.code}/release",
        f"/claims/batch/{claim.batch}",
        f"/claims/batch/{claim.batch}/note",
        f"/claims/new/{draft.code}",
    ):
        reader.get(path, status=404)
    reader.post(f"/claims/{claim.code}/ready", 404)
    reader.post(f"/claims/{claim.code}/release", 404, reason="late")
    staff = Reader(app)
    staff.sign_in("chen")
    for path in ("/claims", f"/claims/{claim.code}", f"/claims/new/{draft.code}", "/basket/confirm"):
        staff.get(path, status=403)


def test_no_page_of_an_enterprise_shows_the_household(cast, reader):
    wish = cast.wish()
    claim = cast.delivery(cast.wish(), state="confirmed").claim
    basket.put(wish, by=cast.zhao)
    reader.sign_in("zhao")
    paths = (
        "/basket",
        "/basket/confirm",
        f"/claims/new/{wish.code}",
        "/claims",
        "/claims?stage=fulfilled",
        f"/claims/{claim.code}",
        f"/claims/{claim.code}/note",
    )
    for path in paths:
        html = reader.get(path).html
        assert not [words for words in SECRETS if words in html], path
