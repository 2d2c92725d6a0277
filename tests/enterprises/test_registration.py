"""An enterprise registers itself: checked, once, not too often; it may look at once and claim when it is approved."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from portal.accounts.models import Account
from portal.codes import CodeError, credit_check_digit
from portal.database import db
from portal.enterprises import operations
from portal.enterprises.models import Enterprise
from portal.enterprises.operations import Registration
from portal.journal import Actor, Event
from portal.refusal import Refused
from portal.wishes.operations import claiming
from tests.reader import Reader


def credit(first17: str) -> str:
    return first17 + credit_check_digit(first17)


GOOD = credit("91329900MA1XTEXT0")
TYPED = {
    "credit_code": GOOD, "name": "云湖新城物业有限公司", "short_name": "新城物业", "town": "潞桥街道", "contact_name": "吴小刚", "contact_phone": "139 0000 2222",
    "username": "xincheng", "password": "一句很好记住的话", "again": "一句很好记住的话",
}  # fmt: skip


def facts(**values: object) -> Registration:
    names = ("credit_code", "name", "short_name", "town", "contact_name", "contact_phone")
    return Registration(**({name: TYPED[name] for name in names} | values))


def register(**values: object) -> str:
    """The code of the refusal, or "in"."""
    login = {name: values.pop(name, TYPED[name]) for name in ("username", "password")}
    try:
        operations.register(facts(**values), **login)
    except Refused as refused:
        return refused.code
    return "in"


def test_from_the_form_to_the_first_look(cast, reader):
    page = reader.get("/login").follow("登记企业")
    done = page.submit("提交登记", **(TYPED | {"public_name": True}))
    assert done.path == "/register/done" and "工会核对企业资料" in done.text
    assert done.find("a[href='/login']"), "nobody is signed in by registering"
    row = db.session.scalars(select(Enterprise).where(Enterprise.credit_code == GOOD)).one()
    assert (row.state, row.unit_id, row.contact_phone, row.public_name) == ("pending", cast.units["district"].id, "13900002222", True)
    event = db.session.scalars(select(Event)).one()
    contact = db.session.scalars(select(Account).where(Account.username == "xincheng")).one()
    assert (event.action, event.thing_code, event.actor_id, contact.roles) == ("enterprise.register", row.code, contact.id, {"contact"})
    assert "139" not in str(event.changes) and "吴小刚" not in str(event.changes)
    reader.sign_in("xincheng", "一句很好记住的话")
    reader.get("/wishes")
    assert "资料正在审核" in reader.get("/company").text
    by = Actor(contact.id, contact.name, contact.roles, enterprise_id=row.id)
    with pytest.raises(Refused) as refused:
        claiming.claim(cast.wish(), 1, by=by)
    assert refused.value.code == "not_approved"


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("credit_code", GOOD[:17], "统一社会信用代码应为 18 位，现在是 17 位"),
        ("credit_code", GOOD[:17] + ("0" if GOOD[17] != "0" else "1"), "最后一位对不上"),
        ("credit_code", "9" + "I" + GOOD[2:], "第 2 位写错了"),
        ("credit_code", "", "请填统一社会信用代码"),
        ("credit_code", credit("81329900MC0000000"), "81 开头的是工会的代码"),
        ("contact_phone", "1390000", "手机号应为 11 位"),
        ("town", "", "请选所在镇街"),
        ("username", "新城", "用户名用 2 到 40 个小写字母"),
        ("again", "别的话别的话", "两遍填的不一样"),
        ("name", "", "请填企业全称"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(cast, reader, field, typed, sentence):
    page = reader.get("/register").submit("提交登记", 422, **(TYPED | {field: typed}))
    assert sentence in page.main
    kept = dict(page.button("提交登记").form.values)
    assert all(kept[name] == (typed if name == field else TYPED[name]) for name in TYPED if name not in ("password", "again"))
    assert kept["password"] == kept["again"] == ""
    assert db.session.scalar(select(func.count()).select_from(Event)) == 0


def test_a_short_password_is_refused(cast, reader):
    assert "密码至少 8 个字" in reader.get("/register").submit("提交登记", 422, **(TYPED | {"password": "短", "again": "短"})).text


def test_once_only(cast):
    assert register() == "in"
    assert register(username="another") == "credit_taken"
    assert register(credit_code=f" {GOOD[:8].lower()} {GOOD[8:]}", username="another") == "credit_taken", "another spelling is the same code"
    assert register(credit_code=credit("91329900MA1XTEXT1")) == "username_taken"
    assert register(credit_code=credit("91329900MA1XTEXT1"), username="ZHAO") == "username_taken", "names of staff and contacts are one list"
    assert register(credit_code=credit("81329900MC0000000")) == "credit_union"
    assert [event for event in db.session.scalars(select(Event.action))] == ["enterprise.register"]
    with pytest.raises(CodeError):
        facts(credit_code=GOOD[:17] + "?")


def test_one_source_does_not_register_without_end(cast, make_app):
    reader = Reader(make_app(SIGN_IN_TRIES_SOURCE=2))
    page = reader.get("/register")
    taken = TYPED | {"credit_code": cast.enterprises["zhao"].credit_code}
    for _ in range(2):
        assert "已经登记过" in page.submit("提交登记", 422, **taken).text
    assert "提交的次数多了" in page.submit("提交登记", 429, **TYPED).text
    reader.sign_in("lin")  # wrong registrations are no wrong passwords


def test_an_enterprise_is_vetted_by_the_district_of_its_town(cast):
    assert register(town="东湖街道") == "in"
    assert register(town="别处", credit_code=credit("91329900MA1XTEXT1"), username="another") == "in"
    assert set(db.session.scalars(select(Enterprise.unit_id))) == {cast.units["district"].id}
