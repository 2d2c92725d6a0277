"""Making a claim: the check page, the confirmation of one or of a whole basket, the result, and the line of those who wait."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from flask import Blueprint, Response, redirect, request, session, url_for

from portal import codes
from portal.database import utcnow
from portal.refusal import Refused
from portal.web import actor, found, page, permission, see_other
from portal.wishes import claim_queries, conflict, queries
from portal.wishes.forms_claiming import AmountForm, BasketForm, ClaimForm
from portal.wishes.models import Posting
from portal.wishes.operations import basket as basket_operations
from portal.wishes.operations import claiming as operations
from portal.wishes.queries import local_day
from portal.wording import _, sentence

bp = Blueprint("claims", __name__)
CHECK_AGAIN = "pack_short"  # refused, but for less it would be possible
LINE = re.compile(r"([A-Z]{2}-[0-9A-Z]{4,12}):([0-9]{1,6})")


def _batch(idem: str) -> str:
    """The code of what one form claims: the same form of the same enterprise gives the same one, whatever the browser sent."""
    return f"PC-{hashlib.sha256(f'{actor().enterprise_id}:{idem}'.encode()).hexdigest()[:12].upper()}"


def _posting(code: str) -> Posting:
    return found(queries.posting_for_claimant(actor(), code))  # type: ignore[no-any-return]


# -- one claim ----------------------------------------------------------------------------------------------------------------------


@bp.get("/claims/new/<code>")
@permission("claim.make")
def check(code: str) -> Any:
    """The check page: what, where to bring it, by when, whom to ask. Nothing is claimed yet."""
    posting = _posting(code)
    if stop := claim_queries.hindrance(posting, actor(), local_day(utcnow())):
        return conflict.show(posting, *stop)
    wanted = AmountForm(request.args).amount()
    note = sentence(CHECK_AGAIN, {"left": posting.left}) if wanted > posting.left and posting.kind == "pack" else ""
    return _check_page(posting, min(wanted, posting.left), note=note)


def _check_page(posting: Posting, quantity: int, form: ClaimForm | None = None, note: str = "", status: int = 200) -> Response:
    form = form or ClaimForm(formdata=None)
    form.quantity.raw_data, form.quantity.data = None, quantity
    return page(
        "wishes/claim_check.html", status, form=form, note=note, quantity=quantity, offer=claim_queries.offer_of(posting, local_day(utcnow())),
        contact=_contact(),
    )  # fmt: skip


def _contact() -> dict[str, Any]:
    enterprise = claim_queries.claimant(actor())
    if enterprise is None:
        return {}
    return {
        "name": enterprise.contact_name,
        "phone": codes.mask_phone(enterprise.contact_phone or ""),
        "public": enterprise.public_name,
        "firm": enterprise.name,
    }


@bp.post("/claims/new/<code>")
@permission("claim.make")
def make(code: str) -> Any:
    """Claim. A second copy of the same form lands on the first result; the loser of a race gets a kind page."""
    posting = _posting(code)
    form = ClaimForm()
    if not form.validate():
        return _check_page(posting, min(1, posting.left), form, status=422)
    idem = form.idem.data or ""
    try:
        row = operations.claim(posting, form.quantity.data or 1, by=actor(), idem=idem, batch=_batch(idem))
    except Refused as refused:
        if refused.code == CHECK_AGAIN:
            return _check_page(posting, refused.params["left"], ClaimForm(formdata=None), sentence(CHECK_AGAIN, refused.params), 409)
        return conflict.refused(posting, refused)
    return redirect(url_for("claims.result", batch=row.batch), 303)


@bp.get("/claims/batch/<batch>")
@permission("claim.own")
def result(batch: str) -> Any:
    """What became of a confirmation, line by line: what is claimed now, and what was not to be had."""
    made = claim_queries.batch_of(actor(), batch, local_day(utcnow()))
    refused = _refused_lines(batch)
    if not made and not refused:
        found(None)
    return page("wishes/claim_result.html", made=made, refused=refused, batch=batch, places=claim_queries.by_place(
        claim["offer"] | {"claim": claim["code"], "wanted": claim["quantity"], "ready_by": claim["ready_by"], "deliver_by": claim["deliver_by"]}
        for claim in made
    ))  # fmt: skip


def _refused_lines(batch: str) -> list[dict[str, Any]]:
    """The lines of the person's last confirmation that were refused, as the session remembers them: {code, title, said}."""
    kept = session.get("refused", {})
    if kept.get("batch") != batch:
        return []
    titles = claim_queries.titles([code for _why, _params, codes in kept["lines"] for code in codes])
    return [
        {"code": code, "title": titles.get(code, code), "said": sentence(why, params)}
        for why, params, codes in kept["lines"] for code in codes
    ]  # fmt: skip


# -- a basket -----------------------------------------------------------------------------------------------------------------------


@bp.get("/basket/confirm")
@permission("claim.make")
def check_basket() -> Any:
    """One check page for the whole basket, grouped by where things are handed over."""
    lines = [line for line in claim_queries.basket_lines(actor(), local_day(utcnow())) if not line["gone"]]
    if not lines:
        return see_other("basket.show", _("认领篮里没有可以认领的心愿。"), "info")
    for line in lines:
        line["wanted"] = min(line["wanted"], line["left"])
    return page(
        "wishes/claim_check_basket.html", form=BasketForm(formdata=None), groups=claim_queries.by_place(lines), contact=_contact(), lines=lines
    )


@bp.post("/basket/confirm")
@permission("claim.make")
def make_basket() -> Any:
    """Claim every line, each in a transaction of its own; one that fails stops no other."""
    form = BasketForm()
    lines = [match.groups() for text in request.form.getlist("line")[: basket_operations.MOST] if (match := LINE.fullmatch(text))]
    if not form.validate() or not lines:
        return see_other("claims.check_basket", _("请再核对一次。"), "warn")
    idem = form.idem.data or ""
    batch = _batch(idem)
    refused: dict[str, tuple[str, dict[str, Any], list[str]]] = {}
    for code, quantity in lines:
        problem = _claim_line(queries.posting_for_claimant(actor(), code), int(quantity), idem, batch)
        if problem:
            refused.setdefault(f"{problem.code}{problem.params}", (problem.code, problem.params, []))[2].append(code)
    session["refused"] = {"batch": batch, "lines": list(refused.values())}  # reasons once, codes only: a cookie holds 4 KB
    return redirect(url_for("claims.result", batch=batch), 303)


def _claim_line(posting: Posting | None, quantity: int, idem: str, batch: str) -> Refused | None:
    """Claim one line; the refusal, if it was refused. A lot with less left keeps its place in the basket with what is left."""
    if posting is None:
        return Refused("not_open")
    try:
        operations.claim(posting, max(quantity, 1), by=actor(), idem=idem, batch=batch)
    except Refused as problem:
        if problem.code == CHECK_AGAIN:
            basket_operations.put(posting, problem.params["left"], by=actor())
        return problem
    return None


# -- the line of those who wait -----------------------------------------------------------------------------------------------------


@bp.get("/claims/wait/<code>")
@permission("claim.make")
def wait_check(code: str) -> Any:
    """What standing in line means, before one does."""
    posting = _posting(code)
    wanted = min(AmountForm(request.args).amount(), posting.quantity)
    offer = claim_queries.offer_of(posting, local_day(utcnow()))
    return page("wishes/wait.html", form=ClaimForm(formdata=None), offer=offer, quantity=wanted, before=claim_queries.waiting_for(posting))


@bp.post("/claims/wait/<code>")
@permission("claim.make")
def wait(code: str) -> Any:
    """Stand in line (候补): the claim becomes real by itself when units come free."""
    posting = _posting(code)
    form = ClaimForm()
    if not form.validate():
        return redirect(url_for("claims.wait_check", code=code), 303)
    try:
        row = operations.wait(posting, form.quantity.data or 1, by=actor())
    except Refused as refused:
        mine = claim_queries.own_claim(posting, actor())
        if refused.code == "already_waiting" and mine:
            return see_other("claims.show", sentence(refused.code, {}), "info", code=mine)
        return conflict.refused(posting, refused)
    return see_other("claims.show", _("已排进候补。轮到贵单位时，这里会变成“已认领”。"), code=row.code)
