"""Sessions end: by signing out, by a new password, by idleness, by age. A form that comes too late is not lost, and goes to nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from werkzeug.datastructures import MultiDict

from portal.accounts import admin_operations, operations, resuming, sessions
from portal.accounts.models import Account, Session
from portal.database import db, utcnow
from portal.refusal import Refused
from tests.accounts.test_units import events
from tests.reader import PARTIAL, PASSWORD, Reader

GONE = "您离开得久了，请重新登录。填的内容都还在。"
HOST = {"Referer": "http://localhost/account"}


def age(username: str, **columns: timedelta) -> None:
    """Make the sessions of a person older."""
    mine = select(Account.id).where(Account.username == username).scalar_subquery()
    db.session.execute(update(Session).where(Session.account_id == mine).values({name: utcnow() - by for name, by in columns.items()}))
    db.session.commit()


def test_signing_out_kills_the_cookie(cast, reader):
    page = reader.sign_in("lin")
    kept = reader.client.get_cookie("nuan").value
    after = page.submit("退出")
    assert after.path.startswith("/login") and "已退出" in after.text
    assert reader.hops[0].headers["Clear-Site-Data"] == '"cache"'
    reader.client.set_cookie("nuan", kept)
    assert reader.get("/account").path.startswith("/login")
    assert events() == ["account.sign_in", "account.sign_out"]


def test_a_new_password_ends_the_other_sessions(cast, app):
    here, there = Reader(app), Reader(app)
    for browser in (here, there):
        browser.sign_in("lin")
    page = here.get("/account").follow("换密码")
    assert "现在的密码不对" in page.submit("换密码", 422, old="wrong", password="新的密码很长", again="新的密码很长").text
    assert "两遍填的不一样" in page.submit("换密码", 422, old=PASSWORD, password="新的密码很长啊", again="别的密码很长啊").text
    assert "密码至少 8 个字" in page.submit("换密码", 422, old=PASSWORD, password="短", again="短").text
    assert "太常见" in page.submit("换密码", 422, old=PASSWORD, password="12345678", again="12345678").text
    page = page.submit("换密码", old=PASSWORD, password="新的密码很长很长", again="新的密码很长很长")
    assert page.path == "/account" and here.get("/account").path == "/account"
    assert there.get("/account").path.startswith("/login")
    there.sign_in("lin", PASSWORD, status=422)
    there.sign_in("lin", "新的密码很长很长")
    assert events()[2:] == ["account.change_password", "account.sign_in"]


def test_idle_and_absolute_limits(cast, reader):
    reader.sign_in("lin")
    age("lin", seen_at=timedelta(minutes=29))
    assert reader.get("/account").path == "/account"
    assert utcnow() - db.session.scalars(select(Session.seen_at)).one() < timedelta(minutes=1), "a page keeps the session alive"
    age("lin", seen_at=timedelta(minutes=31))
    page = reader.get("/account")
    assert page.path.startswith("/login") and "您离开得久了" in page.text
    reader.sign_in("lin")
    age("lin", started_at=timedelta(hours=12, minutes=1))
    assert reader.get("/account").path.startswith("/login")


def test_what_a_page_asks_by_itself_keeps_no_session_alive(cast, reader):
    reader.sign_in("lin")
    age("lin", seen_at=timedelta(minutes=20))
    reader.fragment("get", "/counts")
    assert utcnow() - db.session.scalars(select(Session.seen_at)).one() > timedelta(minutes=19)
    age("lin", seen_at=timedelta(minutes=31))
    silent = reader.fragment("get", "/counts", 204)
    assert "HX-Redirect" not in silent.response.headers, "a page half filled in is not taken away"


def test_htmx_is_led_to_the_sign_in_page(cast, reader):
    reader.sign_in("lin")
    token = reader.csrf_token()
    age("lin", seen_at=timedelta(minutes=31))
    headers = PARTIAL | {"Referer": "http://localhost/postings/new?kind=wish"}
    for answer in (
        reader.client.get("/account", headers=headers),
        reader.client.post("/company", headers=headers | {"X-CSRFToken": token}),
        reader.client.post("/company", headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == "/login?next=/postings/new?kind%3Dwish"


def late_form(cast, reader, username: str = "zhao"):
    """The sign-in page that answers a form sent too late."""
    reader.sign_in(username)
    page = reader.get("/company")
    age(username, seen_at=timedelta(minutes=31))
    return page.submit("保存", 401, contact_name="赵敏敏", contact_phone="139 0000 1111")


def test_a_late_form_is_sent_after_signing_in(cast, reader):
    page = late_form(cast, reader)
    assert GONE in page.text and "赵敏敏" not in page.html and "13900001111" not in page.html
    form = next(form for form in page.forms if "resume" in form.fields)
    wrong = page.submit(form, 422, username="zhao", password="wrong")
    assert GONE in wrong.text, "a slip of the fingers loses nothing"
    form = next(form for form in wrong.forms if "resume" in form.fields)
    ready = wrong.submit(form, username="zhao", password=PASSWORD)
    assert ready.heading == "继续提交" and "/company" in ready.text
    again = ready.button("继续提交").form
    assert again.action == "/company" and dict(again.values)["contact_name"] == "赵敏敏"
    done = ready.submit("继续提交")
    assert "企业资料已保存" in done.text
    db.session.expire_all()
    assert (cast.enterprises["zhao"].contact_name, cast.enterprises["zhao"].contact_phone) == ("赵敏敏", "13900001111")


def test_a_late_form_is_not_lost_with_the_cookie(cast, reader):
    reader.sign_in("zhao")
    page = reader.get("/company")
    reader.sign_out()  # the browser was closed: no cookie, and no good token
    page = page.submit("保存", 401, contact_name="赵敏敏")
    form = next(form for form in page.forms if "resume" in form.fields)
    assert page.submit(form, username="zhao", password=PASSWORD).heading == "继续提交"


def test_a_late_form_goes_to_nobody_else(cast, reader):
    page = late_form(cast, reader)
    form = next(form for form in page.forms if "resume" in form.fields)
    other = page.submit(form, username="sun", password=PASSWORD)
    assert "没有带过来" in other.text and "赵敏敏" not in other.html


def test_a_late_form_lasts_two_hours(cast, app, monkeypatch):
    with app.test_request_context():
        late = resuming.Late("/company", [("a", "b"), ("a", "c")], None, False, utcnow().timestamp() + 7200)
        sealed = resuming.seal(late)
        assert resuming.unseal(sealed, utcnow() + timedelta(minutes=119)) == late
        assert resuming.unseal(sealed, utcnow() + timedelta(minutes=121)) is None
        for broken in ("", "x", "é", sealed[:-8], sealed[:30] + ("B" if sealed[30] == "A" else "A") + sealed[31:]):
            assert resuming.unseal(broken, utcnow()) is None


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Referer": "https://evil.example/localhost"}, {"Origin": "null"}])
def test_another_site_puts_no_words_into_the_sign_in_page(cast, reader, headers):
    answer = reader.client.post("/company", data={"contact_name": "x"}, headers=headers)
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/login")


def test_passwords_tokens_and_files_are_not_carried(cast, app):
    with app.test_request_context(
        "/company",
        method="POST",
        headers=HOST,
        data=MultiDict([("csrf_token", "t"), ("password", "p"), ("new_password", "q"), ("a", "1"), ("a", "2")]),
    ):
        late = resuming._late(None)
    assert late.fields == [("a", "1"), ("a", "2")]
    with app.test_request_context("/account/password", method="POST", headers=HOST, data={"old": "p"}):
        assert resuming._late(None) is None
    with app.test_request_context("/company", method="POST", headers=HOST, data={"a": "x" * (resuming.MOST + 1)}):
        assert resuming._late(None) is None


def test_a_form_leads_only_to_what_is_there(cast, app, reader):
    with app.test_request_context():
        sealed = resuming.seal(resuming.Late("/nowhere", [("a", "b")], None, False, utcnow().timestamp() + 7200))
    page = reader.get("/login")
    form = next(form for form in page.forms if "resume" in form.fields)
    assert "没有带过来" in page.submit(form, username="zhao", password=PASSWORD, resume=sealed).text


def posts(app) -> list[str]:
    """Every address of the portal that takes a POST, with a made-up value for each part."""
    found = set()
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            values = {name: "1" if type(converter).__name__ == "IntegerConverter" else "x" for name, converter in rule._converters.items()}
            found.add(rule.build(values)[1])
    return sorted(found)


def test_no_form_is_taken_without_a_token(cast, app, reader):
    reader.sign_in("admin")
    before = len(events())
    addresses = posts(app)
    assert len(addresses) > 10
    for address in addresses:
        answer = reader.client.post(address, data={"csrf_token": "made up"})
        assert answer.status_code == (303 if address == "/login" else 400), address
    db.session.rollback()
    assert len(events()) == before
    assert reader.get("/account").path == "/account"


def test_a_password_that_was_reset_meanwhile_is_not_set_by_whoever_knew_the_old_one(cast, monkeypatch):
    verify, account = operations.verify, db.session.scalars(select(Account).where(Account.username == "lin")).one()

    def slow(stored: str, password: str) -> bool:
        fits = verify(stored, password)
        admin_operations.reset_password(account, by=cast.admin)
        return fits

    monkeypatch.setattr(operations, "verify", slow)
    with pytest.raises(Refused, match="password_wrong"):
        operations.change_password(PASSWORD, "another-long-one", 0, by=cast.lin)
    db.session.rollback()
    assert account.must_change
    assert not verify(account.password_hash, "another-long-one")


def test_reading_goes_on_when_the_disk_takes_nothing_more(cast, reader, monkeypatch):
    reader.sign_in("lin")
    age("lin", seen_at=timedelta(minutes=5))

    def full() -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(sessions, "housekeeping", full)
    assert "林晓梅" in reader.get("/account").main
