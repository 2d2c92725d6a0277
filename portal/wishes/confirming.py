"""The second person: confirm sign-offs, the clean ones together, the others one by one (rule 6: different people)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request

from portal.refusal import Refused
from portal.web import actor, found, page, permission, see_other, tell, whole_number
from portal.wishes import delivery_queries as ask
from portal.wishes.delivering import shown
from portal.wishes.delivery_models import Delivery
from portal.wishes.forms_delivering import ActForm
from portal.wishes.operations import delivering
from portal.wishes.queries import delivery_for_staff, local_day
from portal.wording import _

bp = Blueprint("confirm", __name__, url_prefix="/confirm")


@dataclass(frozen=True)
class Line:
    """One line of the result: a code, what it was, and why it was not confirmed ("" when it was)."""

    code: str
    title: str
    reason: str = ""


def _blocked(row: Delivery) -> str:
    """The sentence for a person who had a part in this wish before; "" for somebody who had none."""
    try:
        delivering.different_person(row, "confirm", actor())
    except Refused as refused:
        return tell(refused)
    return ""


@bp.get("")
@permission("delivery.confirm")
def queue() -> Response:
    """What has been signed and waits for a second person."""
    kind = request.args.get("kind", "")
    listed = ask.to_confirm(actor(), kind, whole_number("page"))
    rows = [{"delivery": row, "blocked": _blocked(row), "name": ask.shown_name(actor(), row)} for row in listed.rows]
    return page("wishes/delivery/confirm.html", listed=listed, rows=rows, kind=kind, form=ActForm(formdata=None))


@bp.post("")
@permission("delivery.confirm")
def several() -> Response:
    """Confirm the chosen ones, each as an act of its own; the page says which were and which were not, and why."""
    codes = list(dict.fromkeys(request.form.getlist("code")))[: ask.PAGE]
    if not codes:
        return see_other("confirm.queue", _("请先选择要确认的签收。"), "warn")
    lines = [_one(code) for code in codes]
    done = [line for line in lines if not line.reason]
    return page("wishes/delivery/confirmed.html", done=done, left=[line for line in lines if line.reason])


def _one(code: str) -> Line:
    row = delivery_for_staff(actor(), code)
    if row is None:
        return Line(code[:20], "", _("没有这份签收，或不归您的单位管。"))
    title = row.posting.title
    try:
        if row.state == "signed" and row.sign_off is not None and not row.sign_off.clean:
            raise Refused("not_clean")
        delivering.confirm(row, by=actor())
    except Refused as refused:
        return Line(code, title, tell(refused))
    return Line(code, title)


def _show(row: Delivery, status: int = 200, problem: str = "") -> Response:
    before, after = ask.neighbours_to_confirm(actor(), row)
    on_time = row.sign_off is not None and local_day(row.sign_off.signed_at) <= row.claim.deliver_by
    return page(
        "wishes/delivery/confirm_one.html", status, delivery=row, problem=problem, blocked=_blocked(row), on_time=on_time, before=before,
        after=after, **shown(row),
    )  # fmt: skip


@bp.get("/<code>")
@permission("delivery.confirm")
def show(code: str) -> Response:
    """One sign-off: signature, photos and claim side by side."""
    row = found(delivery_for_staff(actor(), code))
    return _show(found(row if row.sign_off else None))


@bp.post("/<code>")
@permission("delivery.confirm")
def confirm(code: str) -> Response:
    """Confirm this one, whatever its kind."""
    row = found(delivery_for_staff(actor(), code))
    found(row.sign_off)
    try:
        delivering.confirm(row, by=actor())
    except Refused as refused:
        return _show(found(delivery_for_staff(actor(), code)), 409, tell(refused))
    return see_other("confirm.queue", _("%(code)s 已确认，这个心愿圆梦了。", code=code))
