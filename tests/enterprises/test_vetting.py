"""Staff vet enterprises: approve, refuse, suspend, reinstate, a quota of their own; each with one event. The contact keeps the profile."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.database import db
from portal.enterprises import operations
from portal.enterprises.routes import counts
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes.models import Claim
from portal.wishes.operations import claiming
from tests.accounts.test_units import events, local_admin
from tests.reader import Reader

STEPS = ("approve", "refuse", "suspend", "reinstate")
ALLOWED = {("pending", "approve"), ("pending", "refuse"), ("refused", "approve"), ("approved", "suspend"), ("suspended", "reinstate")}


def signed_in(app, username: str) -> Reader:
    reader = Reader(app)
    reader.sign_in(username)
    return reader


def claim_code(cast, username: str, **values: object) -> str:
    try:
        claiming.claim(cast.wish(**values), 1, by=cast.actors[username])
    except Refused as refused:
        return refused.code
    return "claimed"


@pytest.mark.parametrize("state", ["pending", "approved", "suspended", "refused"])
@pytest.mark.parametrize("step", STEPS)
def test_every_step_in_every_state(cast, state, step):
    row = cast.enterprises["wu"]
    row.state = state
    db.session.commit()
    if (state, step) in ALLOWED:
        operations.decide(row, step, "缺营业执照", by=cast.zhou)
        assert row.state == operations.STEPS[step][1] and row.decided_by == cast.zhou.id
        assert events() == [f"enterprise.{step}"]
        assert "营业执照" not in str(db.session.scalars(select(Event.changes)).one())
    else:
        with pytest.raises(Refused) as refused:
            operations.decide(row, step, by=cast.zhou)
        assert (refused.value.code, row.state, events()) == ("stale_step", state, [])


def test_approval_opens_the_hall(cast, app):
    zhou, code = signed_in(app, "zhou"), cast.enterprises["wu"].code
    assert claim_code(cast, "wu") == "not_approved"
    page = zhou.get("/enterprises", state="pending")
    assert "新城物业" in page.main and "禾丰食品" not in page.main
    page = page.follow("新城物业")
    assert {button.text for button in page.buttons} >= {"通过", "保存上限", "显示电话"} and "不通过" in {link.text for link in page.links}
    page = page.submit("通过")
    assert "已通过" in page.text and "暂停认领" in {link.text for link in page.links}
    assert claim_code(cast, "wu") == "claimed"
    stale = zhou.post(f"/enterprises/{code}/approve", 409)
    assert "企业的状态已经是“已通过”" in stale.text


def test_a_refusal_says_why_and_can_be_mended(cast, app):
    zhou, wu, code = signed_in(app, "zhou"), signed_in(app, "wu"), cast.enterprises["wu"].code
    page = zhou.get(f"/enterprises/{code}/refuse")
    assert "请写原因" in page.submit("记为未通过", 422, reason=" ").text
    page = page.submit("记为未通过", reason="请补营业执照照片")
    assert "请补营业执照照片" in page.text
    assert "请补营业执照照片" in wu.get("/company").text
    zhou.post(f"/enterprises/{code}/approve")
    assert "请补营业执照照片" not in wu.get("/company").text


def test_a_suspended_enterprise_keeps_its_claims_and_makes_no_new_ones(cast, app):
    running = cast.claim(cast.wish())
    zhou = signed_in(app, "zhou")
    page = zhou.get(f"/enterprises/{cast.enterprises['zhao'].code}/suspend")
    assert "现在进行中的有 1 份" in page.text
    page.submit("暂停认领", reason="收到反映，正在核实")
    assert claim_code(cast, "zhao") == "suspended"
    row = db.session.get(Claim, running.id)
    assert row.state == "active"
    claiming.ready(row, by=cast.zhao)
    assert row.state == "ready", "what was promised goes on"
    zhao = signed_in(app, "zhao")
    assert "认领已暂停" in zhao.get("/company").text
    zhou.get(f"/enterprises/{cast.enterprises['zhao'].code}").submit("恢复认领")
    assert claim_code(cast, "zhao") == "claimed"


def test_a_quota_of_its_own(cast, app):
    zhou, path = signed_in(app, "zhou"), f"/enterprises/{cast.enterprises['zhao'].code}"
    assert "请写 1 到 10000 的整数" in zhou.get(path).submit("保存上限", 422, quota="0").text
    zhou.get(path).submit("保存上限", quota="1")
    assert [claim_code(cast, "zhao"), claim_code(cast, "zhao")] == ["claimed", "quota"]
    zhou.get(path).submit("保存上限", quota="")
    assert claim_code(cast, "zhao") == "claimed"
    quota = [event.changes for event in db.session.scalars(select(Event).where(Event.action == "enterprise.quota").order_by(Event.id))]
    assert quota == [{"was": None, "quota": 1}, {"was": 1, "quota": None}]


def test_the_phone_is_masked_until_somebody_says_why(cast, app):
    zhou, path, phone = signed_in(app, "zhou"), f"/enterprises/{cast.enterprises['zhao'].code}", cast.enterprises["zhao"].contact_phone
    page = zhou.get(path)
    assert phone not in page.html and f"{phone[:3]}****{phone[-4:]}" in page.text
    assert "请选用途" in page.submit("显示电话", 422).text and phone not in zhou.get(path).html
    shown = page.submit("显示电话", purpose="goods")
    assert phone in shown.text and phone not in shown.path
    event = db.session.scalars(select(Event).where(Event.action == "enterprise.reveal")).one()
    assert event.changes == {"field": "contact_phone", "purpose": "goods"}
    assert phone not in zhou.get(path).html, "the next look is masked again"


def test_who_may_do_what(cast, app):
    path = f"/enterprises/{cast.enterprises['wu'].code}"
    gu = signed_in(app, "gu").get(path)
    assert "新城物业" in gu.text and not {"通过", "保存上限", "显示电话"} & {button.text for button in gu.buttons}
    for username in ("gu", "lin", "zhao"):
        reader = signed_in(app, username)
        for step in ("approve", "refuse", "suspend", "reinstate", "quota", "contact"):
            reader.post(f"{path}/{step}", 403, reason="x", quota="1", purpose="goods")
    for username in ("lin", "zhao"):
        signed_in(app, username).get("/enterprises", 403)
        signed_in(app, username).get(path, 403)
    signed_in(app, "zhou").get("/company", 403)
    assert {action for action in events() if action != "account.sign_in"} == set()


def test_another_union_sees_nothing(cast, app):
    local_admin(cast, "luqiao")
    ma, path = signed_in(app, "ma"), f"/enterprises/{cast.enterprises['wu'].code}"
    assert "还没有企业登记" in ma.get("/enterprises").text
    ma.get(path, 404)
    for step in ("approve", "refuse", "suspend", "reinstate", "quota", "contact"):
        ma.post(f"{path}/{step}", 404, reason="x", purpose="goods")


def test_the_to_do_counts_those_who_wait(cast):
    assert counts(cast.zhou) == {"enterprises": 1} == counts(cast.admin)
    assert counts(cast.lin) == counts(cast.gu) == counts(cast.zhao) == {}
    operations.decide(cast.enterprises["wu"], "approve", by=cast.zhou)
    assert counts(cast.zhou) == {"enterprises": 0}


def test_search(cast, app):
    zhou = signed_in(app, "zhou")
    firm = cast.enterprises["sun"]
    for typed in ("远景", firm.code.lower(), firm.credit_code, "100%", ""):
        page = zhou.get("/enterprises", q=typed)
        assert ("远景机电" in page.main) is (typed != "100%"), typed
    assert "没有符合条件的企业" in zhou.get("/enterprises", q="100%").text


def test_the_contact_keeps_the_profile(cast, app):
    zhao = signed_in(app, "zhao")
    page = zhao.get("/company")
    assert "手机号应为 11 位" in page.submit("保存", 422, contact_phone="139").text
    page = page.submit("保存", contact_name="赵敏敏", contact_phone="0512-6688 1234", public_name=False)
    row = cast.enterprises["zhao"]
    assert (row.contact_name, row.contact_phone, row.public_name) == ("赵敏敏", "0512-66881234", False)
    event = db.session.scalars(select(Event).where(Event.action == "enterprise.profile")).one()
    assert event.changes == {"fields": ["contact_name", "contact_phone", "public_name"], "consent": False}
    assert "企业资料" in {link.text for link in zhao.get("/account").links}
