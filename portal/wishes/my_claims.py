"""The enterprise's own claims: the list, one as a timeline, ready, release, the delivery note."""

from __future__ import annotations

from datetime import date
from typing import Any

import segno
from flask import Response, request, url_for

from portal.database import utcnow
from portal.formats import day
from portal.refusal import Refused
from portal.web import actor, found, page, permission, see_other, whole_number
from portal.wishes import claim_queries, queries
from portal.wishes.claiming import bp
from portal.wishes.forms_claiming import ReleaseForm
from portal.wishes.lifecycle import LIVE
from portal.wishes.models import Claim
from portal.wishes.operations import claiming as operations
from portal.wishes.queries import local_day
from portal.wording import _, sentence

__all__ = ["bp"]
MOST_LABELS = 60


def _today() -> date:
    return local_day(utcnow())


def _claim(code: str) -> Claim:
    return found(queries.claim_of(actor(), code))  # type: ignore[no-any-return]


@bp.get("/claims")
@permission("claim.own")
def mine() -> Response:
    """My claims: those that run, due soonest first; those that wait; those that are fulfilled or over."""
    stage = request.args.get("stage", "live")
    stage = stage if stage in claim_queries.STAGES else "live"
    number = whole_number("page")
    rows = claim_queries.claims_of(actor(), stage, number, _today())
    counts = claim_queries.stage_counts(actor())
    names = {"live": _("进行中"), "waiting": _("候补"), "fulfilled": _("已兑现"), "ended": _("已结束")}
    tabs = [
        {
            "href": url_for("claims.mine", stage=key if key != "live" else None),
            "label": names[key],
            "small": str(counts[key]),
            "current": key == stage,
        }
        for key in claim_queries.STAGES
    ]
    more = len(rows) > claim_queries.PER_PAGE
    return page(
        "wishes/claims.html", claims=rows[: claim_queries.PER_PAGE], stage=stage, counts=counts, stages=tabs, due=claim_queries.due_soon(actor(), _today()),
        before=url_for("claims.mine", stage=stage, page=number - 1) if number > 1 else None,
        after=url_for("claims.mine", stage=stage, page=number + 1) if more else None,
    )  # fmt: skip


@bp.get("/claims/<code>")
@permission("claim.own")
def show(code: str) -> Response:
    """One claim as a timeline, with the buttons that its state allows now."""
    return _page(_claim(code))


def _page(row: Claim, trouble: str = "", status: int = 200) -> Response:
    view = claim_queries.claim_view(row, _today())
    return page("wishes/claim.html", status, claim=view, line=timeline(view, claim_queries.progress_of(row)), trouble=trouble)


def timeline(view: dict[str, Any], far: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a claim for rec.timeline(): done with their day, the present one, those to come. Days only."""
    state = view["state"]
    if state == "waiting":
        return [
            {"label": _("排进候补"), "at": day(local_day(view["claimed_at"])), "state": "done"},
            {"label": _("等物品空出来"), "note": _("轮到贵单位时自动变成已认领，期限从那天算起。"), "state": "now", "part": 0},
        ]
    steps = [{"label": _("已认领"), "at": day(local_day(view["claimed_at"])), "state": "done"}]
    if view["ready_at"] or state in ("active", "ready", *LIVE):
        steps.append(_step(_("备货"), view["ready_at"], state == "active", 25, _("最迟%(day)s备好。", day=day(view["ready_by"]))))
    if state in ("released", "lapsed", "revoked"):
        words = {"released": _("已释放"), "lapsed": _("过了期限，已自动释放"), "revoked": _("工会已撤销这个认领")}
        return [*steps, {"label": words[state], "at": day(local_day(view["ended_at"])), "note": view["reason"], "state": "exit"}]
    if state == "fulfilled" and not view["ready_at"]:
        steps.append({"label": _("备货"), "state": "done"})
    due = _("最迟%(day)s送到。", day=day(view["deliver_by"]))
    steps.append(_step(_("交到工会服务站"), view["handed_over_at"], state == "ready", 38, due))
    return steps + _households(view, far)


def _step(label: str, at: Any, now: bool, part: int, note: str) -> dict[str, Any]:
    if at:
        return {"label": label, "at": day(local_day(at)), "state": "done"}
    return {"label": label, "note": note, "state": "now" if now else "todo", "part": part}


def _households(view: dict[str, Any], far: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps at the households, as an enterprise may see them: how many of how many, and the day."""
    over, of = view["handed_over_at"] is not None, view["quantity"]
    signed = {"label": _("送达并签收"), "state": "todo"}
    if far["signed"] >= of:
        signed |= {"state": "done", "at": day(far["signed_on"])}
    elif over:
        signed |= {"state": "now", "part": 50, "note": _("工会正在送到家庭，实名签收后这里会更新。")}
    if of > 1 and over:
        signed["note"] = _("已签收 %(n)s / %(of)s 份", n=far["signed"], of=of)
    fulfilled = {"label": _("已兑现"), "note": _("工会确认签收后，记入爱心榜。"), "state": "todo"}
    if view["state"] == "fulfilled":
        fulfilled = {"label": _("已兑现"), "at": day(local_day(view["fulfilled_at"])), "state": "done"}
    elif far["signed"] >= of:
        fulfilled |= {"state": "now", "part": 88}
    return [signed, fulfilled]


@bp.post("/claims/<code>/ready")
@permission("claim.own")
def ready(code: str) -> Any:
    """The goods are ready (已备货)."""
    row = _claim(code)
    try:
        operations.ready(row, by=actor())
    except Refused as refused:
        return _page(_claim(code), sentence(refused.code, refused.params), 409)
    return see_other("claims.show", _("已记下：备好了。请在%(day)s前送到%(place)s。", day=day(row.deliver_by), place=row.posting.point), code=code)


@bp.route("/claims/<code>/release", methods=["GET", "POST"])
@permission("claim.own")
def release(code: str) -> Any:
    """Give a claim back: a page that says what follows and asks why, then the act."""
    row = _claim(code)
    view = claim_queries.claim_view(row, _today())
    form = ReleaseForm()
    if "release" not in view["steps"]:
        code_of = "in_flight" if row.state == "handed_over" else "stale_step"
        return _page(row, sentence(code_of, {} if code_of == "in_flight" else {"thing": "claim", "state": row.state}), 409)
    if not form.validate_on_submit():
        return page("wishes/release.html", 422 if form.is_submitted() else 200, form=form, claim=view)
    try:
        operations.release(row, form.sentence(), by=actor())
    except Refused as refused:
        return _page(_claim(code), sentence(refused.code, refused.params), 409)
    return see_other("claims.show", _("已释放。名额已还给大厅。") if view["state"] != "waiting" else _("已退出候补。"), code=code)


# -- on paper -----------------------------------------------------------------------------------------------------------------------


@bp.get("/claims/<code>/note")
@permission("claim.own")
def note(code: str) -> Any:
    """The delivery note of one claim, to print and put into the box; ``boxes`` says how many labels."""
    row = _claim(code)
    view = claim_queries.claim_view(row, _today())
    if not view["on_paper"]:
        return _page(row, _("这个认领现在不用送货单。"), 409)
    return _sheet([view], url_for("claims.show", code=code))


@bp.get("/claims/batch/<batch>/note")
@permission("claim.own")
def batch_note(batch: str) -> Any:
    """The delivery notes of everything that one confirmation claimed, a sheet for each place."""
    views = [view for view in claim_queries.batch_of(actor(), batch, _today()) if view["on_paper"]]
    if not views:
        found(None)
    return _sheet(views, url_for("claims.result", batch=batch))


def _sheet(views: list[dict[str, Any]], back: str) -> Response:
    enterprise = found(claim_queries.claimant(actor()))
    boxes = min(max(request.args.get("boxes", 1, type=int), 0), MOST_LABELS)
    for view in views:
        view["qr"] = segno.make(f"{request.url_root}s/{view['code']}", error="m").svg_inline(omitsize=True, border=1)
    lines = [view["offer"] | {"claim": view, "ready_by": view["ready_by"], "deliver_by": view["deliver_by"]} for view in views]
    return page("wishes/note_print.html", sheets=claim_queries.by_place(lines), boxes=boxes, firm=enterprise.name, back=back, most=MOST_LABELS)
