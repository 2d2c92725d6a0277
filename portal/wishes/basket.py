"""The pages of the claim basket (认领篮): put in, take out, change the amount, look at it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for

from portal.database import utcnow
from portal.refusal import Refused
from portal.site import safe_next
from portal.web import actor, found, is_part, page, permission, whole_number
from portal.wishes import card_now, claim_queries, conflict, hall_queries, queries
from portal.wishes.forms_claiming import AmountForm
from portal.wishes.models import Posting
from portal.wishes.operations import basket as operations
from portal.wishes.queries import local_day
from portal.wording import _, sentence

bp = Blueprint("basket", __name__)


@bp.get("/basket")
@permission("claim.make")
def show() -> Response:
    """The basket, looked at anew: lines that are gone are marked. ``dropped`` and ``units`` offer to take a removal back."""
    lines = claim_queries.basket_lines(actor(), local_day(utcnow()))
    dropped = queries.posting_for_claimant(actor(), request.args.get("dropped", ""))
    undo = None
    if dropped and dropped.code not in {line["code"] for line in lines}:
        undo = {"code": dropped.code, "title": dropped.title, "units": whole_number("units")}
    good = [line for line in lines if not line["gone"]]
    gone = [line | {"said": sentence(line["gone"], {})} for line in lines if line["gone"]]
    return page(
        "wishes/basket.html", lines=good, gone=gone, undo=undo,
        units=sum(min(line["wanted"], line["left"]) for line in good), value_fen=sum(line["value_fen"] * min(line["wanted"], line["left"]) for line in good),
    )  # fmt: skip


@bp.post("/basket/<code>/put")
@permission("claim.make")
def put(code: str) -> Any:
    """Put a posting into the basket and go back to where they were."""
    posting = _posting(code)
    form = AmountForm()
    try:
        operations.put(posting, form.amount(), by=actor())
    except Refused as refused:
        return _cannot(posting, refused)
    return _back(posting, form.next.data, _("已放入认领篮。"))


@bp.post("/basket/<code>/amount")
@permission("claim.make")
def amount(code: str) -> Any:
    """Change how many packs are wanted; never more than are left."""
    posting = _posting(code)
    form = AmountForm()
    wanted = form.amount()
    try:
        kept = operations.put(posting, wanted, by=actor())
    except Refused as refused:
        return _cannot(posting, refused)
    said = _("份数已改为 %(n)s。", n=kept) if kept == wanted else _("只剩 %(n)s 份了，已改为 %(n)s 份。", n=kept)
    return _back(posting, url_for("basket.show"), said, "ok" if kept == wanted else "warn")


@bp.post("/basket/<code>/drop")
@permission("claim.make")
def drop(code: str) -> Any:
    """Take a line out; the basket's page then offers to put it back."""
    posting = _posting(code)
    units = operations.drop(posting, by=actor())
    target = AmountForm().next.data
    if not target and not is_part():
        return redirect(url_for("basket.show", dropped=posting.code, units=units or 1), 303)
    return _back(posting, target, _("已移出认领篮。"), "ok", undo=units)


def _posting(code: str) -> Posting:
    return found(queries.posting_for_claimant(actor(), code))  # type: ignore[no-any-return]


def _cannot(posting: Posting, refused: Refused) -> Any:
    """409: the fresh card with the sentence for htmx, else the page that leads on."""
    if is_part():
        return _change(posting, sentence(refused.code, refused.params), status=409)
    return conflict.refused(posting, refused)


def _back(posting: Posting, target: str | None, said: str, kind: str = "ok", undo: int = 0) -> Any:
    """For htmx the fresh card with the message beside it; for everybody else the page they came from."""
    if is_part():
        return _change(posting, said, undo)
    flash(said, kind)
    place = safe_next(target) if target else url_for("basket.show")
    return redirect(place if "#" in place else f"{place}#{posting.code}", 303)


def _change(posting: Posting, said: str, undo: int = 0, status: int = 200) -> Response:
    """The card as it is now; out of band the count, the bar and the message, which can take a removal back."""
    who = hall_queries.visitor(actor())
    card = card_now.cards([posting])[0]
    return page("wishes/_basket_change.html", status, card=card, who=who, said=said, undo=undo, code=posting.code)
