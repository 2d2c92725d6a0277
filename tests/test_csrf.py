"""Forms from elsewhere, redirects to elsewhere, markup in what was typed, and the same form sent twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from html import escape
from urllib.parse import quote, urlsplit

import lxml.html
import pytest
from flask import Flask
from sqlalchemy import String, Text, select, update
from werkzeug.test import TestResponse

from portal.accounts.models import UnionUnit
from portal.database import db
from portal.households.models import Household, Member
from portal.wishes.models import Campaign, Claim, Posting
from tests.house_rules.matrix import GIVEN, Matrix, lines
from tests.house_rules.test_access import may
from tests.reader import PARTIAL, PASSWORD, Reader, _multi
from tests.test_canary import Crawl
from tests.test_columns import classes, columns
from tests.world import PEOPLE, REACH, World

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
LINES = lines()
UNTOUCHED = {"session", "sign_in_try", "lease"}  # written by mere visits


def contents(app: Flask) -> str:
    """A digest of everything that acts write."""
    digest = hashlib.sha256()
    with app.app_context():
        for table in db.metadata.sorted_tables:
            if table.name not in UNTOUCHED:
                digest.update(repr(db.session.execute(select(table).order_by(*table.primary_key.columns)).all()).encode())
        db.session.remove()
    return digest.hexdigest()


# -- forms from elsewhere -------------------------------------------------------------------------------------------------------------


@on_sqlite
def test_no_post_works_without_its_token(world_app: Flask, world: World) -> None:
    matrix = Matrix(world_app, world)
    before, asked = contents(world_app), 0
    for line in LINES:
        if line.method != "POST":
            continue
        person = next((name for name in PEOPLE if may(line, name) and name != "public"), "public")
        holders = world.things.get(line.thing, {"-": GIVEN})
        values = next((value for holder, value in holders.items() if holder in REACH[person]), next(iter(holders.values())))
        path, data = line.request(values)
        stolen = matrix.tokens["gu" if person != "gu" else "admin"]
        for form, headers in (
            (data, {}), (data | {"csrf_token": "wrong"}, {}), (data | {"csrf_token": stolen}, {}), (data, PARTIAL), (data, {"X-CSRFToken": stolen}),
            (data, {"Origin": "https://evil.example", "Referer": "https://evil.example/"}),
        ):  # fmt: skip
            answer = matrix.readers[person].client.post(path, data=form, headers=headers)
            asked += 1
            assert answer.status_code in (400, 401) or urlsplit(answer.headers.get("Location", "")).path == "/login", (
                f"{path} as {person}: {answer.status}"
            )
    assert asked > 400
    assert contents(world_app) == before, "a refused form changed something"


# -- redirects to elsewhere -----------------------------------------------------------------------------------------------------------

ELSEWHERE = (
    "https://evil.example/", "http://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\\/evil.example",
    "javascript:alert(1)", "data:text/html,x", "https:evil.example", "http:///evil.example", "/\t/evil.example", "/\n/evil.example", "\x00//evil.example",
    " //evil.example", "evil.example", "https://localhost@evil.example", "//evil.example/%2f..", "/\r\nSet-Cookie: a=b", "%2f%2fevil.example", "/%09/evil.example",
    "/%5cevil.example", "ftp://evil.example", "/.evil.example//", "/;@evil.example",
)  # fmt: skip


def leads_away(answer: TestResponse) -> bool:
    """Whether a browser that follows this answer leaves the portal, or gets a header that it should not."""
    target = answer.headers.get("Location") or answer.headers.get("HX-Redirect") or "/"
    parts = urlsplit(target.replace("\\", "/"))
    return (
        bool(parts.scheme and parts.scheme != "http")
        or parts.netloc not in ("", "localhost")
        or target.startswith("//")
        or "a=b" in str(answer.headers.getlist("Set-Cookie"))
    )


@on_sqlite
def test_nothing_leads_away(world_app: Flask, world: World) -> None:
    stranger, reader = Reader(world_app), Reader(world_app)
    reader.sign_in("zhao")
    token, code = reader.csrf_token(), world.things["shown.wish"]["hall"]["code"]
    for target in ELSEWHERE:
        sent = quote(target, safe="")
        answers = [
            reader.client.get(f"/prefs?size=large&next={sent}"), reader.client.get(f"/login?next={sent}"),
            reader.client.post(f"/basket/{code}/put", data={"next": target, "csrf_token": token}),
            reader.client.post(f"/basket/{code}/drop", data={"next": target, "csrf_token": token}),
            stranger.client.get(f"/login?next={sent}"),
        ]  # fmt: skip
        assert not [answer for answer in answers if leads_away(answer)], target
        page = answers[-1].get_data(as_text=True)
        assert f'value="{escape(target)}"' not in page or target.startswith(("/.", "/;", "/%")), f"the sign-in form carries {target!r} on"
    browser = Reader(world_app)
    token = browser.csrf_token()
    for target in ELSEWHERE[:6]:
        answer = browser.client.post("/login", data={"username": "zhao", "password": "x", "next": target, "csrf_token": token})
        assert not leads_away(answer)


@on_sqlite
def test_signing_in_never_leads_away(world_app: Flask, world: World) -> None:
    for target in ("//evil.example", "https://evil.example/", "/\\evil.example"):
        browser = Reader(world_app)
        answer = browser.client.post("/login", data={"username": "zhao", "password": PASSWORD, "next": target, "csrf_token": browser.csrf_token()})
        assert answer.status_code == 303 and not leads_away(answer), target


@on_sqlite
def test_error_pages_do_not_link_to_where_somebody_came_from_elsewhere(world_app: Flask, world: World) -> None:
    reader = Reader(world_app)
    reader.sign_in("zhao")
    for source in ("https://evil.example/page", "javascript:alert(1)"):
        for path in ("/claims/new/WX-ZZZZZZ", "/basket/confirm", "/logout"):
            page = reader.client.post(path, headers={"Referer": source}).get_data(as_text=True)
            assert "evil.example" not in page and "javascript:" not in page, path


# -- markup in what was typed ---------------------------------------------------------------------------------------------------------

PAYLOADS = (
    "<script>pwn()</script>", "<b class=pwn>x</b>", "\"><img src=x class=pwn onerror=pwn()>", "'><svg class=pwn onload=pwn()>", "</textarea><i class=pwn>",
    "</title><i class=pwn>", "<a class=pwn href=javascript:pwn()>x</a>", "javascript:pwn()", "${7*7}<i class=pwn>", "<%= 7 %><i class=pwn>", "\" class=\"pwn\" x=\"",
    "' class='pwn' x='", "&lt;i class=pwn&gt;", "<i class=pwn", "<!--<i class=pwn>", "]]><i class=pwn>", "<iframe class=pwn srcdoc=x>", "\u2028<i class=pwn>",
    "\" onfocus=\"pwn()\" autofocus x=\"", "<style class=pwn>*{}</style>",
)  # fmt: skip
WRITTEN = {  # columns with words that people type, by class
    key for key, kind in classes().items()
    if kind in ("public", "note", "personal") and isinstance(columns()[key].type, String | Text) and key[0] not in ("tally", "posting_term", "sign_off")  # counted, derived, or never changed
    and key[1] not in ("code", "kind", "state", "category", "town", "band", "mode", "level", "sha256", "username")
}  # fmt: skip


def _fit(payload: str, width: int | None) -> str:
    return payload[:width] if width else payload


def plant_markup() -> None:
    """A payload in every text that people type, another one in each row and column."""
    for number, (table, column) in enumerate(sorted(WRITTEN)):
        there = columns()[table, column].table
        asked = select(there.c.id).where(there.c.state != "published") if table in ("publication", "erratum") else select(there.c.id)
        for at, (row_id,) in enumerate(db.session.execute(asked).all()):
            payload = _fit(PAYLOADS[(number + at) % len(PAYLOADS)], there.c[column].type.length)
            db.session.execute(update(there).where(there.c.id == row_id).values({column: payload}))
    db.session.execute(update(Posting).values(version=Posting.version + 1))
    for at, row in enumerate([*db.session.scalars(select(Household)), *db.session.scalars(select(Member))]):
        for step, name in enumerate(("name", "phone", "address", "employer", "school")):
            if hasattr(type(row), name):
                setattr(row, name, PAYLOADS[(at + step) % len(PAYLOADS)])
    db.session.commit()


def active(body: str) -> Iterator[str]:
    """What of a page's markup came from a payload: marked elements, scripts with text, handlers, addresses that run."""
    for element in lxml.html.document_fromstring(body).iter():
        if not isinstance(element.tag, str):
            continue
        if "pwn" in (element.get("class") or "").split() or (element.tag in ("script", "style") and (element.text or "").strip()):
            yield f"<{element.tag}>"
        for name, value in element.attrib.items():
            if name.lower().startswith("on") or (name in ("href", "src", "action", "formaction") and value.strip().lower().startswith("javascript:")):
                yield f"<{element.tag} {name}={value!r}>"


@on_sqlite
def test_markup_stays_words(world_app: Flask, world: World) -> None:
    with world_app.app_context():
        plant_markup()
    shown = 0
    for person, extra in (
        ("public", ()), ("zhao", ()), ("lin", ("/households", "/postings", "/deliveries", "/station", "/follow")), ("zhou", ("/review", "/confirm", "/enterprises")),
        ("admin", ("/admin/units", "/admin/accounts", "/admin/campaigns", "/enterprises")),
    ):  # fmt: skip
        for path, body in Crawl(world_app, person, extra).answers:
            if "<" in body and not body.startswith("<?xml"):  # workbooks are looked at where they are made
                assert list(active(body)) == [], f"{path} as {person}"
                shown += "pwn" in body
    assert shown > 60, "the payloads do stand on the pages"


def test_active_markup_is_seen() -> None:
    for payload in ("<i class='x pwn'>", "<script>x</script>", "<img src=x onerror=x>", "<a href=' JavaScript:x'>y</a>"):
        assert list(active(f"<html><body>{payload}</body></html>"))


# -- the same form twice --------------------------------------------------------------------------------------------------------------


def rows(app: Flask, *models: type) -> dict[str, int]:
    """How many rows there are of each model."""
    with app.app_context():
        found = {model.__name__: db.session.scalar(select(db.func.count()).select_from(model)) or 0 for model in models}
        db.session.remove()
    return found


@pytest.mark.parametrize("what", ["wish", "claim", "basket", "cover", "unit", "campaign", "member"])
def test_the_same_form_twice_has_one_effect(world_app: Flask, world: World, what: str) -> None:
    person, path, fields, model = FORMS[what]
    reader = Reader(world_app)
    reader.sign_in(person)
    values = {f"{kind}:{holder}": value["code"] for kind, by_holder in world.things.items() for holder, value in by_holder.items() if "code" in value}
    before = rows(world_app, model)
    address = path.format(**{key.replace(":", "_").replace(".", "_"): value for key, value in values.items()})
    page = reader.get(address)
    form = next(form for form in page.forms if form.method == "post" and urlsplit(form.action).path != "/logout" and set(fields) <= set(form.fields))
    sent = form.filled(fields)
    button = next((one for one in form.buttons if dict(one.data).get("step") in (None, "submit")), form.buttons[0])
    statuses = [reader.client.post(button.action, data=_multi([*sent, *button.data])).status_code for _ in range(3)]
    after = rows(world_app, model)
    assert after[model.__name__] - before[model.__name__] == 1, f"{what}: {statuses}"
    assert all(status in (303, 409, 422) for status in statuses), statuses


FORMS: dict[str, tuple[str, str, dict[str, object], type]] = {
    "wish": ("lin", "/postings/new?household={household_luqiao}", {"title": "一床棉被", "category": "home", "value": "200"}, Posting),
    "claim": ("zhao", "/claims/new/{shown_wish_hall}", {}, Claim),
    "basket": ("zhao", "/basket/confirm", {}, Claim),
    "cover": ("li", "/follow/cover/{posting_open_luqiao}", {}, Claim),
    "unit": ("admin", "/admin/units/new", {"name": "新河街道总工会", "short_name": "新河街道", "town": "新河街道"}, UnionUnit),
    "campaign": (
        "admin",
        "/admin/campaigns/new",
        {"name": "另外的活动", "opens_on": "2027-01-02", "claims_until": "2027-01-20", "ends_on": "2027-02-01"},
        Campaign,
    ),
    "member": ("lin", "/households/{household_luqiao}", {"relation": "sibling", "name": "周小妹", "birth_year": "1975"}, Member),
}
