"""Staff pages of the public board (公示管理): draft, preview and check, submit, publish by a second person, errata."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from flask.blueprints import BlueprintSetupState

from portal.database import utcnow
from portal.journal import Actor
from portal.noticeboard import operations, queries, view
from portal.noticeboard.checks import forbidding
from portal.noticeboard.forms import ErratumForm, IssueForm
from portal.noticeboard.models import OPEN, Publication
from portal.noticeboard.operations import Plan
from portal.policy import allowed
from portal.refusal import Refused
from portal.web import actor, found, may, page, permission, see_other, tell
from portal.wishes.models import Campaign
from portal.wishes.queries import local_day
from portal.wording import _

bp = Blueprint("publications", __name__)
# Somebody else was first, or the step cannot be taken now: the page comes back as it stands (409); else something must be mended (422).
STALE = frozenset({"board_step", "board_stale", "erratum_step", "draft_exists"})


@bp.record_once
def _register(state: BlueprintSetupState) -> None:
    state.app.extensions["todo"].append(counts)


def counts(by: Actor) -> dict[str, int]:
    """What waits for this person as the one who publishes; asked only for those who may."""
    return {"publications": queries.waiting(by)} if allowed("publication.publish", by.roles, True) else {}


@bp.get("/publications")
@permission("publication.read")
def list_all() -> Response:
    """All issues, with who drafted and who published them."""
    rows = queries.staff_list(actor())
    unfinished = next((row for row in rows if row.state in OPEN), None)
    return page("noticeboard/list.html", rows=rows, unfinished=unfinished, may_draft=may("publication.draft"))


def _form(campaigns: list[Campaign], **values: Any) -> IssueForm:
    form = IssueForm(data=values)
    form.campaign.choices = [(campaign.code, campaign.name) for campaign in campaigns]
    return form


def _plan(form: IssueForm) -> Plan:
    assert form.first.data and form.last.data  # InputRequired has seen to it
    return Plan(form.title.data or "", form.first.data, form.last.data, form.remark.data or "")


@bp.route("/publications/new", methods=["GET", "POST"])
@permission("publication.draft")
def new() -> Any:
    """Choose campaign, title and days; everything else the system counts and writes."""
    campaigns = queries.campaigns_for(actor())
    today = local_day(utcnow())
    first = min(campaigns[0].opens_on, today) if campaigns else today
    title = _("%(name)s微心愿与年货礼包认领情况公示", name=campaigns[0].name) if campaigns else ""
    form = _form(campaigns, title=title, first=first, last=today)
    if not form.validate_on_submit():
        return page("noticeboard/new.html", 422 if form.is_submitted() else 200, form=form, row=None)
    campaign = found(next((one for one in campaigns if one.code == form.campaign.data), None))
    try:
        row = operations.draft(campaign, _plan(form), by=actor(), idem=form.idem.data)
    except Refused as refused:
        tell(refused, form)
        return page("noticeboard/new.html", 409 if refused.code in STALE else 422, form=form, row=None)
    return see_other("publications.show", _("已写好这一期。请看一遍，再提交发布。"), code=row.code)


def _row(code: str) -> Publication:
    return found(queries.publication_for_staff(actor(), code))  # type: ignore[no-any-return]


def _show(row: Publication, status: int = 200, refusal: str = "") -> Response:
    problems = operations.look_over(row) if row.state in OPEN else []
    by = actor()
    return page(
        "noticeboard/show.html", status, row=row, issue=view.issue(row), checks=view.checklist(problems), clean=not forbidding(problems), refusal=refusal,
        errata=row.errata, mine=row.drafted_by == by.id, may_draft=may("publication.draft"), may_publish=may("publication.publish"), me=by.id,
    )  # fmt: skip


@bp.get("/publications/<code>")
@permission("publication.read")
def show(code: str) -> Response:
    """Preview with the result of the check, and the next step for whoever looks."""
    return _show(_row(code))


@bp.route("/publications/<code>/edit", methods=["GET", "POST"])
@permission("publication.draft")
def edit(code: str) -> Any:
    """Change title, days or remark of a draft; the numbers are counted anew."""
    row = _row(code)
    if row.state != "draft":
        return _show(row, 409, tell(Refused("board_stale")))
    issue = view.issue(row)
    form = _form([row.campaign], campaign=row.campaign.code, title=row.title, first=issue["first"], last=issue["last"], remark=row.remark)
    if not form.validate_on_submit():
        return page("noticeboard/new.html", 422 if form.is_submitted() else 200, form=form, row=row)
    try:
        operations.amend(row, _plan(form), by=actor())
    except Refused as refused:
        if refused.code in STALE:
            return _show(row, 409, tell(refused))
        tell(refused, form)
        return page("noticeboard/new.html", 422, form=form, row=row)
    return see_other("publications.show", _("已改好，数字重新取过。"), code=code)


def _do(code: str, operation: Any, message: str) -> Any:
    row = _row(code)
    try:
        operation(row, by=actor())
    except Refused as refused:
        return _show(row, 409 if refused.code in (*STALE, "same_person") else 422, tell(refused))
    return see_other("publications.show", message, code=code)


@bp.post("/publications/<code>/submit")
@permission("publication.draft")
def submit(code: str) -> Any:
    """Hand the draft to a second person."""
    return _do(code, operations.submit, _("已提交，请另一位同事看过以后发布。"))


@bp.post("/publications/<code>/publish")
@permission("publication.publish")
def publish(code: str) -> Any:
    """Publish as the second person: from now on it is frozen."""
    return _do(code, operations.publish, _("已发布。公示已经定稿，要改正请写勘误。"))


@bp.post("/publications/<code>/discard")
@permission("publication.draft")
def discard(code: str) -> Any:
    """Give up an issue that is not published."""
    return _do(code, operations.discard, _("这一期已作废。"))


@bp.route("/publications/<code>/errata/new", methods=["GET", "POST"])
@permission("publication.draft")
def new_erratum(code: str) -> Any:
    """Write a correction of a published issue."""
    row = _row(code)
    form = ErratumForm()
    if not form.validate_on_submit():
        return page("noticeboard/erratum.html", 422 if form.is_submitted() else 200, form=form, row=row)
    try:
        operations.write_erratum(row, form.text.data or "", form.before.data or "", form.after.data or "", by=actor(), idem=form.idem.data)
    except Refused as refused:
        tell(refused, form)
        return page("noticeboard/erratum.html", 409 if refused.code in STALE else 422, form=form, row=row)
    return see_other("publications.show", _("勘误已写好，请另一位同事看过以后发布。"), code=code)


def _do_erratum(code: str, operation: Any, message: str) -> Any:
    erratum = found(queries.erratum_for_staff(actor(), code))
    issue = erratum.publication.code
    try:
        operation(erratum, by=actor())
    except Refused as refused:
        return _show(_row(issue), 409, tell(refused))
    return see_other("publications.show", message, code=issue)


@bp.post("/errata/<code>/publish")
@permission("publication.publish")
def publish_erratum(code: str) -> Any:
    """Show the correction on its issue's page, as the second person."""
    return _do_erratum(code, operations.publish_erratum, _("勘误已发布，登在那一期公示上。"))


@bp.post("/errata/<code>/discard")
@permission("publication.draft")
def discard_erratum(code: str) -> Any:
    """Give up a correction that is not published."""
    return _do_erratum(code, operations.discard_erratum, _("这条勘误已作废。"))
