"""The files on the web: what each person finds, sees, changes, and what a look at masked data leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select

from portal.accounts.models import UnionUnit
from portal.database import db
from portal.households import operations
from portal.households.models import Consent, Household, Member
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes.models import Posting
from tests.cast import Cast, id_number
from tests.reader import Reader

NEW = {
    "name": "欧阳春燕", "sex": "f", "id_no": "", "phone": "139 0000 1234", "address": "潞桥街道青年路8号", "hardship": "deep", "cause": "illness",
    "people": "3", "visited_on": "2026-01-05",
}  # fmt: skip


def woman(serial: int) -> str:
    """A woman's ID number: the 17th digit is even."""
    return id_number(serial * 2)


@pytest.fixture
def lin(cast: Cast, reader: Reader) -> Reader:
    reader.sign_in("lin")
    return reader


def events(action: str) -> list[Event]:
    return list(db.session.scalars(select(Event).where(Event.action == action)))


def the_file(name: str) -> Household:
    return next(row for row in db.session.scalars(select(Household)) if row.name == name)


# -- list and find -------------------------------------------------------------------------------------------------------------------


def test_the_own_unit_reads_names_in_full_and_others_do_not_find_the_file(cast: Cast, app):
    home = cast.household()
    lin, zhou, he = Reader(app), Reader(app), Reader(app)
    for one, name in ((lin, "lin"), (zhou, "zhou"), (he, "he")):
        one.sign_in(name)
    assert "周玉华" in lin.get("/households").main
    seen = zhou.get("/households").main
    assert "周**" in seen and "周玉华" not in seen
    assert home.code not in he.get("/households").main
    he.get(f"/households/{home.code}", status=404)
    masked = zhou.get(f"/households/{home.code}").main
    assert "周玉华" not in masked and "云湖针织" not in masked and "和平路" not in masked
    for text in (masked, lin.get(f"/households/{home.code}").main):
        assert home.id_no not in text and home.phone not in text and "和平路" not in text and "云湖实验小学" not in text


def test_filters_and_pages_without_numbers(cast: Cast, lin: Reader, monkeypatch):
    monkeypatch.setattr("portal.households.queries.PER_PAGE", 2)
    homes = [cast.household() for _ in range(5)]
    cast.household(state="closed")
    first = lin.get("/households?state=filed")
    second = first.follow("下一页")
    third = second.follow("下一页")
    codes = [[link.href.rsplit("/", 1)[1] for link in page.links if "/households/KN" in link.href] for page in (first, second, third)]
    assert codes == [[homes[4].code, homes[3].code], [homes[2].code, homes[1].code], [homes[0].code]]
    assert third.follow("上一页").main == second.main
    assert "没有符合条件的档案" in lin.get("/households?hardship=accident").main


def test_a_file_is_found_by_code_and_by_the_whole_id_number_in_the_body_of_a_post(cast: Cast, lin: Reader):
    home = cast.household()
    for typed in (home.code.lower(), home.id_no, f" {home.id_no[:6]} {home.id_no[6:14]} {home.id_no[14:]} "):
        assert lin.get("/households").submit("查找", q=typed).path == f"/households/{home.code}"
    page = lin.get("/households").submit("查找", 422, q=home.id_no[:-4])
    assert "没有找到这份档案" in page.main


def test_a_file_of_another_union_is_not_found_by_its_id_number(cast: Cast, lin: Reader):
    other = cast.household("donghu")
    assert "没有找到这份档案" in lin.get("/households").submit("查找", 422, q=other.id_no).main


# -- open ----------------------------------------------------------------------------------------------------------------------------


def test_a_file_is_opened_with_its_members(cast: Cast, lin: Reader):
    page = lin.get("/households/new")
    members = {"members-0-name": "欧阳小雨", "members-0-relation": "child", "members-0-birth_year": "2015", "members-0-school": "云湖二小"}
    page = page.submit("建档", **(NEW | {"id_no": woman(300).lower()} | members))
    home = the_file("欧阳春燕")
    assert f"编号 {home.code}" in page.main and home.code.startswith("KN-")
    assert (home.unit_id, home.town, home.phone, home.birth_year) == (cast.lin.unit_id, "潞桥街道", "13900001234", 1970)
    assert [(one.name, one.school, one.birth_year) for one in home.members] == [("欧阳小雨", "云湖二小", 2015)]
    (event,) = events("household.open")
    assert event.thing_code == home.code and event.changes == {"state": "filed", "members": 1}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("id_no", "1234567", "身份证号应为 15 位或 18 位，现在是 7 位"),
        ("id_no", woman(301)[:-1] + ("0" if woman(301)[-1] != "0" else "1"), "最后一位对不上"),
        ("sex", "m", "性别和身份证号不一致"),
        ("phone", "1390000", "手机号应为 11 位"),
        ("name", "", "请写姓名"),
        ("hardship", "", "请选困难类别"),
        ("people", "很多", "家庭人口请写 1 到 20 的整数"),
        ("visited_on", "2026-13-01", "这样的日期"),
        ("state", "emergency", "紧急帮扶要写明手续补齐的期限"),
        ("employer_credit_code", "91", "统一社会信用代码应为 18 位，现在是 2 位"),
        ("members-1-birth_year", "2015", "请写家庭成员的姓名"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(lin: Reader, field: str, value: str, sentence: str):
    page = lin.get("/households/new").submit("建档", 422, **(NEW | {"id_no": woman(301)} | {field: value}))
    assert sentence in page.main and "还有" in page.main
    kept = dict(page.forms[-1].values)
    assert kept[field] == value and kept["address"] == NEW["address"]
    assert not events("household.open")


def test_another_row_for_a_member_needs_no_script(lin: Reader):
    page = lin.get("/households/new").submit("再加一位家庭成员", name="欧阳春燕")
    assert dict(page.forms[-1].values)["name"] == "欧阳春燕" and "members-2-name" in page.forms[-1].fields


def test_an_id_number_has_one_file_whatever_the_union(cast: Cast, lin: Reader):
    own, other = cast.household(), cast.household("donghu")
    page = lin.get("/households/new").submit("建档", 422, **(NEW | {"sex": "m", "id_no": own.id_no}))
    assert "已经有一份档案" in page.main and own.code in page.main
    page = lin.get("/households/new").submit("建档", 422, **(NEW | {"sex": "f", "id_no": other.id_no}))
    assert "已经有一份档案" in page.main
    assert other.code not in page.html and "东湖" not in page.main


# -- change --------------------------------------------------------------------------------------------------------------------------


def test_a_change_keeps_what_was_left_empty_and_the_event_names_only_fields(cast: Cast, lin: Reader):
    home = cast.household()
    before = (home.id_no, home.phone, home.address)
    page = lin.get(f"/households/{home.code}").follow("修改档案")
    assert not any(value in page.html for value in before)
    sex = {"男": "m", "女": "f"}["男" if int(home.id_no[16]) % 2 else "女"]
    lin.get(f"/households/{home.code}/edit").submit("保存", sex=sex, people="4", employer="云湖面粉厂")
    db.session.refresh(home)
    assert (home.people, home.employer) == (4, "云湖面粉厂") and (home.id_no, home.phone, home.address) == before
    (event,) = events("household.amend")
    assert set(event.changes["fields"]) >= {"people", "employer"} and "云湖面粉厂" not in str(event.changes)


def test_only_the_own_unit_writes(cast: Cast, app):
    home = cast.household()
    for name, status in (("he", 404), ("zhou", 403), ("gu", 403)):
        one = Reader(app)
        one.sign_in(name)
        one.get(f"/households/{home.code}/edit", status=status)
        one.post(f"/households/{home.code}/consents/publish_wish", status, channel="paper")
        one.post(f"/households/{home.code}/members", status, name="某人", relation="child")
    zhou = Reader(app)
    zhou.sign_in("zhou")
    buttons = {button.text for button in zhou.get(f"/households/{home.code}").buttons}
    assert "查看" in buttons and not {"加上", "记录撤回同意"} & buttons


def test_members_come_and_go(cast: Cast, lin: Reader):
    home = cast.household()
    page = lin.get(f"/households/{home.code}").submit("加上", name="周大海", relation="spouse", birth_year="1968", employer="云湖船厂")
    assert "周大海" in page.main and "云湖船厂" in page.main
    page = page.submit("移出 周大海")
    assert "周大海" not in page.main
    assert [len(events(f"household.{verb}_member")) for verb in ("add", "remove")] == [1, 1]
    member = db.session.scalars(select(Member).where(Member.household_id == home.id)).one()
    lin.post(f"/households/{cast.household('donghu').code}/members/{member.code}/remove", 404)
    lin.post(f"/households/{home.code}/members/CY-XXXXXX/remove", 409)


def test_a_consent_is_recorded_once_and_withdrawn_once(cast: Cast, lin: Reader):
    home = cast.household()
    page = lin.get(f"/households/{home.code}").submit("记录撤回同意")
    assert "还没有记录" in page.main
    page = page.submit("记录同意", channel="phone")
    lin.post(f"/households/{home.code}/consents/publish_wish", channel="paper")
    given = db.session.scalars(select(Consent).where(Consent.household_id == home.id).order_by(Consent.id)).all()
    assert [(row.channel, row.withdrawn_at is None) for row in given] == [("paper", False), ("phone", True)]
    assert [len(events(f"household.{verb}")) for verb in ("consent", "withdraw_consent")] == [1, 1]
    lin.post(f"/households/{home.code}/consents/photos", 404, channel="paper")


# -- a look that leaves a trace ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("what", "attribute"), [("id_no", "id_no"), ("phone", "phone"), ("address", "address")])
def test_a_look_shows_one_field_once_and_leaves_field_and_purpose(cast: Cast, lin: Reader, what: str, attribute: str):
    home = cast.household()
    page = lin.get(f"/households/{home.code}").submit("查看", what=what, purpose="deliver")
    value = getattr(home, attribute)
    assert value in page.main
    assert page.response.headers["Cache-Control"] == "no-store"
    (event,) = events("household.reveal")
    assert event.changes == {"field": what, "purpose": "deliver", "member": None} and event.actor_id == cast.lin.id
    assert value not in lin.get(f"/households/{home.code}").main


def test_a_look_at_a_child_and_a_look_without_a_purpose(cast: Cast, lin: Reader):
    home = cast.household()
    child = home.members[0]
    page = lin.get(f"/households/{home.code}").submit("查看", 422, what=f"member:{child.code}")
    assert "请选查看用途" in page.main and not events("household.reveal")
    page = page.submit("查看", what=f"member:{child.code}", purpose="help")
    assert "陈小雨" in page.main and "云湖实验小学" in page.main
    assert events("household.reveal")[0].changes["member"] == child.code


def test_an_auditor_and_another_union_may_not_look(cast: Cast, app):
    home = cast.household()
    sent: dict[str, Any] = {"what": "phone", "purpose": "verify"}
    for name, status in (("gu", 403), ("he", 404), ("zhao", 403)):
        one = Reader(app)
        one.sign_in(name)
        one.post(f"/households/{home.code}/reveal", status, **sent)
    assert not events("household.reveal")


def test_the_page_of_a_file_shows_its_wishes_packs_and_sign_offs(cast: Cast, lin: Reader):
    delivery = cast.delivery(state="signed")
    home = delivery.household
    page = lin.get(f"/households/{home.code}")
    assert "待确认" in page.main and delivery.sign_off.code in page.main
    assert page.follow("一台取暖器").path == f"/postings/{delivery.posting.code}"
    assert {"发心愿", "修改档案"} <= {link.text for link in page.links}


def test_a_street_has_the_files_of_its_communities(cast: Cast, app):
    street = cast.units["luqiao"]
    below = UnionUnit(code="DW-CMMNTY", name="潞桥社区工会", short_name="潞桥社区", level="base", town="潞桥街道", path="", parent=street)
    db.session.add(below)
    db.session.flush()
    below.path = f"{street.path}{below.id}/"
    cast.units["below"] = below
    home = cast.household("below")
    for name, seen, status in (("lin", "周玉华", 200), ("zhou", "周**", 403)):
        one = Reader(app)
        one.sign_in(name)
        assert seen in one.get(f"/households/{home.code}").main
        one.get(f"/households/{home.code}/edit", status=status)
    lin = Reader(app)
    lin.sign_in("lin")
    page = lin.get(f"/households/{home.code}").follow("发心愿")
    page.submit("提交审核", title="一台取暖器", value="280")
    wish = db.session.scalars(select(Posting)).one()
    assert (wish.unit_id, wish.town, wish.point) == (street.id, "潞桥街道", "潞桥街道工会服务站")


def test_a_list_asks_as_much_for_three_files_as_for_one(cast: Cast, app, lin: Reader):
    def asked(path: str) -> int:
        seen: list[str] = []

        def count(_connection, _cursor, statement, *_rest) -> None:
            seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", count)
        try:
            lin.get(path)
        finally:
            event.remove(db.engine, "before_cursor_execute", count)
        return len(seen)

    lot = cast.lot()
    cast.wish("draft", household=cast.household())
    once = [asked(path) for path in ("/households", "/postings", f"/postings/{lot.code}/recipients")]
    for _ in range(2):
        cast.wish("draft")
    assert [asked(path) for path in ("/households", "/postings", f"/postings/{lot.code}/recipients")] == once


def test_two_clerks_opening_one_file_at_the_same_moment_make_one(cast: Cast, monkeypatch):
    home = cast.household()
    facts = operations.Facts("欧阳春燕", "f", home.id_no, "13900001234", "青年路8号", "潞桥街道", "deep", "illness")
    monkeypatch.setattr(operations, "_taken", lambda *_: False)  # as if both had asked before either wrote
    with pytest.raises(Refused) as caught:
        operations.open_file(facts, by=cast.he)
    assert caught.value.code == "id_taken" and not events("household.open")
    assert len(db.session.scalars(select(Household)).all()) == 1
