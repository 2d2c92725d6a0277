"""On the way to the household: what still lacks a signature, one delivery with its history, delivered, 没签成, 冲正."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for

from portal.database import utcnow
from portal.refusal import Refused
from portal.web import actor, found, page, permission, see_other, tell, whole_number
from portal.wishes import delivery_queries as ask
from portal.wishes import lifecycle
from portal.wishes.categories import CATEGORIES
from portal.wishes.delivery_models import Delivery
from portal.wishes.forms_delivering import MissForm, ReverseForm
from portal.wishes.operations import delivering
from portal.wishes.queries import delivery_for_staff, local_day
from portal.wishes.signature import read_strokes
from portal.wording import _

bp = Blueprint("deliveries", __name__, url_prefix="/deliveries")


def delivery(code: str) -> Delivery:
    return found(delivery_for_staff(actor(), code))  # type: ignore[no-any-return]


@bp.get("")
@permission("delivery.sign")
def queue() -> Any:
    """What still lacks a signature, by the planned day; a code that fits one leads straight to it."""
    q = request.args.get("q", "").strip()
    listed = ask.to_sign(actor(), q, whole_number("page"))
    if q and listed.total == 1:
        return redirect(url_for("deliveries.show", code=listed.rows[0].code), 303)
    rows = [(row, ask.shown_name(actor(), row)) for row in listed.rows]
    return page("wishes/delivery/queue.html", listed=listed, rows=rows, q=q, today=local_day(utcnow()))


@bp.get("/<code>")
@permission("delivery.read")
def show(code: str) -> Response:
    """One delivery: facts, history, what can be done now."""
    return show_now(delivery(code))


def show_now(row: Delivery, status: int = 200, problem: str = "") -> Response:
    by = actor()
    possible = {step.name: part for step, part in delivering.possible(row, by)}
    return page(
        "wishes/delivery/show.html", status, delivery=row, problem=problem, possible=possible,
        history=ask.history(row), replaced_by=ask.replaced_by(row), replaces=ask.replaces(row), **shown(row),
    )  # fmt: skip


def shown(row: Delivery) -> dict[str, Any]:
    """What every page of a delivery shows of people and of the signature, masked for whom it must be."""
    by, sign_off = actor(), row.sign_off
    return {
        "name": ask.shown_name(by, row), "proxy": ask.shown_proxy(by, row), "category": CATEGORIES[row.posting.category],
        "strokes": read_strokes(sign_off.strokes) if sign_off and sign_off.strokes else None,
        "deliverer": ask.account_name(sign_off.deliverer_id) if sign_off else "", "confirmer": ask.account_name(row.confirmed_by),
        "unit_name": ask.unit_name(row.unit_id), "has_file": ask.may_open_file(by, row), "today": local_day(utcnow()),
    }  # fmt: skip


@bp.post("/<code>/deliver")
@permission("delivery.sign")
def deliver(code: str) -> Response:
    """The goods are there, the signature comes later."""
    row = delivery(code)
    try:
        delivering.deliver(row, by=actor())
    except Refused as refused:
        return show_now(delivery(code), 409, tell(refused))
    return see_other("deliveries.show", _("已记为送达，还要签收。"), code=code)


@bp.route("/<code>/miss", methods=["GET", "POST"])
@permission("delivery.sign")
def miss(code: str) -> Response:
    """没签成: a reason and the next day; nothing is lost."""
    row = delivery(code)
    lifecycle.require("delivery", "fail", row.state)
    form = MissForm(next_on=local_day(utcnow()) + timedelta(days=1))
    if form.validate_on_submit():
        try:
            delivering.miss(row, form.reason.data, form.next_on.data, form.note.data or "", by=actor())  # type: ignore[arg-type]
        except Refused as refused:
            text = tell(refused, form)
            if refused.code == "stale_step":
                return show_now(delivery(code), 409, text)
        else:
            return see_other("deliveries.queue", _("%(code)s 没签成，已改到新的日期。", code=code))
    return page("wishes/delivery/miss.html", 422 if form.is_submitted() else 200, delivery=row, form=form, **shown(row))


@bp.route("/<code>/reverse", methods=["GET", "POST"])
@permission("delivery.reverse")
def reverse(code: str) -> Response:
    """冲正: a signed record is wrong; it stays as it is, is marked reversed, and the delivery is planned anew."""
    row = delivery(code)
    lifecycle.require("delivery", "reverse", row.state)
    delivering.different_person(row, "reverse", actor())
    form = ReverseForm()
    if form.validate_on_submit():
        try:
            anew = delivering.reverse(row, form.reason.data or "", by=actor())
        except Refused as refused:
            return show_now(delivery(code), 409, tell(refused))
        return see_other("deliveries.show", _("%(code)s 已冲正，已重新安排送达。", code=code), code=anew.code)
    return page("wishes/delivery/reverse.html", 422 if form.is_submitted() else 200, delivery=row, form=form, **shown(row))
