"""Following a promise (认领与送达): the list, its export, one claim, revoking it, covering what nobody claimed, a food recall."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, make_response, request

from portal.database import utcnow
from portal.formats import day, moment
from portal.refusal import Refused
from portal.web import actor, found, may, page, permission, see_other, tell
from portal.wishes import claims_sheet, queries
from portal.wishes import follow_queries as asked
from portal.wishes.forms_following import CoverForm, RevokeForm
from portal.wishes.lifecycle import CLAIM_STATES, find
from portal.wishes.models import Claim, Posting
from portal.wishes.operations.claiming import revoke as revoke_claim
from portal.wishes.operations.covering import cover as cover_units
from portal.wishes.operations.promise import clock_of
from portal.wishes.queries import local_day
from portal.wording import _, label, sentence

bp = Blueprint("follow", __name__)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _today() -> date:
    return local_day(utcnow())


def _chosen() -> asked.Filter:
    """The filter of the address; what it does not know is left out."""
    args = request.args
    state, due, kind = args.get("state", ""), args.get("due", ""), args.get("kind", "")
    return asked.Filter(
        state if state in CLAIM_STATES else "", due if due in asked.DUES else "", args.get("enterprise", "")[:20],
        kind if kind in ("wish", "pack") else "", args.get("q", "").strip()[:40],
    )  # fmt: skip


@bp.get("/follow")
@permission("claim.follow")
def list_all() -> Response:
    """The claims of the actor's subtree, newest first."""
    by, chosen, args = actor(), _chosen(), request.args
    listed = asked.list_page(by, chosen, _today(), args.get("after", ""), args.get("before", ""))
    return page(
        "wishes/follow/list.html", listed=listed, chosen=chosen, enterprises=[("union", _("工会兜底")), *asked.enterprises_of(by)],
        states=[(state, label("claim", state)) for state in CLAIM_STATES],
    )  # fmt: skip


@bp.get("/follow/export")
@permission("claim.follow")
def export() -> Response:
    """What the list shows with the same filter, as a workbook; no personal data."""
    now = utcnow()
    response = make_response(claims_sheet.workbook(asked.every_row(actor(), _chosen(), local_day(now)), now))
    response.headers["Content-Type"] = XLSX
    response.headers["Content-Disposition"] = f"attachment; filename=claims-{local_day(now):%Y%m%d}.xlsx"
    return response


# -- one claim ----------------------------------------------------------------------------------------------------------------------


@bp.get("/follow/<code>")
@permission("claim.follow")
def show(code: str) -> Response:
    """One claim: its steps and days, who waits in line, its deliveries, what has been done."""
    return _show(found(asked.claim_to_follow(actor(), code)))


def _show(row: Claim, status: int = 200, told: str = "") -> Response:
    by, today = actor(), _today()
    deliveries = asked.deliveries_of(row, by)
    return page(
        "wishes/follow/show.html", status, claim=row, view=asked.row_of(row, today), line=_line(row, deliveries), waiting=asked.waiting_line(row),
        deliveries=deliveries, history=asked.history(row), told=told, revocable=row.state in find("claim", "revoke").sources,
        most=asked.MOST_DELIVERIES, coverable=_coverable(row.posting), may=may,
    )  # fmt: skip


def _coverable(posting: Posting) -> bool:
    return posting.state == "open" and posting.left > 0 and posting.latest_day >= _today()


def _line(row: Claim, deliveries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The claim as steps of a timeline; a claim that ended early ends with its reason."""
    signed = sum(1 for delivery in deliveries if delivery["state"] in ("signed", "confirmed"))
    steps: list[dict[str, Any]] = [
        {"label": _("认领"), "at": moment(row.claimed_at), "state": "done" if row.state != "waiting" else "now", "note": label("claim", "waiting") if row.state == "waiting" else ""},
        {"label": _("备好"), "at": moment(row.ready_at) if row.ready_at else _("最迟 %(day)s", day=day(row.ready_by)), "state": _at(row.ready_at or row.handed_over_at, row.state == "active")},
        {
            "label": _("交到工会"), "at": moment(row.handed_over_at) if row.handed_over_at else _("最迟 %(day)s", day=day(row.deliver_by)),
            "state": _at(row.handed_over_at, row.state == "ready"),
        },
        {
            "label": _("送到家庭并确认"), "at": moment(row.fulfilled_at) if row.fulfilled_at else "", "state": _at(row.fulfilled_at, row.state == "handed_over"),
            "note": _("已签收 %(signed)s 份，已确认 %(done)s 份，共 %(all)s 份", signed=signed, done=row.delivered, all=row.quantity), "part": 100 * row.delivered // row.quantity,
        },
    ]  # fmt: skip
    if row.ended_at is None or row.state == "fulfilled":
        return steps
    reached = [step for step in steps if step["state"] == "done"]
    return [*reached, {"label": label("claim", row.state), "at": moment(row.ended_at), "note": row.end_reason, "state": "exit"}]


def _at(done: object, now: bool) -> str:
    return "done" if done else "now" if now else "todo"


@bp.route("/follow/<code>/revoke", methods=["GET", "POST"])
@permission("claim.revoke")
def revoke(code: str) -> Any:
    """Take a claim away, with a reason; its units go to the enterprise next in line or back into the hall."""
    row = found(asked.claim_to_follow(actor(), code))
    form = RevokeForm()
    if not form.validate_on_submit():
        return page("wishes/follow/revoke.html", 422 if form.is_submitted() else 200, form=form, claim=row, waiting=asked.waiting_line(row))
    try:
        promoted = revoke_claim(row, form.sentence(), by=actor())
    except Refused as refused:
        return _show(row, 409, sentence(refused.code, refused.params))
    told = _("已撤销，名额转给了候补的单位。") if promoted else _("已撤销，名额回到了认领大厅。")
    return see_other("follow.show", told, code=code)


# -- what nobody claimed --------------------------------------------------------------------------------------------------------------


@bp.get("/follow/unclaimed")
@permission("claim.follow")
def unclaimed() -> Response:
    """Open wishes and packs of the subtree with units that nobody claimed, the most urgent first."""
    rows = asked.unclaimed(actor(), request.args.get("after", ""))
    more = rows[asked.PER_PAGE - 1].code if len(rows) > asked.PER_PAGE else None
    return page("wishes/follow/unclaimed.html", rows=rows[: asked.PER_PAGE], more=more, today=_today(), may=may)


@bp.route("/follow/cover/<code>", methods=["GET", "POST"])
@permission("claim.cover")
def cover(code: str) -> Any:
    """工会兜底 with a look before: which unit, how many, which days, and that it is counted apart."""
    by = actor()
    posting = found(queries.posting_for_staff(by, code))
    form = CoverForm(quantity=max(posting.left, 1))
    if not form.validate_on_submit():
        return _cover_page(posting, form, 422 if form.is_submitted() else 200)
    try:
        row = cover_units(posting, form.quantity.data, by=by, idem=form.idem.data)
    except Refused as refused:
        told = tell(refused, form)
        return _cover_page(posting, form, 422) if refused.code == "pack_short" else _cover_page(posting, form, 409, told)
    return see_other("follow.show", _("已由工会兜底，编号 %(code)s。请按期备好并交到服务站。", code=row.code), code=row.code)


def _cover_page(posting: Posting, form: CoverForm, status: int, told: str = "") -> Response:
    ready_by, deliver_by = clock_of(posting.campaign, posting.latest_day, _today())
    return page(
        "wishes/follow/cover.html",
        status,
        posting=posting,
        form=form,
        told=told,
        ready_by=ready_by,
        deliver_by=deliver_by,
        coverable=_coverable(posting),
    )


# -- food recall ----------------------------------------------------------------------------------------------------------------------


@bp.get("/follow/batch")
@permission("delivery.read")
def batch() -> Response:
    """Every household of the subtree that got food of one batch."""
    number = request.args.get("batch", "").strip()[:40]
    by = actor()
    rows, articles = (asked.batch_received(by, number), asked.batch_articles(by, number)) if number else ([], [])
    return page("wishes/follow/batch.html", batch=number, rows=rows, articles=articles, held=_held(articles))


def _held(articles: list[dict[str, Any]]) -> int:
    """Packs on the way, each lot once, though it may hold two articles of the batch."""
    return sum({article["posting"]: article["held"] for article in articles}.values())
