"""The posting desk: wishes and lots of packs from the file to the review, with and without htmx."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from portal.database import db
from portal.households import operations as household_operations
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes.models import Posting, Recipient
from portal.wishes.operations import posting as operations
from portal.wishes.operations.posting import Item
from tests.cast import Cast
from tests.page import Page
from tests.reader import Reader

WISH = {"title": "一台取暖器", "spec": "功率 2000 瓦以内", "public_text": "冬天取暖用。", "category": "home", "value": "280"}
RICE = {
    "contents-0-name": "大米", "contents-0-amount": "10 公斤", "contents-0-food": True, "contents-0-licence": "sc 10132040000011",
    "contents-0-producer": "云湖米业", "contents-0-batch": "B20261101", "contents-0-shelf_days": "365",
}  # fmt: skip


@pytest.fixture
def lin(cast: Cast, reader: Reader) -> Reader:
    reader.sign_in("lin")
    return reader


def form_of(page: Page) -> int:
    """The number of the posting form among the forms of the page."""
    return next(number for number, form in enumerate(page.forms) if form.element.get("id") == "posting")


def actions(code: str) -> list[str]:
    return list(db.session.scalars(select(Event.action).where(Event.thing_code == code).order_by(Event.id)))


def newest() -> Posting:
    return db.session.scalars(select(Posting).order_by(Posting.id.desc()).limit(1)).one()


def refusal(act: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    return caught.value.code


# -- a wish --------------------------------------------------------------------------------------------------------------------------


def test_a_wish_is_two_clicks_from_the_file_and_its_code_is_told(cast: Cast, lin: Reader):
    home = cast.household()
    page = lin.get(f"/households/{home.code}").follow("发心愿")
    known = dict(page.forms[form_of(page)].values)
    assert (known["point"], known["latest_day"]) == ("潞桥街道工会服务站", cast.campaign.ends_on.isoformat())
    page = page.submit("提交审核", **WISH)
    wish = newest()
    assert f"已提交审核，编号 {wish.code}" in page.main and page.path == f"/postings/{wish.code}"
    assert (wish.state, wish.value_fen, wish.household_id, wish.town) == ("submitted", 28_000, home.id, "潞桥街道")
    assert actions(wish.code) == ["posting.create", "posting.submit"]
    assert lin.get(f"/postings/new?household={home.code}").find("option[selected]")[0].get("value") == "home"


def test_the_same_form_sent_twice_makes_one_wish(cast: Cast, lin: Reader):
    home = cast.household()
    page = lin.get(f"/postings/new?household={home.code}")
    first, second = page.submit("提交审核", **WISH), page.submit("提交审核", **WISH)
    assert first.path == second.path and len(db.session.scalars(select(Posting)).all()) == 1
    assert actions(newest().code) == ["posting.create", "posting.submit"]


def test_a_wish_begins_with_a_file_of_the_own_union(cast: Cast, lin: Reader):
    page = lin.get("/postings/new")
    assert page.path == "/households" and "请先打开一份档案" in page.main
    lin.get(f"/postings/new?household={cast.household('donghu').code}", status=404)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("title", "", "请写想要的物品或服务"),
        ("value", "贵", "参考价值请写数字"),
        ("value", "", "请写参考价值"),
        ("value", "9,999,999", "最多"),
        ("latest_day", "2020-01-01", "最迟送达日要在今天以后"),
        ("latest_day", "明天", "这样的日期"),
        ("point", "", "请写交接点"),
    ],
)
def test_what_is_wrong_with_a_wish_is_said_and_what_was_typed_stays(cast: Cast, lin: Reader, field: str, value: str, sentence: str):
    page = lin.get(f"/postings/new?household={cast.household().code}").submit("提交审核", 422, **(WISH | {field: value}))
    assert sentence in page.main
    kept = dict(page.forms[form_of(page)].values)
    assert kept[field] == value and kept["public_text"] == WISH["public_text"]
    assert not db.session.scalars(select(Posting)).all()


def test_what_names_somebody_stays_a_draft(cast: Cast, lin: Reader):
    home = cast.household()
    text = {"public_text": "周玉华电话 13900001234，想要一台取暖器。"}
    page = lin.get(f"/postings/new?household={home.code}").submit("提交审核", 422, **(WISH | text))
    assert "删去以后才能提交" in page.main and {"周玉华", "13900001234"} <= set("".join(page.texts("mark")).replace("电话 ", "|").split("|")) | set(
        page.texts("mark")
    )
    assert dict(page.forms[form_of(page)].values)["public_text"] == text["public_text"] and not db.session.scalars(select(Posting)).all()
    page = page.submit("存为草稿")
    wish = newest()
    assert wish.state == "draft" and f"草稿已保存，编号 {wish.code}" in page.main
    page = page.submit("提交审核", 422)
    assert "删去以后才能提交" in page.main and newest().state == "draft"
    page = page.submit("用建议文字")
    assert "13900001234" not in dict(page.forms[form_of(page)].values)["public_text"]
    page = page.submit("提交审核", public_text="想要一台取暖器。")
    assert newest().state == "submitted"
    assert actions(wish.code) == ["posting.create", "posting.amend", "posting.submit"]


def test_the_check_while_typing_is_a_fragment_and_without_scripts_a_page(cast: Cast, lin: Reader):
    home = cast.household()
    typed = WISH | {"household": home.code, "public_text": "丈夫风湿关节炎长期吃中药，希望有个多功能养生壶", "mode": "station", "point": "x"}
    part = lin.fragment("post", "/postings/privacy", **typed)
    assert part.root.xpath("count(//body/*)") == 1 and part.find("section#check mark")
    button = part.find("button#use")[0]
    assert button.get("data-fill") == "#public_text" and "养生壶" in button.get("data-value") and "风湿" not in button.get("data-value")
    assert part.texts("article h3") == ["一台取暖器"] and "约 280 元" in part.text
    whole = lin.post("/postings/privacy", **typed)
    assert whole.heading == "发心愿" and whole.find("section#check mark")
    assert not db.session.scalars(select(Posting)).all()
    lin.fragment("post", "/postings/privacy", 404, **(typed | {"household": cast.household("donghu").code}))


def test_the_card_in_the_panel_says_what_the_hall_says_and_nothing_of_the_household(cast: Cast, lin: Reader):
    wish = cast.wish()
    panel = lin.get(f"/postings/new?household={wish.household.code}").submit("存为草稿", 422, **(WISH | {"title": "一台取暖器", "value": ""}))
    card = " ".join(panel.texts("#check article"))
    assert "潞桥街道工会服务站" in card and "冬天取暖用。" in card
    for value in (wish.household.name, wish.household.code, "和平路"):
        assert value not in card


def test_soft_reminders_are_shown_and_block_nothing(cast: Cast, lin: Reader):
    home = cast.household(visited_on=cast.today - timedelta(days=500))
    cast.wish("submitted", household=home)
    page = lin.get(f"/postings/new?household={home.code}")
    assert "一年内没有入户核实的记录" in page.main and "已有别的心愿" in page.main
    page = page.submit("提交审核", **(WISH | {"value": "2600"}))
    assert newest().checks == ["over_ceiling", "second_wish", "visit_old"]
    assert "参考价值超过活动上限" in page.main


def test_consent_is_recorded_in_the_form_when_the_file_has_none(cast: Cast, lin: Reader):
    home = cast.household()
    household_operations.withdraw_consent(home, "publish_wish", by=cast.lin)
    page = lin.get(f"/postings/new?household={home.code}").submit("提交审核", 422, **WISH)
    assert "请先记录本人对匿名发布心愿的同意" in page.main and not db.session.scalars(select(Posting)).all()
    page.submit("提交审核", consent=True, channel="counter")
    assert newest().state == "submitted"
    assert actions(home.code) == ["household.withdraw_consent", "household.consent"]


def test_no_wish_for_a_closed_file_or_an_emergency_past_its_due_date(cast: Cast, lin: Reader):
    late = cast.household(state="emergency", emergency_due=cast.today - timedelta(days=1))
    page = lin.get(f"/postings/new?household={late.code}").submit("存为草稿", 422, **WISH)
    assert "紧急帮扶手续已过期限" in page.main
    closed = cast.household(state="closed")
    page = lin.get(f"/postings/new?household={closed.code}").submit("存为草稿", 422, **WISH)
    assert "先建档，再发心愿" in page.main
    assert not db.session.scalars(select(Posting)).all()
    in_time = cast.household(state="emergency", emergency_due=cast.today)
    lin.get(f"/postings/new?household={in_time.code}").submit("提交审核", **WISH)
    assert newest().state == "submitted"


# -- changing, taking back -----------------------------------------------------------------------------------------------------------


def test_a_returned_wish_is_mended_and_sent_again(cast: Cast, lin: Reader):
    wish = cast.wish("submitted")
    operations.send_back(wish, "unclear", "请写尺码", by=cast.zhou)
    page = lin.get(f"/postings/{wish.code}").follow("修改")
    assert "写得不够清楚" in page.main and "请写尺码" in page.main
    page.submit("提交审核", spec="42 码")
    db.session.refresh(wish)
    assert (wish.state, wish.spec, wish.return_reason) == ("submitted", "42 码", "")
    assert actions(wish.code)[-2:] == ["posting.amend", "posting.submit"]


def test_what_is_under_review_or_claimed_is_not_changed(cast: Cast, lin: Reader):
    wish = cast.wish("submitted")
    lin.get(f"/postings/{wish.code}/edit", status=409)
    operations.approve(wish, by=cast.zhou)
    cast.claim(wish)
    db.session.execute(Posting.__table__.update().where(Posting.id == wish.id).values(state="returned"))
    db.session.commit()
    assert refusal(operations.amend, wish, cast.draft(), by=cast.lin) == "frozen"


def test_withdrawing_has_a_check_page_and_ends_with_a_live_claim(cast: Cast, lin: Reader):
    wish = cast.wish()
    page = lin.get(f"/postings/{wish.code}").follow("撤回")
    assert "不能恢复" in page.main
    page = page.submit("确认撤回", note="本人不需要了")
    db.session.refresh(wish)
    assert wish.state == "withdrawn" and "已撤回微心愿" in page.main and actions(wish.code)[-1] == "posting.withdraw"
    lin.get(f"/postings/{wish.code}/withdraw", status=409)
    taken = cast.wish()
    before = lin.get(f"/postings/{taken.code}/withdraw")
    cast.claim(taken)
    assert "请先撤销认领" in before.submit("确认撤回", 409).main
    assert refusal(operations.withdraw, taken, by=cast.lin) == "live_claims"
    assert not {"撤回", "修改"} & {link.text for link in lin.get(f"/postings/{taken.code}").links}


def test_every_person_gets_the_buttons_that_are_theirs(cast: Cast, app):
    wish = cast.wish("draft")
    expected = {"lin": {"提交审核"}, "chen": {"提交审核"}, "zhou": set(), "gu": set()}
    for name, buttons in expected.items():
        one = Reader(app)
        one.sign_in(name)
        page = one.get(f"/postings/{wish.code}")
        assert {button.text for button in page.buttons if "/postings/" in button.action} == buttons
        assert ("修改" in {link.text for link in page.links}) == bool(buttons)
    for name, status in (("he", 404), ("zhao", 403), ("zhou", 403)):
        one = Reader(app)
        one.sign_in(name)
        one.post(f"/postings/{wish.code}/submit", status)
        one.get(f"/postings/{wish.code}/edit", status=status)
        one.get(f"/postings/{wish.code}/withdraw", status=status)
    assert actions(wish.code) == ["posting.create"]


def test_units_above_see_the_name_of_a_wish_masked(cast: Cast, app):
    wish = cast.wish()
    for name, shown in (("lin", "周玉华"), ("zhou", "周**")):
        one = Reader(app)
        one.sign_in(name)
        assert shown in one.get(f"/postings/{wish.code}").main
    assert "周玉华" not in one.get(f"/postings/{wish.code}").main


def test_the_list_is_the_subtree_filtered_and_paged(cast: Cast, lin: Reader, monkeypatch):
    monkeypatch.setattr("portal.wishes.posting_queries.PER_PAGE", 2)
    wishes = [cast.wish("draft") for _ in range(3)]
    lot, other = cast.lot(state="draft"), cast.wish("draft", unit="donghu")
    page = lin.get("/postings?kind=wish&state=draft")
    assert wishes[2].code in page.main and wishes[0].code not in page.main and lot.code not in page.main
    assert wishes[0].code in page.follow("下一页").main
    assert page.follow("下一页").follow("上一页").main == page.main
    assert other.code not in lin.get("/postings").main
    assert "没有符合条件的心愿" in lin.get("/postings?state=expired").main


# -- packs ---------------------------------------------------------------------------------------------------------------------------


def test_a_lot_is_written_with_its_food_facts(cast: Cast, lin: Reader):
    page = lin.get("/postings").follow("发礼包")
    fields = RICE | {"contents-0-produced_on": (cast.today - timedelta(days=20)).isoformat(), "contents-1-name": "毛巾两条"}
    page = page.submit("提交审核", title="米面油组合", quantity="40", value="168", **fields)
    lot = newest()
    assert (lot.kind, lot.state, lot.quantity, lot.value_fen) == ("pack", "submitted", 40, 16_800)
    assert [(item.name, item.food, item.licence, item.shelf_days) for item in lot.items] == [
        ("大米", True, "SC10132040000011", 365), ("毛巾两条", False, "", 0),
    ]  # fmt: skip
    assert f"编号 {lot.code}" in page.main and "云湖米业" in page.main


def test_another_article_needs_no_script(cast: Cast, lin: Reader):
    page = lin.get("/postings/packs/new").submit("再加一样物品", title="米面油组合", **{"contents-2-name": "食用油"})
    kept = dict(page.forms[form_of(page)].values)
    assert kept["title"] == "米面油组合" and kept["contents-2-name"] == "食用油" and "contents-3-name" in kept


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"contents-0-batch": ""}, "食品要写生产批号"),
        ({"contents-0-licence": "SC1"}, "食品生产许可证编号应为 SC 加 14 位数字"),
        ({"contents-0-name": "", "contents-0-food": False}, "请写物品名称，或把这一行清空"),
        ({"contents-0-shelf_days": "一年"}, "保质期请写天数"),
        ({"contents-0-shelf_days": "21"}, "大米 到计划送达日就过了保质期"),
        ({"quantity": "0"}, "份数请写 1 到"),
        ({"value": ""}, "请写每份参考价值"),
    ],
)
def test_what_is_wrong_with_a_lot_is_said(cast: Cast, lin: Reader, change: dict[str, Any], sentence: str):
    fields = RICE | {"contents-0-produced_on": (cast.today - timedelta(days=20)).isoformat(), "title": "米面油组合", "quantity": "40", "value": "168"}
    page = lin.get("/postings/packs/new").submit("提交审核", 422, **(fields | change))
    assert sentence in page.main and dict(page.forms[form_of(page)].values)["contents-0-producer"] == "云湖米业"
    assert not db.session.scalars(select(Posting)).all()


def test_an_empty_pack_is_no_pack(lin: Reader):
    assert "请至少写一样物品" in lin.get("/postings/packs/new").submit("存为草稿", 422, title="空", quantity="1", value="1").main


def test_food_is_good_on_its_last_day_and_not_a_day_longer(cast: Cast):
    day = cast.today + timedelta(days=20)
    last = Item("面粉", "5 公斤", True, "SC10132040000011", "云湖米业", "B1", cast.today, 20)
    assert cast.lot(items=(last,), state="draft", latest_day=day).id
    assert refusal(cast.lot, items=(last,), state="draft", latest_day=day + timedelta(days=1)) == "food_expired"


# -- recipients ----------------------------------------------------------------------------------------------------------------------


def listed(lot: Posting) -> set[int]:
    return set(db.session.scalars(select(Recipient.household_id).where(Recipient.posting_id == lot.id)))


def test_households_are_named_little_by_little_by_list_and_all_at_once(cast: Cast, lin: Reader):
    lot, homes = cast.lot(10), [cast.household() for _ in range(5)]
    cast.household(state="closed")
    other = cast.household("donghu")
    page = lin.get(f"/postings/{lot.code}").follow("选家庭")
    assert other.code not in page.main
    page = page.submit("选入勾选的家庭", household=[homes[0].code, homes[1].code])
    assert "已选入 2 户" in page.main and listed(lot) == {homes[0].id, homes[1].id}
    page = page.submit("选入这些家庭", pasted=f"{homes[2].code.lower()}，\n{homes[0].code}")
    assert "已选入 1 户" in page.main
    page = page.submit("全部 2 户都选入")
    assert listed(lot) == {home.id for home in homes}
    page = page.submit(next(button for button in page.buttons if button.text.startswith("移出")))
    assert "已移出名单" in page.main and len(listed(lot)) == 4
    assert actions(lot.code)[-4:] == ["posting.name", "posting.name", "posting.name", "posting.unname"]


def test_a_pasted_list_with_wrong_codes_names_nobody_and_stays(cast: Cast, lin: Reader):
    lot, home, other = cast.lot(10), cast.household(), cast.household("donghu")
    typed = f"{home.code} {other.code} KN-2026-ZZZZZZ"
    page = lin.get(f"/postings/{lot.code}/recipients").submit("选入这些家庭", 422, pasted=typed)
    assert f"没有找到这些档案：{other.code}、KN-2026-ZZZZZZ" in page.main and typed in page.html
    assert not listed(lot)
    late = cast.household(state="emergency", emergency_due=cast.today - timedelta(days=1))
    page = lin.get(f"/postings/{lot.code}/recipients").submit("选入这些家庭", 422, pasted=late.code)
    assert "现在不能帮扶" in page.main and late.code in page.main
    assert "请先勾选家庭" in lin.post(f"/postings/{lot.code}/recipients", 422, step="ticked").main


def test_no_more_households_than_packs_and_nobody_twice(cast: Cast, lin: Reader):
    lot, homes = cast.lot(2), [cast.household() for _ in range(3)]
    page = lin.get(f"/postings/{lot.code}/recipients").submit("选入勾选的家庭", 422, household=[home.code for home in homes])
    assert "共 2 份，名单里已有 0 户" in page.main and not listed(lot)
    assert [box.get("checked") for box in page.find("input[name=household]")] == ["checked"] * 3 or len(
        page.find("input[name=household][checked]")
    ) == 3
    operations.name_recipients(lot, homes[:1], by=cast.lin)
    assert "已经在名单里" in lin.post(f"/postings/{lot.code}/recipients", 422, step="ticked", household=homes[0].code).main
    assert actions(lot.code).count("posting.name") == 1


def test_a_household_whose_pack_is_on_the_way_stays_on_the_list(cast: Cast, lin: Reader):
    lot, home = cast.lot(2), cast.household()
    operations.name_recipients(lot, [home], by=cast.lin)
    page = lin.get(f"/postings/{lot.code}/recipients")
    cast.claim(lot, 2, state="handed_over")
    page = page.submit("移出 周玉华", 409)
    assert "不能移出名单" in page.main and listed(lot) == {home.id}
    lin.post(f"/postings/{lot.code}/recipients/{cast.household().code}/remove", 404)


def test_a_wish_has_no_list_and_another_union_none_of_ours(cast: Cast, app, lin: Reader):
    wish, lot = cast.wish(), cast.lot()
    lin.get(f"/postings/{wish.code}/recipients", status=404)
    he = Reader(app)
    he.sign_in("he")
    he.get(f"/postings/{lot.code}/recipients", status=404)
    he.post(f"/postings/{lot.code}/recipients", 404, step="all")
    operations.withdraw(lot, by=cast.lin)
    assert refusal(operations.name_recipients, lot, [cast.household()], by=cast.lin) == "stale_step"


def test_a_lot_keeps_a_pack_for_everybody_on_its_list(cast):
    lot = cast.lot(3, "draft")
    operations.name_recipients(lot, [cast.household(), cast.household()], by=cast.lin)
    with pytest.raises(Refused, match="too_many_recipients"):
        operations.amend(lot, cast.draft(category="pack", quantity=1), by=cast.lin)
    operations.amend(lot, cast.draft(category="pack", quantity=2), by=cast.lin)
    assert db.session.get_one(Posting, lot.id, populate_existing=True).quantity == 2


def test_nobody_is_put_on_the_list_of_a_lot_that_was_withdrawn_a_moment_ago(cast, app):
    lot, home = cast.lot(3), cast.household()
    assert lot.state == "open"  # read, and kept by this session while a colleague withdraws it
    with db.engine.begin() as colleague:
        colleague.execute(update(Posting).where(Posting.id == lot.id).values(state="withdrawn"))
    with pytest.raises(Refused, match="stale_step"):
        operations.name_recipients(lot, [home], by=cast.lin)
