"""At the union's station: inspect what a claimant brings, take it over or send it back; and where a scanned code leads."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, redirect, request, url_for

from portal.database import utcnow
from portal.refusal import Refused
from portal.web import actor, found, may, page, permission, see_other, tell, whole_number
from portal.wishes import delivery_queries as ask
from portal.wishes import lifecycle
from portal.wishes.categories import CATEGORIES
from portal.wishes.forms_delivering import RefuseForm
from portal.wishes.models import Claim
from portal.wishes.operations import delivering
from portal.wishes.queries import claim_for_staff, delivery_for_staff, local_day
from portal.wording import _

bp = Blueprint("station", __name__)


@bp.get("/station")
@permission("station.take")
def queue() -> Any:
    """What the station waits for; a code that fits one claim leads straight to it."""
    q = request.args.get("q", "").strip()
    listed = ask.to_take(actor(), q, whole_number("page"))
    if q and listed.total == 1:
        return redirect(url_for("station.claim", code=listed.rows[0].code), 303)
    return page("wishes/delivery/station.html", listed=listed, q=q, today=local_day(utcnow()))


@bp.get("/station/<code>")
@permission("station.take")
def claim(code: str) -> Response:
    """Inspect the goods of one claim."""
    return _claim_page(found(ask.claim_at_station(actor(), code)), RefuseForm())


def _claim_page(row: Claim, form: RefuseForm, status: int = 200, problem: str = "") -> Response:
    today = local_day(utcnow())
    open_ = {step.name for step in lifecycle.steps_from("claim", row.state)}
    return page(
        "wishes/delivery/station_claim.html", status, claim=row, form=form, problem=problem, today=today, open=open_,
        shelf=ask.shelf_life(row, today), inspections=ask.inspections(row), category=CATEGORIES[row.posting.category],
    )  # fmt: skip


@bp.post("/station/<code>/accept")
@permission("station.take")
def accept(code: str) -> Response:
    """The goods are right: they are the union's now, and their deliveries are planned."""
    row = found(ask.claim_at_station(actor(), code))
    try:
        planned = delivering.hand_over(row, by=actor())
    except Refused as refused:
        return _claim_page(found(ask.claim_at_station(actor(), code)), RefuseForm(formdata=None), 409, tell(refused))
    return see_other("station.queue", _("%(code)s 已交接，安排了 %(n)s 次送达。", code=row.code, n=planned))


@bp.post("/station/<code>/refuse")
@permission("station.take")
def refuse(code: str) -> Response:
    """The goods are not what was wished for: back to the giver with a reason, the promise goes on."""
    row = found(ask.claim_at_station(actor(), code))
    form = RefuseForm()
    if not form.validate_on_submit():
        return _claim_page(row, form, 422)
    try:
        delivering.refuse_goods(row, form.reason.data or "", by=actor())
    except Refused as refused:
        return _claim_page(found(ask.claim_at_station(actor(), code)), form, 409, tell(refused))
    return see_other("station.queue", _("%(code)s 已退回提供方，认领照旧。", code=row.code))


@bp.get("/s/<code>")
@permission("account.own")
def short(code: str) -> Any:
    """Where a scanned QR code leads: a claim to the station's inspection, a delivery to its sign-off."""
    code = ask.read_code(code)
    if code.startswith("RL-") and may("station.take") and claim_for_staff(actor(), code):
        return redirect(url_for("station.claim", code=code), 303)
    if code.startswith("QS-") and may("delivery.read") and (row := delivery_for_staff(actor(), code)):
        signable = may("delivery.sign") and row.state in lifecycle.find("delivery", "sign").sources
        return redirect(url_for("deliveries.sign" if signable else "deliveries.show", code=code), 303)
    return abort(404)
