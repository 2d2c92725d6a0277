"""Requests without a live session: to the sign-in page, and back with everything that was typed.

A form that arrives too late is sealed into the sign-in page. Nothing of it is kept on the server, and only the same person gets it back.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, flash, redirect, request, session, url_for
from werkzeug.exceptions import HTTPException

from portal.accounts import sessions
from portal.accounts.forms import SignInForm
from portal.database import utcnow
from portal.journal import Actor
from portal.vault import VaultError, installed
from portal.web import page
from portal.wording import _

CONTEXT = "form.resume"
LASTS = timedelta(hours=2)
MOST = 300_000  # characters of a form that are worth carrying through the sign-in page; a signature has about 20,000
DROPPED = ("csrf_token", "password", "again", "old", "resume")
POLLS = ("site.counts",)  # asked by the page itself once a minute: no reason to keep a session alive, or to leave a page half filled in


@dataclass(frozen=True)
class Late:
    """A form that came too late: where to, what was typed, whose session had ended (None: not known), whether files were with it."""

    path: str
    fields: list[tuple[str, str]]
    account: int | None
    files: bool
    until: float


def seal(late: Late) -> str:
    """The form as text that only this installation can read."""
    return base64.urlsafe_b64encode(installed().seal(json.dumps(asdict(late)), CONTEXT)).decode("ascii")


def unseal(text: str, now: datetime) -> Late | None:
    """The form, or None for one that is too old or not from here."""
    try:
        kept = json.loads(installed().open(base64.urlsafe_b64decode(text.encode("ascii")), CONTEXT))
    except (ValueError, VaultError):
        return None
    late = Late(**(kept | {"fields": [(name, value) for name, value in kept["fields"]]}))
    return late if now.timestamp() < late.until else None


def ask() -> Any:
    """What somebody without a live session gets: the sign-in page, with the form that was being sent sealed into it."""
    token = session.pop("_user_id", None)
    if request.headers.get("HX-Request"):
        if request.endpoint in POLLS:
            return Response(status=204)
        return Response(status=401, headers={"HX-Redirect": url_for("accounts.sign_in", next=_page_before())})
    if request.method in ("GET", "HEAD"):
        if token:
            flash(_("您离开得久了，请重新登录。"), "info")
        return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")), 303)
    late = _late(sessions.account_behind(token) if token else None)
    if late is None:
        return redirect(url_for("accounts.sign_in", next=_page_before()), 303)
    return page("accounts/sign_in.html", 401, form=SignInForm(formdata=None, next=_page_before(), resume=seal(late)))


def _late(account: int | None) -> Late | None:
    """The form of this request, if it was sent from a page of the portal: another site could put its own words into it."""
    sent_from = request.headers.get("Origin") or request.referrer or ""
    if not _from_here(sent_from) or (request.endpoint or "accounts.").startswith("accounts."):
        return None
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in DROPPED and "password" not in name]
    if sum(len(name) + len(value) for name, value in fields) > MOST:
        return None
    files = any(file.filename for _name, file in request.files.items(multi=True))
    return Late(request.full_path.rstrip("?"), fields, account, files, (utcnow() + LASTS).timestamp())


def _page_before() -> str | None:
    """Path of the page that the request came from, if it is one of the portal's."""
    if not _from_here(request.referrer or ""):
        return None
    parts = urlsplit(request.referrer or "")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _from_here(address: str) -> bool:
    """Whether an address that a browser gave is one of the portal's; what is no address at all is not."""
    try:
        return urlsplit(address).netloc == request.host
    except ValueError:
        return False


def resume(sealed: str, by: Actor, otherwise: str) -> Any:
    """The page that sends the form again, with a fresh token; to ``otherwise`` when it is too old, somebody else's, or leads nowhere."""
    late = unseal(sealed, utcnow())
    if late is None or late.account not in (None, by.id) or not _leads_somewhere(late.path):
        flash(_("登录以前填的内容没有带过来，请重新填写。"), "info")
        return redirect(otherwise, 303)
    return page("accounts/resume.html", late=late, back=otherwise)


def _leads_somewhere(path: str) -> bool:
    try:
        current_app.create_url_adapter(request).match(urlsplit(path).path, method="POST")  # type: ignore[union-attr]
    except HTTPException:
        return False
    return True
