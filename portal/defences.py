"""What stands around every request: headers, error pages, the request's number, logs without personal data."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from typing import Any

from flask import Flask, Response, abort, current_app, g, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from portal.journal import request_id
from portal.refusal import Refused
from portal.web import refuse_entry
from portal.wording import _, sentence

log = logging.getLogger("portal")
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(self)",
}
PAGES = (400, 403, 404, 405, 409, 413, 429)


class JsonLines(logging.Formatter):
    """One JSON object a line. Only codes and numbers are logged: no form value, no query string, no name."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; the trace of an exception is reduced to its type and places, because its text may quote data."""
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname, "what": record.getMessage(),
            "request": request_id.get(), **getattr(record, "facts", {}),
        }  # fmt: skip
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["where"] = _places(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def _places(problem: BaseException) -> list[str]:
    places, trace = [], problem.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-8:]


def start_logging(level: str) -> None:
    """Send the portal's own log to standard error, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    log.handlers[:] = [handler]
    log.setLevel(level)
    log.propagate = False


def init_app(app: Flask) -> None:
    """Register the hooks and the error pages."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(CSRFError, _csrf)
    for away in (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, OSError):  # gone, no connection free, disk full, too many open files
        app.register_error_handler(away, _database)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _crash)


def _begin() -> None:
    g.started = time.perf_counter()
    request_id.set(secrets.token_hex(6))
    # PostgreSQL keeps no NUL, and nobody types one: such an address leads nowhere. Only the fields of forms are cleaned (web.py).
    if any("\0" in text for text in (request.path, *request.args, *request.args.values(), *request.form.values())):
        abort(404)


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        # Personal pages stay in no cache, and Back after signing out shows the sign-in page.
        response.headers.setdefault("Cache-Control", "no-store")
        response.vary.update(("HX-Request", "HX-Request-Type", "Cookie"))
    took = round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1)
    if request.endpoint not in ("static", "site.health"):
        rule = str(request.url_rule) if request.url_rule else "-"
        log.info("request", extra={"facts": {"method": request.method, "rule": rule, "status": response.status_code, "ms": took}})
    return response


def _page(status: int, **context: Any) -> tuple[str, int]:
    template = {400: 422, 405: 404}.get(status, status)
    return render_template(f"errors/{template}.html", **context), status


def _refused(refused: Refused) -> Any:
    """409: the act is not allowed now. Routes that can show the fresh thing beside the sentence catch it themselves."""
    return _page(409, message=sentence(refused.code, refused.params), back=request.referrer)


def _csrf(_error: CSRFError) -> Any:
    """A form older than its session: sign in again, or load the page again. A stranger's form ends here too."""
    wanted = getattr(current_app.view_functions.get(request.endpoint or ""), "permission", "site.use")
    if not current_user.is_authenticated and wanted != "site.use":
        return refuse_entry()
    if request.endpoint == "accounts.sign_in":
        return redirect(url_for("accounts.sign_in"), 303)
    return _page(400, message=_("这一页放得太久了，请返回后重新提交。"), back=request.referrer)


def _ask_no_more() -> None:
    """What follows is rendered as for a stranger: the menus of somebody signed in would ask the database again."""
    g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]


def _database(error: Exception) -> Any:
    """503: the database is away or busy; nothing was kept, the same form may be sent again."""
    log.error("database", exc_info=error)
    _ask_no_more()
    body, _status = _page(503)
    return body, 503, {"Retry-After": "5"}


def _http(error: HTTPException) -> Any:
    if error.code in PAGES:
        return _page(error.code or 404)
    return error


def _crash(error: Exception) -> Any:
    number = f"E-{secrets.token_hex(2).upper()}"
    log.error("crash", exc_info=error, extra={"facts": {"number": number}})
    _ask_no_more()
    return _page(500, reference=number)
