"""Signing in and out, one's own account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, redirect, request, session, url_for
from flask_login import LoginManager, current_user, login_user, logout_user

from portal.accounts import operations, resuming, sessions
from portal.accounts.forms import PasswordForm, SignInForm
from portal.database import utcnow
from portal.refusal import Refused
from portal.settings import Settings
from portal.site import safe_next
from portal.web import actor, is_part, page, permission, see_other, tell
from portal.wording import _

bp = Blueprint("accounts", __name__)
# Where somebody may go who still has the password that another person chose.
BEFORE_CHANGE = frozenset({"accounts.password", "accounts.sign_out", "site.prefs", "site.about", "site.health", "static"})


def _settings() -> Settings:
    return current_app.config["PORTAL"]  # type: ignore[no-any-return]


def _load(token: str) -> sessions.SignedIn | None:
    chosen = _settings()
    idle, absolute = timedelta(minutes=chosen.IDLE_MINUTES), timedelta(hours=chosen.SESSION_HOURS)
    return sessions.load(token, utcnow(), idle, absolute, touch=request.endpoint not in resuming.POLLS)


def init_app(app: Flask, manager: LoginManager) -> None:
    """Let Flask-Login ask the sessions table who a cookie's token belongs to; nobody works on with a password that another chose."""
    manager.session_protection = None  # the token is random and revocable; an address may change on the way
    manager.init_app(app)
    manager.user_loader(_load)
    app.extensions["sign_in_again"] = resuming.ask
    app.before_request(_change_first)


def _change_first() -> Any:
    """Every page leads to the change of the one-time password until it is done."""
    if request.endpoint in BEFORE_CHANGE or not current_user.is_authenticated or not current_user.must_change:
        return None
    target = url_for("accounts.password")
    return Response(status=204, headers={"HX-Redirect": target}) if is_part() else redirect(target, 303)


def throttle() -> operations.Throttle:
    """The limits for wrong passwords and registrations, from the settings."""
    chosen = _settings()
    return operations.Throttle(
        chosen.SIGN_IN_TRIES, chosen.SIGN_IN_TRIES_SOURCE, timedelta(minutes=chosen.SIGN_IN_WAIT_MINUTES), current_app.secret_key.encode()  # type: ignore[union-attr]
    )  # fmt: skip


@bp.route("/login", methods=["GET", "POST"])
@permission("site.use")
def sign_in() -> Any:
    """Sign in, then go where the link pointed, or on with the form that was being sent."""
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")), 303)
    form = SignInForm(next=safe_next(request.args.get("next")))
    if not form.validate_on_submit():
        return page("accounts/sign_in.html", 422 if form.is_submitted() else 200, form=form)
    try:
        token = operations.sign_in(form.username.data or "", form.password.data or "", request.remote_addr or "", throttle())
    except Refused as refused:
        tell(refused, form)
        return page("accounts/sign_in.html", 429 if refused.code == "sign_in_wait" else 422, form=form)
    session.clear()  # a new cookie for a new person: nothing fixed before the sign-in survives it
    g.pop("csrf_token", None)  # made for the old cookie; a page answered by this request needs one for the new
    person = _load(token)
    login_user(person)
    if person and person.must_change:
        return see_other("accounts.password", _("请先换一个自己的密码。"), "info")
    if person and form.resume.data:
        return resuming.resume(form.resume.data, person.actor, safe_next(form.next.data))
    return redirect(safe_next(form.next.data), 303)


@bp.post("/logout")
@permission("account.own")
def sign_out() -> Any:
    """End the session at once."""
    operations.sign_out(current_user.token, by=actor())
    logout_user()
    session.clear()
    response = see_other("accounts.sign_in", _("已退出。"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@bp.get("/account")
@permission("account.own")
def me() -> Response:
    """One's own account: name, place, roles."""
    return page("accounts/me.html", roles=sorted(actor().roles))


@bp.route("/account/password", methods=["GET", "POST"])
@permission("account.own")
def password() -> Any:
    """Change one's password; every other session of the account ends."""
    form = PasswordForm()
    if not form.validate_on_submit():
        return page("accounts/password.html", 422 if form.is_submitted() else 200, form=form)
    try:
        operations.change_password(form.old.data or "", form.password.data or "", current_user.session_id, by=actor())
    except Refused as refused:
        tell(refused, form)
        return page("accounts/password.html", 422, form=form)
    return see_other("accounts.me", _("密码已换。其他地方的登录已经退出。"))
