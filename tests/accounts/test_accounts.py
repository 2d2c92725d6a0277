"""Accounts: made with a one-time password, given roles, moved, closed, reset; each with one event and an end of their sessions."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from portal.accounts import admin_operations as operations
from portal.accounts.admin_operations import AccountFacts
from portal.accounts.models import Account, RoleGrant, Session
from portal.database import db
from portal.journal import Event
from portal.refusal import Refused
from tests.accounts.test_units import events, local_admin, refused
from tests.reader import PASSWORD, Reader


def account(username: str) -> Account:
    return db.session.scalars(select(Account).where(Account.username == username)).one()


def facts(row: Account, **values: object) -> AccountFacts:
    plain = {"name": row.name, "roles": row.roles, "unit": row.unit}
    return AccountFacts(**(plain | values))


def live(username: str) -> int:
    return len(db.session.scalars(select(Session.id).join(Account).where(Account.username == username, Session.ended_at.is_(None))).all())


def test_a_new_account_has_to_choose_its_own_password(cast, app):
    admin, person = Reader(app), Reader(app)
    admin.sign_in("admin")
    form = admin.get("/admin/accounts/new")
    again = form.submit("建好账号", 422, name="钱敏", username="钱敏", unit=cast.units["luqiao"].code, roles=["clerk"])
    assert "用户名用 2 到 40 个小写字母" in again.text
    assert "至少选一个角色" in again.submit("建好账号", 422, username="Qian.Min", roles=[]).text
    page = again.submit("建好账号", username="Qian.Min", roles=["clerk", "auditor"])
    password = page.texts("dl.facts dd")[1]
    assert len(password) == 14 and password.count("-") == 2
    assert page.response.headers["Cache-Control"] == "no-store" and password not in str(page.response.headers)
    row = account("qian.min")
    assert (row.must_change, row.roles, row.unit_id) == (True, {"clerk", "auditor"}, cast.units["luqiao"].id)

    page = person.sign_in("qian.min", password)
    assert page.path == "/account/password" and "请先换一个自己的密码" in page.text
    for path in ("/desk", "/households", "/wishes", "/account"):
        assert person.get(path).path == "/account/password", path
    assert person.fragment("get", "/counts", 204).response.headers["HX-Redirect"] == "/account/password"
    page = person.get("/account/password")
    assert "新密码和现在的一样" in page.submit("换密码", 422, old=password, password=password, again=password).text
    page = page.submit("换密码", old=password, password="自己的密码很好记住", again="自己的密码很好记住")
    assert page.path == "/account"
    assert person.get("/account").path == "/account"
    assert events() == ["account.sign_in", "account.create", "account.sign_in", "account.change_password"]


def test_whoever_must_change_may_sign_out(cast, reader):
    account("lin").must_change = True
    db.session.commit()
    page = reader.sign_in("lin")
    assert page.submit("退出").path.startswith("/login")
    assert live("lin") == 0


def test_names_are_taken_once(cast):
    lin = account("lin")
    assert refused(operations.create_account, "LIN", facts(lin), by=cast.admin) == "username_taken"
    for name in ("l", "-lin", "lin mei", "林", "x" * 41):
        assert refused(operations.create_account, name, facts(lin), by=cast.admin) == "username_form", name
    assert events() == []


def test_staff_and_contacts_do_not_mix(cast):
    lin, zhao = account("lin"), account("zhao")
    assert refused(operations.create_account, "new.one", facts(lin, roles=frozenset({"contact"})), by=cast.admin) == "role_side"
    assert refused(operations.change_account, lin, facts(lin, roles=frozenset({"clerk", "contact"})), by=cast.admin) == "role_side"
    assert refused(operations.change_account, zhao, facts(zhao, roles=frozenset({"contact", "clerk"})), by=cast.admin) == "role_side"
    assert refused(operations.change_account, zhao, facts(zhao, roles=frozenset()), by=cast.admin) == "role_side"
    operations.change_account(zhao, facts(zhao, name="赵敏敏"), by=cast.admin)
    assert (zhao.name, zhao.roles) == ("赵敏敏", {"contact"})


def test_a_role_that_is_taken_stops_at_the_next_request(cast, app):
    lin = Reader(app)
    lin.sign_in("lin")
    lin.get("/households")
    row = account("lin")
    operations.change_account(row, facts(row, roles=frozenset({"auditor"})), by=cast.admin)
    assert live("lin") == 0
    assert lin.get("/households").path.startswith("/login")
    lin.sign_in("lin")
    lin.get("/households/new", 403)
    change = db.session.scalars(select(Event).where(Event.action == "account.change")).one()
    assert change.changes == {"given": ["auditor"], "taken": ["clerk"]}


def test_a_role_gone_from_the_database_needs_no_new_session(cast, app):
    lin = Reader(app)
    lin.sign_in("lin")
    db.session.execute(delete(RoleGrant).where(RoleGrant.account_id == cast.lin.id))
    db.session.commit()
    lin.get("/households", 403)


def test_a_new_name_alone_ends_no_session(cast, app):
    lin = Reader(app)
    lin.sign_in("lin")
    row = account("lin")
    operations.change_account(row, facts(row, name="林晓"), by=cast.admin)
    assert "林晓" in lin.get("/account").text
    operations.change_account(row, facts(row, unit=cast.units["donghu"]), by=cast.admin)
    assert lin.get("/account").path.startswith("/login"), "another unit is another reach"


@pytest.mark.parametrize(("act", "again"), [("deactivate", "account_closed"), ("reset_password", None), ("end_sessions", None)])
def test_what_ends_sessions_at_once(cast, app, act, again):
    lin, other = Reader(app), Reader(app)
    for browser in (lin, other):
        browser.sign_in("lin")
    row = account("lin")
    getattr(operations, act)(row, by=cast.admin)
    assert live("lin") == 0
    assert lin.get("/account").path.startswith("/login") and other.get("/account").path.startswith("/login")
    assert events()[2:] == [f"account.{act}"]
    if again:
        assert refused(getattr(operations, act), row, by=cast.admin) == again
    if act == "end_sessions":
        lin.sign_in("lin")
    else:
        lin.sign_in("lin", PASSWORD, status=422)


def test_a_closed_account_is_opened_again(cast, reader):
    row = account("lin")
    assert refused(operations.reactivate, row, by=cast.admin) == "account_open"
    operations.deactivate(row, by=cast.admin)
    assert refused(operations.reset_password, row, by=cast.admin) == "account_closed"
    operations.reactivate(row, by=cast.admin)
    reader.sign_in("lin")
    assert events() == ["account.deactivate", "account.reactivate", "account.sign_in"]


def test_one_administrator_stays(cast):
    admin = account("admin")
    assert refused(operations.change_account, admin, facts(admin, roles=frozenset({"auditor"})), by=cast.admin) == "last_admin"
    assert refused(operations.deactivate, admin, by=cast.admin) == "last_admin"
    local_admin(cast, "district")
    assert refused(operations.deactivate, admin, by=cast.admin) == "last_admin", "one below does not reach the top"
    assert refused(operations.change_account, admin, facts(admin, unit=cast.units["district"]), by=cast.admin) == "last_admin"
    assert account("admin").roles == {"admin"} and account("admin").active
    local_admin(cast, "city", "bai")
    operations.deactivate(account("admin"), by=cast.admin)
    assert events() == ["account.deactivate"]


def test_pages_show_whom_one_administers_and_nobody_else(cast, app):
    local_admin(cast, "luqiao")
    reader = Reader(app)
    reader.sign_in("ma")
    page = reader.get("/admin/accounts")
    assert "林晓梅" in page.text and "何雨" not in page.text and "赵敏" not in page.text and "周立" not in page.text
    for username in ("he", "zhou", "zhao", "admin"):
        code = account(username).code
        reader.get(f"/admin/accounts/{code}", 404)
        for step in ("", "/deactivate", "/reactivate", "/password", "/sessions/end"):
            reader.post(f"/admin/accounts/{code}{step}", 404, name="x")
    crafted = reader.post("/admin/accounts/new", 422, name="甲", username="jia", unit=cast.units["district"].code, roles="admin")
    assert crafted.status == 422
    assert [action for action in events() if action != "account.sign_in"] == []


def test_pages_of_an_account(cast, app):
    reader = Reader(app)
    reader.sign_in("admin")
    reader.get("/admin/accounts", q="林")
    assert "没有符合条件的账号" in reader.get("/admin/accounts", q="没有这个人").text
    assert "赵敏" in reader.get("/admin/accounts", role="contact").text
    page = reader.get(f"/admin/accounts/{account('lin').code}")
    assert {b.text for b in page.buttons} >= {"保存", "重置密码", "退出所有登录", "停用账号"}
    page = page.submit("保存", roles=["clerk", "auditor"])
    assert account("lin").roles == {"clerk", "auditor"}
    assert "一次性密码" in page.submit("重置密码").text
    page = reader.get(f"/admin/accounts/{account('lin').code}").submit("停用账号")
    assert "账号已停用" in page.text and "恢复账号" in {b.text for b in page.buttons}
    admin = reader.get(f"/admin/accounts/{account('admin').code}")
    assert "至少要留一位管理员" in admin.submit("保存", 422, roles=["auditor"]).text
    assert "至少要留一位管理员" in admin.submit("停用账号", 409).text
    contact = reader.get(f"/admin/accounts/{account('zhao').code}")
    assert "roles" not in contact.button("保存").form.fields and "禾丰食品" in contact.text


@pytest.mark.parametrize("username", ["lin", "zhou", "gu", "zhao"])
def test_only_administrators_administer(cast, app, username):
    reader = Reader(app)
    reader.sign_in(username)
    for path in ("/admin/units", "/admin/units/new", "/admin/accounts", "/admin/accounts/new", "/admin/campaigns", "/admin/campaigns/new"):
        reader.get(path, 403)
    reader.post(f"/admin/accounts/{account('lin').code}/password", 403)


def test_a_refused_change_changes_nothing(cast):
    admin = account("admin")
    with pytest.raises(Refused):
        operations.change_account(admin, facts(admin, name="换了名", roles=frozenset({"clerk"})), by=cast.admin)
    assert account("admin").name == "管理员" and events() == []
