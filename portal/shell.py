"""What the layout shows on every page: menu by permission, to-do counts, the size and contrast a reader chose, language."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, current_app, request, url_for
from flask_babel import Babel, gettext, ngettext
from flask_login import current_user
from markupsafe import Markup

from portal.journal import Actor
from portal.policy import allowed
from portal.settings import Settings
from portal.web import actor
from portal.wording import _l, label

HERE = "here.is.here"
"""Stands in kept parts for the address of the page that shows them."""
KEPT_PARTS = 500
ASSET_SECONDS = 5
SIZES, CONTRASTS, LANGS = ("normal", "large", "xlarge"), ("normal", "high"), ("zh", "en")
Counter = Callable[[Actor], dict[str, int]]


@dataclass(frozen=True)
class Entry:
    """One line of a menu: shown to those who hold the permission; ``count`` names a to-do count, ``hot`` shows it in red."""

    endpoint: str
    label: Any
    icon: str
    permission: str
    count: str = ""
    hot: bool = False


STAFF_MENU: tuple[tuple[Any, tuple[Entry, ...]], ...] = (
    (_l("我的工作"), (
        Entry("desk.home", _l("工作台"), "home", "desk.read"),
        Entry("review.queue", _l("待我审核"), "check", "posting.review", "review", True),
        Entry("station.queue", _l("待交接"), "truck", "station.take", "station", True),
        Entry("deliveries.queue", _l("待签收"), "pen", "delivery.sign", "deliveries", True),
        Entry("confirm.queue", _l("待确认"), "check", "delivery.confirm", "confirm", True),
    )),
    (_l("帮扶业务"), (
        Entry("households.list_all", _l("困难职工档案"), "person", "household.read"),
        Entry("postings.list_all", _l("微心愿和礼包"), "shield", "posting.read"),
        Entry("hall.wishes", _l("认领大厅"), "basket", "wish.browse"),
        Entry("follow.list_all", _l("认领与送达"), "pin", "claim.follow"),
        Entry("enterprises.list_all", _l("爱心企业"), "building", "enterprise.read", "enterprises"),
    )),
    (_l("公开与统计"), (
        Entry("publications.list_all", _l("公示管理"), "info", "publication.read", "publications"),
        Entry("board.home", _l("公示栏"), "list", "board.read"),
        Entry("events.list_all", _l("操作记录"), "list", "event.read"),
    )),
    (_l("系统"), (
        Entry("admin.units", _l("单位"), "building", "unit.manage"),
        Entry("admin.accounts", _l("人员与角色"), "person", "account.manage"),
        Entry("campaigns.list_all", _l("活动设置"), "gear", "campaign.manage"),
    )),
)  # fmt: skip
UNDER = {
    "board.issue": "board.home", "admin.account": "admin.accounts", "admin.new_account": "admin.accounts", "admin.unit": "admin.units",
    "admin.new_unit": "admin.units", "admin.move_unit": "admin.units",
}  # fmt: skip
"""Pages whose capability has several entries of the menu, and the entry each belongs to."""
TOP_PUBLIC = (
    Entry("board.home", _l("公示栏"), "info", "board.read"),
    Entry("board.honours", _l("爱心榜"), "heart", "board.read"),
    Entry("hall.wishes", _l("认领大厅"), "basket", "wish.browse"),
)
TOP_ENTERPRISE = (
    Entry("hall.wishes", _l("认领大厅"), "home", "wish.browse"),
    Entry("claims.mine", _l("我的认领"), "list", "claim.own", "claims"),
    Entry("board.honours", _l("爱心榜"), "heart", "board.read"),
    Entry("board.home", _l("公示栏"), "info", "board.read"),
)
TABS_ENTERPRISE = (
    Entry("hall.wishes", _l("认领大厅"), "home", "wish.browse"),
    Entry("basket.show", _l("认领篮"), "basket", "claim.make", "basket"),
    Entry("claims.mine", _l("我的认领"), "list", "claim.own", "claims"),
    Entry("board.home", _l("公示"), "info", "board.read"),
)
TABS_STAFF = (
    Entry("desk.home", _l("工作台"), "home", "desk.read"),
    Entry("deliveries.queue", _l("待签收"), "pen", "delivery.sign", "deliveries", True),
    Entry("review.queue", _l("待审核"), "check", "posting.review", "review", True),
    Entry("confirm.queue", _l("待确认"), "check", "delivery.confirm", "confirm", True),
    Entry("postings.list_all", _l("心愿"), "shield", "posting.read"),
    Entry("accounts.me", _l("我的"), "person", "account.own"),
)
TABS_PUBLIC = (
    *TOP_PUBLIC,
    Entry("accounts.sign_in", _l("登录"), "person", "site.use"),
)


def counts() -> dict[str, int]:
    """The to-do counts of the signed-in person, from what the capabilities registered."""
    found: dict[str, int] = {}
    if current_user.is_authenticated:
        for counter in current_app.extensions["todo"]:
            found |= counter(actor())
    return found


def _items(entries: tuple[Entry, ...], found: dict[str, int]) -> list[dict[str, Any]]:
    here, who, stranger = request.endpoint or "", actor(), not current_user.is_authenticated
    here = UNDER.get(here, here)
    capability = here.split(".")[0]
    return [
        {
            "href": _address(entry.endpoint), "label": str(entry.label), "icon": entry.icon, "count": found.get(entry.count) or None,
            "hot": entry.hot, "current": here == entry.endpoint or capability == entry.endpoint.split(".")[0] not in ("board", "admin"),
        }
        for entry in entries
        if allowed(entry.permission, who.roles, not stranger) or (stranger and entry.endpoint == "hall.wishes")
    ]  # fmt: skip


def _address(endpoint: str) -> str:
    """The address of a page without parameters, worked out once for each application."""
    known: dict[str, str] = current_app.extensions["addresses"]
    if endpoint not in known:
        known[endpoint] = url_for(endpoint)
    return known[endpoint]


def pref(name: str, allowed: tuple[str, ...]) -> str:
    """What the reader chose for the size, contrast or language; the first of ``allowed`` when nothing (good) was chosen."""
    if not request:
        return allowed[0]
    chosen = request.environ.get("portal.prefs")
    if chosen is None:  # read once: templates ask for the language with every word
        chosen = request.environ["portal.prefs"] = {cookie: request.cookies.get(cookie, "") for cookie in ("size", "contrast", "lang")}
    return chosen[name] if chosen[name] in allowed else allowed[0]


def locale() -> str:
    """zh, or en when the reader chose it. The browser's own language is not asked: staff machines often speak English."""
    return pref("lang", LANGS)


def _words(text: str) -> str:
    """The words of a template in the reader's language. Chinese is the source and needs no looking up."""
    return text if locale() == "zh" else gettext(text)


def _pref_url(**choice: str) -> str:
    return f"{_address('site.prefs')}?{urlencode(choice)}&next={HERE}"


def kept(*key: Any, caller: Callable[[], str]) -> Markup:
    """A part of a page that is the same for everybody with this key (and language): rendered once, kept until 500 others have been.

    ``{% call kept('foot', prefs) %}…{% endcall %}``; links to the preferences lead back to the page that is shown.
    """
    parts: dict[Any, str] = current_app.extensions["kept_parts"]
    whole = (locale(), *key)
    if whole not in parts:
        if len(parts) >= KEPT_PARTS:
            parts.clear()
        parts[whole] = str(caller())
    return Markup(parts[whole].replace(HERE, _here()))


def _here() -> str:
    """The address of this page, quoted, for "back to where I was"."""
    if request.method != "GET":
        return quote("/")
    return quote(request.path + (f"?{request.query_string.decode('utf-8', 'replace')}" if request.query_string else ""), safe="")


@lru_cache(maxsize=256)
def _digest(path: Path, _modified: float) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """URL of a static file with the hash of its content, so that browsers may keep it for a year."""
    return _asset(str(current_app.static_folder), name, int(time.monotonic()) // ASSET_SECONDS)


@lru_cache(maxsize=256)
def _asset(folder: str, name: str, _while: int) -> str:
    path = Path(folder) / name
    return url_for("static", filename=name, v=_digest(path, path.stat().st_mtime))


def init_app(app: Flask, settings: Settings) -> None:
    """Give the layout what it needs. Capabilities add their to-do counters to ``app.extensions["todo"]``."""
    app.extensions["todo"] = []
    app.extensions["addresses"], app.extensions["kept_parts"] = {}, {}
    Babel(app, locale_selector=locale, default_translation_directories=str(Path(__file__).with_name("translations")))
    app.jinja_env.install_gettext_callables(_words, ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals["kept"] = kept
    site = {"name": settings.SITE_NAME, "phone": settings.SITE_PHONE, "hotline": settings.HOTLINE}

    @app.context_processor
    def layout() -> dict[str, Any]:
        found, who = counts(), actor()
        staff = current_user.is_authenticated and current_user.side == "staff"
        top, tabs = (TOP_PUBLIC, TABS_PUBLIC) if not current_user.is_authenticated else (TOP_ENTERPRISE, TABS_ENTERPRISE)
        return {
            "site": site, "demo": settings.DEMO, "asset": asset, "label": label, "pref_url": _pref_url,
            "prefs": {"size": pref("size", SIZES), "contrast": pref("contrast", CONTRASTS), "lang": locale()},
            "menu": [{"title": str(title), "items": items} for title, entries in STAFF_MENU if (items := _items(entries, found))] if staff else [],
            "topnav": partial(_items, top, found), "tabs": partial(_items, TABS_STAFF if staff else tabs, found),
            "nav_key": (request.endpoint, who.roles, tuple(found.items())),
            "basket_count": found.get("basket"), "todo": found,
            "counts_url": _address("site.counts") if staff else None,
        }  # fmt: skip
