"""The strictest reader of the portal's HTML: a browser without JavaScript in front of the test client.

    reader = Reader(app)
    reader.sign_in("lin")
    page = reader.get("/desk")                      # AssertionError unless 200 and good HTML
    page = page.follow("发布微心愿")                 # a link by its text
    page = page.submit("提交审核", title="棉鞋一双")  # a form by the text of its button; redirects are followed
    page.text, page.links, page.buttons, page.forms, page.find(".st--open")

Every page is parsed as a browser would and must satisfy tests/strict_html.py.
"""

from __future__ import annotations

import contextvars
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from flask import Flask, has_app_context
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from portal.database import db
from portal.demo.data import story
from tests.page import Button, Form, Link, Page

__all__ = ["PASSWORD", "Button", "Form", "Link", "Page", "Reader"]

PASSWORD: str = story()["password"]  # of everybody in the demo; tests give it to their people too
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
REDIRECTS = (301, 302, 303, 307, 308)


class Browser(FlaskClient):
    """Each request in a context of its own, as on a server. In the context of a test that is open (``cast``) Flask would reuse
    that, and with it the person of the request before. Afterwards the test reads the database anew."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = contextvars.Context().run(super().open, *args, **kwargs)
        if has_app_context():
            db.session.rollback()
        return response


class Reader:
    """One person in front of one browser; a second Reader is another browser."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = Browser(app, app.response_class, use_cookies=True)
        self.hops: list[TestResponse] = []  # the redirects that led to the last page

    def sign_in(self, username: str, password: str = PASSWORD, *, status: int = 200) -> Page:
        """Sign in by the form; the page that follows."""
        page = self.get("/login")
        form = next(form for form in page.forms if any(e.get("type") == "password" for es in form.fields.values() for e in es))
        after = page.submit(form, status, username=username, password=password)
        assert status != 200 or urlsplit(after.path).path != "/login", f"{username} could not sign in: {after.main}"
        return after

    def sign_out(self) -> None:
        """Forget the cookies, as closing a private window does; the portal is not told."""
        self.client = Browser(self.app, self.app.response_class, use_cookies=True)

    def get(self, path: str, status: int = 200, **query: Any) -> Page:
        """The page at a path, after redirects. ``status`` is what it must have."""
        return self.send("get", path, list(query.items()), status=status)

    def post(self, path: str, status: int = 200, **fields: Any) -> Page:
        """A POST that no page offered, with a good CSRF token: for what must be refused although the button was not shown."""
        token = {"csrf_token": self.csrf_token()}
        return self.send("post", path, list((token | fields).items()), status=status)

    def csrf_token(self) -> str:
        """A token that is good for this browser's session, taken from any page."""
        root = self.get("/login", status=0).root
        tokens = root.xpath("//input[@name='csrf_token']/@value") or root.xpath("//meta[@name='csrf-token']/@content")
        if tokens:
            return str(tokens[0])
        headers = root.xpath("//body/@*[contains(., 'X-CSRFToken')]")
        assert headers, "no page shows a CSRF token"
        return str(headers[0].split('"X-CSRFToken": "')[1].split('"')[0])

    def fragment(self, method: str, path: str, status: int = 200, **fields: Any) -> Page:
        """What htmx gets when it asks for a part; checked as a fragment when it is not a whole page. Redirects are not followed."""
        headers = dict(PARTIAL)
        if method.lower() == "post":
            headers["X-CSRFToken"] = self.csrf_token()
        response = self.client.open(
            path, method=method.upper(), headers=headers,
            query_string=_multi(fields) if method.lower() == "get" else None, data=_multi(fields) if method.lower() == "post" else None,
        )  # fmt: skip
        whole = response.get_data(as_text=True).lstrip().lower().startswith("<!doctype")
        page = Page(self, response, fragment=not whole)
        assert status in (0, page.status), f"{method} {path} (part): {page.status}, {status} expected"
        return page

    def send(
        self, method: str, path: str, data: list[tuple[str, Any]] | None = None, *,
        multipart: bool = False, status: int = 200, source: str = "", follow: bool = True,
    ) -> Page:  # fmt: skip
        """One request and the redirects after it, as a browser makes them; ``status`` 0 takes any."""
        self.hops = []
        headers = {"Referer": urljoin("http://localhost/", source)} if source else {}
        if method == "get":
            # A form sent by GET replaces the query of its action; get(path, name=value) adds to the path's.
            address = path.split("?", 1)[0] if data and source else path
            joint = "&" if "?" in address else "?"
            response = self.client.get(address + (joint + urlencode(data) if data else ""), headers=headers)
        else:
            kind = "multipart/form-data" if multipart else "application/x-www-form-urlencoded"
            response = self.client.post(path, data=_multi(data or []), headers=headers, content_type=kind)
        for _ in range(5):
            if not follow or response.status_code not in REDIRECTS:
                break
            self.hops.append(response)
            target = urlsplit(response.headers["Location"])
            assert target.netloc in ("", "localhost"), f"{path} sends people away, to {target.netloc}"
            response = self.client.get(target.path + (f"?{target.query}" if target.query else ""), headers=headers)
        page = Page(self, response)
        assert status in (0, page.status), f"{method.upper()} {path}: {page.status}, {status} expected. {page.main[:300] if page.is_html else ''}"
        return page


def _multi(data: Any) -> MultiDict[str, Any]:
    items = data.items() if isinstance(data, dict) else data
    many: MultiDict[str, Any] = MultiDict()
    for name, value in items:
        for one in value if isinstance(value, list) else [value]:
            many.add(name, one)
    return many
