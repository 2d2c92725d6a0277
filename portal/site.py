"""The portal's own small pages: where "/" leads, what a reader prefers, explanations, health."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import text

from portal import shell
from portal.database import db
from portal.journal import housekeeping
from portal.web import page, permission

bp = Blueprint("site", __name__)
ABOUT = ("rules", "privacy", "accessibility", "help", "figures")
YEAR = 365 * 24 * 3600


@bp.get("/")
@permission("site.use")
def home() -> Any:
    """Each to their own first page: staff to the desk, enterprises to the hall, everybody else to the public board."""
    if not current_user.is_authenticated:
        return redirect(url_for("board.home"), 303)
    return redirect(url_for("desk.home" if current_user.side == "staff" else "hall.wishes"), 303)


def safe_next(target: str | None) -> str:
    """A path of this portal, or "/": an address from outside is never followed."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc or any(ord(char) < 32 for char in target) else target


@bp.get("/prefs")
@permission("site.use")
def prefs() -> Response:
    """Keep the reader's size, contrast or language in a cookie (no person is kept), and go back to the page."""
    response = redirect(safe_next(request.args.get("next")), 303)
    for name, allowed in (("size", shell.SIZES), ("contrast", shell.CONTRASTS), ("lang", shell.LANGS)):
        if request.args.get(name) in allowed:
            response.set_cookie(name, request.args[name], max_age=YEAR, samesite="Lax", secure=current_app.config["PORTAL"].HTTPS)
    return response  # type: ignore[return-value]


@bp.get("/counts")
@permission("desk.read")
def counts() -> Any:
    """The menu with its to-do counts, for the refresh once a minute."""
    if request.headers.get("HX-Request-Type") != "partial":
        return redirect(url_for("desk.home"), 303)
    return render_template("shell/menu_items.html")


@bp.get("/about/<name>")
@permission("site.use")
def about(name: str) -> Response:
    """An explanation: the rules of claiming, personal data, accessibility, help, what the figures mean."""
    if name not in ABOUT:
        abort(404)
    return page(f"site/{name}.html")


@bp.get("/healthz")
@permission("site.use")
def health() -> Any:
    """200 with "ok" when the database can be read and written, else 503; for the load balancer and the watchdog."""
    with housekeeping() as tx:
        tx.session.execute(text("select 1"))
    db.session.remove()
    return Response("ok\n", mimetype="text/plain")
