"""Signing in: one sentence for every wrong pair, waiting by source without locking others out, a new cookie, no way out of the portal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from portal.accounts.models import Account, Session, SignInTry
from portal.accounts.operations import MOST, Throttle, sign_in
from portal.database import db, utcnow
from portal.journal import Event
from portal.refusal import Refused
from tests.reader import PASSWORD, Reader

WRONG = "用户名或密码不对，请再试一次。"
LIMITS = Throttle(account_tries=3, source_tries=5, wait=timedelta(minutes=15), key=b"k")


def attempt(username: str, password: str, source: str = "10.0.0.1", **more: object) -> str:
    """ "in", or the code of the refusal."""
    try:
        return "in" if sign_in(username, password, source, LIMITS, **more) else ""
    except Refused as refused:
        return refused.code


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(cast, reader):
    for username, password in (("lin", "wrong-password"), ("nobody", "wrong-password"), ("lin", "x" * 128)):
        page = reader.sign_in(username, password, status=422)
        assert WRONG in page.text
        assert page.text.count("nobody") == 0 or username == "nobody"
    assert reader.sign_in("nobody", PASSWORD, status=422).main.count(WRONG) == reader.sign_in("lin", "no", status=422).main.count(WRONG)


def test_the_name_may_be_typed_in_capitals_and_with_spaces(cast, reader):
    reader.sign_in("  LIN ")
    reader.get("/account")


def test_a_password_is_measured_before_it_is_hashed(cast, reader, monkeypatch):
    hashed: list[str] = []
    monkeypatch.setattr("portal.accounts.operations.HASHER", type("Counts", (), {"verify": lambda self, stored, password: hashed.append(password)})())
    page = reader.sign_in("lin", "x" * (MOST + 1), status=422)
    assert "密码最多 128 个字" in page.text
    assert hashed == []


def test_too_many_wrong_passwords_wait_only_for_that_name_at_that_place(cast):
    assert [attempt("lin", "wrong") for _ in range(4)] == ["sign_in_wrong"] * 3 + ["sign_in_wait"]
    assert attempt("lin", PASSWORD) == "sign_in_wait", "the right password waits too, or guessing would go on"
    assert attempt(" LIN", PASSWORD) == "sign_in_wait", "another spelling is the same name"
    assert attempt("chen", PASSWORD) == "in", "another person at the same place signs in"
    assert attempt("lin", PASSWORD, "10.0.0.2") == "in", "the same person elsewhere is not locked out"
    assert attempt("lin", PASSWORD, now=utcnow() + timedelta(minutes=16)) == "in"


def test_one_place_that_tries_many_names_waits(cast):
    assert [attempt(f"name{n}", "wrong") for n in range(6)] == ["sign_in_wrong"] * 5 + ["sign_in_wait"]
    assert attempt("lin", PASSWORD) == "sign_in_wait"
    assert attempt("lin", PASSWORD, "10.0.0.2") == "in"


def test_the_waiting_page_says_how_long(cast, make_app):
    reader = Reader(make_app(SIGN_IN_TRIES=1))
    reader.sign_in("lin", "wrong", status=422)
    page = reader.sign_in("lin", PASSWORD, status=429)
    assert "请过 15 分钟再试" in page.text


def test_the_counted_tries_name_nobody(cast):
    attempt("lin", "wrong", "10.0.0.1")
    keys = " ".join(db.session.scalars(select(SignInTry.key)))
    assert "lin" not in keys.replace("account", "") and "10.0.0.1" not in keys


def test_the_cookie_is_new_after_signing_in(cast, reader):
    reader.get("/login")
    before = reader.client.get_cookie("nuan").value
    token = reader.csrf_token()
    reader.sign_in("lin")
    assert reader.client.get_cookie("nuan").value != before
    reader.client.set_cookie("nuan", before)  # what an attacker had fixed is nobody's
    assert reader.client.get("/account").status_code == 303
    assert reader.client.post("/logout", data={"csrf_token": token}).headers["Location"].startswith("/login")


def test_a_cookie_is_hidden_from_scripts(cast, reader, make_app):
    reader.sign_in("lin")
    cookie = reader.hops[0].headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie
    secure = Reader(make_app(HTTPS=True)).client.get("/login", base_url="https://localhost").headers["Set-Cookie"]
    assert "Secure" in secure


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "\\\\evil.example", "/ok\nSet-Cookie: x"]
)
def test_nobody_is_sent_away(cast, reader, target):
    page = reader.send("get", "/login", [("next", target)])
    form = next(form for form in page.forms if "password" in form.fields)
    answer = reader.client.post("/login", data=dict(form.filled({"username": "lin", "password": PASSWORD})))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_next_leads_back_to_the_page(cast, reader):
    page = reader.get("/account")
    assert page.path.startswith("/login")
    form = next(form for form in page.forms if "password" in form.fields)
    assert page.submit(form, username="lin", password=PASSWORD).path == "/account"


def test_what_was_typed_stays_but_not_the_password(cast, reader):
    page = reader.sign_in("lin", "wrong", status=422)
    form = next(form for form in page.forms if "password" in form.fields)
    assert dict(form.values)["username"] == "lin" and dict(form.values)["password"] == ""


def test_a_closed_account_cannot_sign_in(cast, reader):
    db.session.execute(update(Account).where(Account.username == "lin").values(active=False))
    db.session.commit()
    assert WRONG in reader.sign_in("lin", status=422).text


def test_signing_in_is_one_event_and_a_wrong_password_none(cast):
    attempt("lin", "wrong")
    assert db.session.scalar(select(func.count()).select_from(Event)) == 0
    attempt("lin", PASSWORD)
    assert db.session.scalars(select(Event.action)).all() == ["account.sign_in"]
    assert db.session.scalar(select(func.count()).select_from(SignInTry).where(SignInTry.key.startswith("account"))) == 0


def test_only_the_hash_of_a_token_is_kept(cast):
    token = sign_in("lin", PASSWORD, "10.0.0.1", LIMITS)
    assert token.encode() not in db.session.scalars(select(Session.token_hash)).one()
