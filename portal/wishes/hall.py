"""The claim hall: lists of wishes and packs with search, filters and orders in the address, and the page of one."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request, url_for
from flask.blueprints import BlueprintSetupState

from portal.database import utcnow
from portal.shell import locale
from portal.web import actor, found, page, permission
from portal.wishes import hall_queries, lifecycle
from portal.wishes.cards import Shelf, card, mode_of
from portal.wishes.categories import CATEGORIES
from portal.wishes.hall_figures import Keeper, Snapshot
from portal.wishes.hall_queries import BAND_ORDER, FACETS, NUMBERED, PER_PAGE, SORTS, STATES, Asked, Found, Line, Visitor
from portal.wishes.models import Posting
from portal.wishes.queries import local_day, posting_for_claimant
from portal.wording import LABELS, _, label

bp = Blueprint("hall", __name__)
MOST_VALUES = 30


@bp.record_once
def _keep(state: BlueprintSetupState) -> None:
    """Each application keeps its own figures and cards."""
    state.app.extensions["hall_figures"] = Keeper(state.app.config["PORTAL"].FACET_SECONDS)
    state.app.extensions["hall_cards"] = Shelf()


@bp.get("/wishes")
@permission("wish.browse")
def wishes() -> Response:
    """The hall of wishes."""
    return _hall("wish")


@bp.get("/packs")
@permission("wish.browse")
def packs() -> Response:
    """The hall of gift packs."""
    return _hall("pack")


def _hall(kind: str) -> Response:
    asked = read(kind)
    now: Snapshot = current_app.extensions["hall_figures"].now()
    answer = hall_queries.find(asked, now)
    who = hall_queries.visitor(actor())
    modes = _modes(answer.lines, who, now, asked)
    own = () if answer.shared else tuple((name, *counts.items()) for name, counts in (answer.counts or {}).items())
    return page(
        "wishes/hall.html" if kind == "wish" else "wishes/packs.html",
        asked=asked, answer=answer, who=who, now=now, campaign=now.campaign, sends=sends(modes), here=address(asked), clear=address(Asked(kind)),
        wish_progress=now.progress("wish"), pack_progress=now.progress("pack"), chips=_chips(asked), facets_key=(answer.shared, own, asked.kind, asked.state, *sorted(asked.chosen().items())),
        results_key=(asked, answer.count, tuple((line.code, line.version, mode) for line, mode in modes), local_day(utcnow())),
        # worked out only when a part of the page is not kept any more
        facets=partial(_facets, asked, answer), cards=partial(_shown, modes), pages=partial(_pages, asked, answer), count=partial(count_text, asked, answer),
        announce=count_text(asked, answer) if request.headers.get("HX-Request") else None,
    )  # fmt: skip


Modes = list[tuple[Line, str]]


def _modes(lines: list[Line], who: Visitor, now: Snapshot, asked: Asked) -> Modes:
    """Each line with what its reader can do with it."""
    over = now.campaign is not None and now.campaign.claims_until < local_day(utcnow())
    full = [line.id for line in lines if line.state != "open" or line.claimed >= line.quantity]
    taken = hall_queries.taken_by(actor(), full) if asked.state != "open" else set()
    return [(line, mode_of(line, who, taken, over)) for line in lines]


def _shown(modes: Modes) -> list[Any]:
    """The cards of lines, from those kept by this process."""
    return current_app.extensions["hall_cards"].show(modes, locale(), local_day(utcnow()))  # type: ignore[no-any-return]


def sends(modes: Modes) -> bool:
    """Whether one of the cards has a button that sends the page's one form of the basket."""
    return any(mode == "in" or (mode == "claim" and line.kind == "wish") for line, mode in modes)


# -- the address ----------------------------------------------------------------------------------------------------------------------


def read(kind: str) -> Asked:
    """What the address asks for; unknown values are left out, so that an old link still shows a list."""
    args = request.args

    def many(name: str, known: Any) -> tuple[str, ...]:
        values = dict.fromkeys(value for value in args.getlist(name) if value and (known is None or value in known))
        return tuple(value for value in list(values)[:MOST_VALUES] if len(value) <= 40 and "\x00" not in value)

    number = args.get("page", "1")
    return Asked(
        kind=kind, q=args.get("q", "").replace("\x00", "").strip()[:40], cat=many("cat", CATEGORIES), town=many("town", None),
        band=many("band", LABELS["band"]), mode=many("mode", LABELS["mode"]),
        state=args["state"] if args.get("state") in STATES else "open", sort=args["sort"] if args.get("sort") in SORTS else "urgent",
        page=max(int(number), 1) if number.isascii() and number.isdigit() and len(number) < 8 else 1,
        after=_code(args.get("after", "")), before=_code(args.get("before", "")),
    )  # fmt: skip


def _code(text: str) -> str:
    return text if text.isascii() and text.replace("-", "").isalnum() and len(text) <= 16 else ""


def address(asked: Asked, **changes: Any) -> str:
    """The address of a list: only what differs from the plain one. A change of the choice begins at the first page."""
    values: dict[str, Any] = {"q": asked.q, **{name: getattr(asked, name) for name in FACETS}, "state": asked.state, "sort": asked.sort} | changes
    plain = {"state": "open", "sort": "urgent", "page": 1}
    query = urlencode({name: value for name, value in values.items() if value and value != plain.get(name)}, doseq=True)
    path = url_for("hall.wishes" if asked.kind == "wish" else "hall.packs")
    return f"{path}?{query}" if query else path


def _chips(asked: Asked) -> list[tuple[str, str]]:
    """(label, address without it) of each condition."""
    found = [(_("含“%(q)s”", q=asked.q), address(asked, q=""))] if asked.q else []
    if asked.state != "open":
        found.append((state_word(asked.state), address(asked, state="open")))
    for name in FACETS:
        chosen = getattr(asked, name)
        found += [(value_word(name, value), address(asked, **{name: tuple(v for v in chosen if v != value)})) for value in chosen]
    return found


def state_word(state: str) -> str:
    """What a state of the list is called."""
    return {"open": _("待认领"), "claimed": _("已认领"), "done": _("已圆梦"), "all": _("全部")}[state]


def value_word(name: str, value: str) -> str:
    """What a value of a filter is called."""
    if name == "cat":
        return CATEGORIES[value].name(locale())
    return value if name == "town" else label(name, value)


def count_text(asked: Asked, answer: Found) -> str:
    """How much was found, in words."""
    if answer.count is None:
        return _("找到 1,000 个以上") if answer.beyond else _("年货礼包")
    if asked.kind == "pack":
        return _("%(n)s 批礼包", n=answer.count) if asked.state != "open" else _("%(n)s 批可以认领", n=answer.count)
    words = {"open": _("%(n)s 个待认领", n=answer.count), "claimed": _("%(n)s 个已认领", n=answer.count), "done": _("%(n)s 个已圆梦", n=answer.count)}
    return words.get(asked.state) or _("共 %(n)s 个", n=answer.count)


def _facets(asked: Asked, answer: Found) -> list[dict[str, Any]]:
    """The filters with their choices in a steady order; -1 is a count that nobody knows. One choice alone is no choice."""
    titles = {"cat": _("类别"), "town": _("所在街道"), "band": _("参考价值"), "mode": _("交付方式")}
    order = {"cat": list(CATEGORIES), "band": list(BAND_ORDER), "mode": list(LABELS["mode"])}
    found = []
    for name, counts in (answer.counts or {}).items():
        chosen = getattr(asked, name)
        values = [value for value in order.get(name, counts) if value in counts] + [value for value in chosen if value not in counts]
        if len(values) > 1 or chosen:
            options = [
                {
                    "value": value,
                    "label": value_word(name, value),
                    "on": value in chosen,
                    "count": None if counts.get(value, 0) < 0 else counts.get(value, 0),
                }
                for value in values
            ]
            found.append({"name": name, "title": titles[name], "options": options})
    return found


def _pages(asked: Asked, answer: Found) -> dict[str, Any]:
    """Links of the pager: the first pages by number, all others by the posting they follow."""
    number = asked.page if asked.after or asked.before else min(asked.page, NUMBERED)
    known = answer.count is not None
    last = max(1, -(-(answer.count or 0) // PER_PAGE)) if known else number + (1 if answer.more else 0)

    def to(target: int) -> str:
        if target <= NUMBERED:
            return address(asked, page=target)
        edge = {"after": answer.lines[-1].code} if target > number else {"before": answer.lines[0].code}
        return address(asked, page=target, **edge)

    return {
        "number": number, "last": last, "known": known,
        "numbers": [n for n in range(1, min(last, NUMBERED) + 1) if n in (1, number) or abs(n - number) <= 2 or n <= 5 >= number],
        "to": to, "earlier": to(number - 1) if number > 1 and answer.lines else None, "later": to(number + 1) if answer.more and answer.lines else None,
    }  # fmt: skip


# -- one posting ----------------------------------------------------------------------------------------------------------------------


@bp.get("/wishes/<code>")
@permission("wish.browse")
def wish(code: str) -> Response:
    """The page of a wish."""
    return _detail("wish", code)


@bp.get("/packs/<code>")
@permission("wish.browse")
def pack(code: str) -> Response:
    """The page of a lot of packs."""
    return _detail("pack", code)


def _detail(kind: str, code: str) -> Response:
    posting: Posting = found(posting_for_claimant(actor(), code.upper()))
    found(posting if posting.kind == kind else None)
    today = local_day(utcnow())
    who = hall_queries.visitor(actor())
    own = hall_queries.own_claims(actor(), posting)
    mode = mode_of(posting, who, {posting.id} if own and (kind == "wish" or posting.left == 0) else (), posting.campaign.claims_until < today)
    claim_state, delivery_state = hall_queries.claim_progress(posting)
    over = posting.campaign.claims_until < today
    near = [(line, mode_of(line, who, (), over)) for line in map(Line.of, hall_queries.similar(posting))]
    return page(
        "wishes/detail.html", w=card(posting, today, locale()), mode=mode, who=who, unit=posting.unit.name, own=own,
        basket=who.basket.get(posting.id, 0), progress=lifecycle.public_state(kind, posting.state, claim_state, delivery_state),
        similar=_shown(near), sends=sends(near), here=url_for(f"hall.{kind}", code=posting.code),
        published=posting.published_at, back=url_for("hall.wishes" if kind == "wish" else "hall.packs"),
    )  # fmt: skip
