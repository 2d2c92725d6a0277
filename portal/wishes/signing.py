"""The real-name sign-off on the phone, its result, its photos and its papers."""

from __future__ import annotations

from typing import Any

import segno
from flask import Response, request, url_for
from werkzeug.datastructures import FileStorage

from portal import formats
from portal.codes import mask_id_no
from portal.refusal import Refused
from portal.web import actor, found, is_part, page, permission, see_other, tell
from portal.wishes import delivery_queries as ask
from portal.wishes import lifecycle
from portal.wishes.delivering import bp, delivery, show_now, shown
from portal.wishes.delivery_models import Delivery
from portal.wishes.forms_delivering import TAKEN, SignForm
from portal.wishes.operations import delivering, doorstep
from portal.wishes.operations.doorstep import Facts
from portal.wishes.pictures import MOST_BYTES, Picture, take_in

SIGNABLE = lifecycle.find("delivery", "sign").sources


@bp.url_value_preprocessor
def _room_for_photos(endpoint: str | None, _values: Any) -> None:
    """The sign-off may bring several photos; every other form keeps the portal's small limit."""
    if endpoint == "deliveries.sign":
        request.max_content_length = doorstep.MOST_PHOTOS * MOST_BYTES + 1024 * 1024


@bp.route("/<code>/sign", methods=["GET", "POST"])
@permission("delivery.sign")
def sign(code: str) -> Response:
    """The phone page at the door: goods, person, four digits, signature or paper slip, photos."""
    row = delivery(code)
    form = SignForm()
    if form.is_submitted() and delivering.repeat_of(row, form.idem.data):
        return see_other("deliveries.signed", code=code)
    if row.state not in SIGNABLE:
        return _too_late(row)
    delivering.different_person(row, "sign", actor())
    if not form.validate_on_submit():
        return _sign_page(row, form, 422 if form.is_submitted() else 200)
    facts, wrong = _facts(form)
    wrong += [problem for problem in doorstep.problems(row, facts, actor()) if not (problem.code == "slip_missing" and wrong)]
    if wrong:
        for problem in wrong:
            tell(problem, form)
        return _sign_page(row, form, 422, differs=any(problem.code == "id_differs" for problem in wrong))
    try:
        delivering.sign(row, facts, by=actor(), idem=form.idem.data)
    except Refused:  # somebody else signed, or reversed it, a moment ago
        return _too_late(delivery(code))
    return see_other("deliveries.signed", code=code)


def _files(field: Any) -> list[FileStorage]:
    return [file for file in field.data or [] if isinstance(file, FileStorage) and file.filename]


def _facts(form: SignForm) -> tuple[Facts, list[Refused]]:
    """The facts as typed, with the photos taken in; and what is wrong with the photos."""
    sent = [(kind, field.name, file) for kind, field in (("slip", form.slip), ("goods", form.photos)) for file in _files(field)]
    wrong: list[Refused] = []
    photos: list[tuple[str, Picture]] = []
    if len(sent) > doorstep.MOST_PHOTOS:
        wrong, sent = [Refused("photo_many", "photos", most=doorstep.MOST_PHOTOS)], []
    for kind, field_name, file in sent:
        try:
            photos.append((kind, take_in(file.stream.read(MOST_BYTES + 1))))
        except Refused as refused:
            wrong.append(Refused(refused.code, field_name, **refused.params))
    typed = {name: form[name].data or "" for name in ("signer", "id_tail", "place", "witness", "proxy_name", "proxy_relation", "proxy_reason")}
    drawn = (form.strokes.data or "").strip()
    return Facts(
        **typed, goods_complete=bool(form.goods_complete.data), strokes="" if drawn == "[]" else drawn, photos=tuple(photos),
        despite_id=bool(form.despite_id.data),
    ), wrong  # fmt: skip


def _sign_page(row: Delivery, form: SignForm, status: int, differs: bool = False) -> Response:
    again = [(str(field.label.text), len(_files(field))) for field in (form.slip, form.photos) if _files(field)]
    return page(
        "wishes/delivery/sign.html", status, delivery=row, form=form, again=again, differs=differs or bool(form.despite_id.data), taken=TAKEN,
        most=doorstep.MOST_PHOTOS, **shown(row),
    )  # fmt: skip


def _too_late(row: Delivery) -> Response:
    """Somebody signed first, or the delivery was reversed: 409 with the delivery as it is now."""
    if row.sign_off is None or row.state == "reversed":
        return show_now(row, 409, tell(Refused("stale_step", thing="delivery", step="sign", state=row.state)))
    who, at = ask.account_name(row.sign_off.deliverer_id), formats.moment(row.sign_off.signed_at)
    return show_now(row, 409, tell(Refused("already_signed", who=who, at=at)))


@bp.post("/<code>/tail")
@permission("delivery.sign")
def tail(code: str) -> Response:
    """Compare the four digits while the form is being filled in; the answer is one line and is kept nowhere."""
    row = delivery(code)
    lifecycle.require("delivery", "sign", row.state)
    delivering.different_person(row, "sign", actor())
    if not is_part():
        return see_other("deliveries.sign", code=code)
    try:
        answer = {True: "same", False: "differs", None: "later"}[doorstep.try_tail(row, request.form.get("id_tail", ""))]
    except Refused:
        answer = "short"
    return page("wishes/delivery/_tail.html", answer=answer)


@bp.get("/<code>/signed")
@permission("delivery.sign")
def signed(code: str) -> Response:
    """The result: what was recorded, and where to go next."""
    row = delivery(code)
    return page("wishes/delivery/signed.html", delivery=found(row if row.sign_off else None), waiting=ask.count_to_sign(actor()), **shown(row))


@bp.get("/<code>/photos/<number>")
@permission("delivery.read")
def photo(code: str, number: str) -> Response:
    """A photo of goods or slip: a JPEG that this portal made itself, kept in no cache."""
    data = delivering.open_photo(found(ask.photo_of(delivery(code), number)))
    response = Response(data, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = "inline"
    return response


# -- on paper -----------------------------------------------------------------------------------------------------------------------


def _paper(template: str, row: Delivery) -> Response:
    qr = segno.make(url_for("station.short", code=row.code, _external=True), error="m").svg_inline(omitsize=True, border=1)
    return page(template, delivery=row, qr=qr, id_no=mask_id_no(row.household.id_no or ""), **shown(row))


@bp.get("/<code>/print", endpoint="print")
@permission("delivery.read")
def receipt(code: str) -> Response:
    """The receipt on A4, with the drawn signature."""
    row = delivery(code)
    return _paper("wishes/delivery/receipt.html", found(row if row.sign_off else None))


@bp.get("/<code>/slip")
@permission("delivery.read")
def slip(code: str) -> Response:
    """An empty slip of the same number, to be signed by hand and photographed."""
    return _paper("wishes/delivery/slip.html", delivery(code))
