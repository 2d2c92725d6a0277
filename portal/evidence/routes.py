"""The event log, read by auditors: who did what, when, on what. Nothing here can be changed."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for

from portal.evidence import queries
from portal.web import actor, may, page, permission, whole_number
from portal.wording import LABELS, _, label

bp = Blueprint("events", __name__)
# What a record's own page is called, and what it takes to open it.
PAGES = {
    "posting": ("postings.show", "posting.read"), "claim": ("follow.show", "claim.follow"), "delivery": ("deliveries.show", "delivery.read"),
    "household": ("households.show", "household.read"), "enterprise": ("enterprises.show", "enterprise.read"),
    "publication": ("publications.show", "publication.read"), "account": ("admin.account", "account.manage"), "union_unit": ("admin.unit", "unit.manage"),
}  # fmt: skip
LONGEST = 60
# Groups of words for the values of a change; the first one that knows the code gives the word.
WORDS = {
    "method": ("method",), "signer": ("signer",), "kind": ("kind",), "reason": ("return_reason", "miss"), "checks": ("check",), "roles": ("role",),
    "role": ("role",), "purpose": ("purpose", "contact_purpose", "consent"), "level": ("level",), "channel": ("channel",), "field": ("revealed",),
    "state": ("enterprise",),
}  # fmt: skip


def _chosen() -> queries.Filter:
    args = request.args
    kind, action = args.get("kind", ""), args.get("action", "")
    return queries.Filter(
        args.get("thing", "").strip().upper()[:40], kind if kind in LABELS["thing"] else "", action if action in LABELS["step"] else "",
        args.get("who", "").strip()[:40], _day(args.get("day", "")),
    )  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@bp.get("/events")
@permission("event.read")
def list_all() -> Response:
    """The events of the actor's subtree, newest first; filters for a record, a kind of record, an act, a person and a day."""
    chosen = _chosen()
    before = whole_number("before", most=2**53) if "before" in request.args else None
    rows = queries.events(actor(), chosen, before)
    more = rows[queries.PER_PAGE - 1]["id"] if len(rows) > queries.PER_PAGE else None
    shown = [row | {"href": _href(row["kind"], row["thing"]), "changes": _in_words(row["changes"])} for row in rows[: queries.PER_PAGE]]
    kinds = [(code, label("thing", code)) for code in LABELS["thing"]]
    actions = [(code, label("step", code)) for code in LABELS["step"] if not chosen.kind or code.startswith(f"{chosen.kind}.")]
    return page("evidence/list.html", rows=shown, more=more, chosen=chosen, kinds=kinds, actions=actions)


def _href(kind: str, code: str) -> str | None:
    """The page of the record, for those who may open such a page at all; whether this one is theirs the page itself decides."""
    endpoint, wanted = PAGES.get(kind, ("", ""))
    return url_for(endpoint, code=code) if endpoint in current_app.view_functions and may(wanted) else None


def _in_words(changes: dict[str, Any]) -> list[tuple[str, str]]:
    """(what, value) of what changed; events hold codes and numbers, never personal data."""
    return [(label("change", name), _value(name, value)) for name, value in changes.items() if value not in (None, "", [], {})]


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, dict):
        return "，".join(f"{part} {_value(part, inner)}" for part, inner in value.items())
    text = "、".join(_word(name, one) for one in value) if isinstance(value, list) else _word(name, value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _word(name: str, value: Any) -> str:
    group = next((group for group in WORDS.get(name, ()) if value in LABELS[group]), None)
    return label(group, value) if group else str(value)
