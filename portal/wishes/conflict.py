"""The page for an enterprise whose claim cannot be made: what happened, and a way on. Never an error page."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from portal.database import utcnow
from portal.refusal import Refused
from portal.web import actor, page
from portal.wishes import card_now, claim_queries, hall_queries, queries
from portal.wishes.models import Posting
from portal.wishes.queries import local_day
from portal.wording import _, sentence

GONE = ("already_claimed", "pack_gone", "not_open", "too_late", "campaign_over", "nothing_to_wait", "own_employee")
WAITABLE = ("already_claimed", "pack_gone")


def show(posting: Posting, code: str, params: dict[str, Any] | None = None) -> Response:
    """409: the sentence of the refusal, up to three similar wishes, and links that lead on."""
    by, today = actor(), local_day(utcnow())
    mine = claim_queries.own_claim(posting, by)
    if mine and code in ("already_claimed", "pack_gone", "not_open"):
        code = "already_yours"
    similar = hall_queries.similar(posting) if code in GONE else []
    near = card_now.cards(similar)
    return page(
        "wishes/conflict.html", 409, said=_said(posting, code, params or {}), code=code, offer=claim_queries.offer_of(posting, today),
        similar=near, bring=any('form="basket-form"' in card for card in near), ways=_ways(posting, code, mine),
        can_wait=code in WAITABLE and posting.state == "open" and posting.latest_day >= today,
    )  # fmt: skip


def _said(posting: Posting, code: str, params: dict[str, Any]) -> str:
    """The sentence; of a wish that went within the hour it says how many minutes ago."""
    winner = queries.holding_claim(posting) if code == "already_claimed" else None
    minutes = int((utcnow() - winner.claimed_at).total_seconds() // 60) if winner else 0
    return _("这个心愿 %(n)s 分钟前被别家认领了。", n=minutes) if 1 <= minutes < 60 else sentence(code, params)


def refused(posting: Posting, problem: Refused) -> Response:
    """show() for a refusal that an operation raised."""
    return show(posting, problem.code, problem.params)


def _ways(posting: Posting, code: str, mine: str | None) -> list[tuple[str, str]]:
    hall = (_("回认领大厅"), url_for("hall.wishes" if posting.kind == "wish" else "hall.packs"))
    first = {
        "quota": (_("看我的认领"), url_for("claims.mine")),
        "not_approved": (_("看企业资料"), url_for("enterprises.company")),
    }.get(code)
    if code in ("already_yours", "already_waiting") and mine:
        first = (_("打开这个认领"), url_for("claims.show", code=mine))
    return [first, hall] if first else [hall]
