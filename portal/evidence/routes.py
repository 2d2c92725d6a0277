"""The event log, read by auditors: who did what, when, on what. Nothing here can be changed."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for

from portal.evidence import queries
from portal.web import actor, may, page, permission
from portal.wording import LABELS, label

bp = Blueprint("events", __name__)
# What a record's own page is called, and what it takes to open it.
PAGES = {
    "posting": ("postings.show", "posting.read"), "claim": ("follow.show", "claim.follow"), "delivery": ("deliveries.show", "delivery.read"),
    "household": ("households.show", "household.read"), "enterprise": ("enterprises.show", "enterprise.read"),
    "publication": ("publications.show", "publication.read"), "account": ("admin.account", "account.manage"), "union_unit": ("admin.unit", "unit.manage"),
}  # fmt: skip
LONGEST = 60


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
    rows = queries.events(actor(), chosen, request.args.get("before", type=int))
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
    return [(label("change", name), _value(value)) for name, value in changes.items() if value not in (None, "", [], {})]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, dict):
        return "，".join(f"{name} {_value(part)}" for name, part in value.items())
    text = "、".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
