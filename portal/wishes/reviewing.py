"""The review page: the queue beside the open row; pass, amend and pass, return, and pass clean ones in bulk."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import get_locale

from portal.database import utcnow
from portal.refusal import Refused
from portal.web import actor, found, page, permission, see_other, tell
from portal.wishes import review_queries as queries
from portal.wishes.categories import CATEGORIES
from portal.wishes.forms_reviewing import ApproveForm, ReturnForm
from portal.wishes.models import Posting
from portal.wishes.operations.checking import automatic_checks
from portal.wishes.operations.posting import approve as pass_posting
from portal.wishes.operations.posting import send_back as return_posting
from portal.wishes.queries import local_day
from portal.wording import _, sentence

bp = Blueprint("review", __name__)


def _chosen() -> queries.Filter:
    asked = request.args
    check, category = asked.get("check", ""), asked.get("category", "")
    return queries.Filter(asked.get("unit", ""), category if category in CATEGORIES else "", check if check in queries.CHECKS else "")


def _today() -> date:
    return local_day(utcnow())


def _page(posting: Posting | None, status: int = 200, *, form: ApproveForm | None = None, alone: bool = True, told: str = "") -> Response:
    """The queue with one row open. ``alone``: on a phone only that row is shown, as a page of its own."""
    by, chosen, today = actor(), _chosen(), _today()
    after = queries.posting_to_review(by, request.args.get("after", ""))
    rows = queries.queue(by, chosen, today, after)
    if posting is None and rows:
        posting = queries.posting_to_review(by, rows[0]["code"])
    count, oldest = queries.waiting(by, chosen)
    before, next_one = queries.neighbours(by, chosen, posting) if posting else (None, None)
    opened = queries.opened(posting, by, today) if posting else None
    if posting and form is None:
        form = ApproveForm(formdata=None, public_text=queries.suggestion(posting), version=posting.version)
    return page(
        "wishes/review.html", status, rows=rows[: queries.PER_PAGE], more=rows[queries.PER_PAGE - 1]["code"] if len(rows) > queries.PER_PAGE else None,
        count=count, waited=queries.days_since(oldest, today), chosen=chosen, units=queries.units_waiting(by), categories=[(code, category.name(str(get_locale()))) for code, category in CATEGORIES.items()],
        open=opened, form=form, before=before, next=next_one, alone=alone, told=told,
    )  # fmt: skip


@bp.get("/review")
@permission("posting.review")
def queue() -> Response:
    """What waits for review in the actor's subtree, longest waiting first; on a wide screen the first row is open."""
    return _page(None, alone=False)


@bp.get("/review/<code>")
@permission("posting.review")
def show(code: str) -> Response:
    """One row open: beside the queue, or on a phone a page of its own."""
    return _page(found(queries.posting_to_review(actor(), code)))


def _next(message: str, next_one: str | None) -> Response:
    """To the next row, or to the queue after the last one."""
    if next_one:
        return see_other("review.show", message, code=next_one, **_chosen().args())
    return see_other("review.queue", message, **_chosen().args())


@bp.post("/review/<code>/approve")
@permission("posting.review")
def approve(code: str) -> Response:
    """Pass one posting, with its text as it stands or (``replace``) as it was amended here."""
    by = actor()
    posting = found(queries.posting_to_review(by, code))
    form = ApproveForm()
    if not form.validate_on_submit():
        return _page(posting, 422, form=form)
    before, next_one = queries.neighbours(by, _chosen(), posting)
    amended = form.public_text.data if "replace" in request.form and form.public_text.data != posting.public_text else None
    try:
        pass_posting(posting, text=amended, seen=form.version.data, by=by)
    except Refused as refused:
        if refused.code == "text_blocked":
            tell(refused, form)
            return _page(posting, 422, form=form)
        return _page(posting, 409, told=sentence(refused.code, refused.params))
    told = _("%(code)s 已换成新文字并通过，已放进认领大厅。", code=code) if amended is not None else _("%(code)s 已通过，已放进认领大厅。", code=code)
    return _next(told, next_one or before)


@bp.route("/review/<code>/return", methods=["GET", "POST"])
@permission("posting.review")
def send_back(code: str) -> Any:
    """Return a posting with a reason: one in the queue, or one in the hall that nobody has claimed."""
    by = actor()
    posting = found(queries.posting_to_review(by, code))
    was_open = posting.state == "open"
    form = ReturnForm()
    form.offer(was_open)
    if not form.validate_on_submit():
        return page("wishes/review_return.html", 422 if form.is_submitted() else 200, form=form, posting=posting, chosen=_chosen())
    before, next_one = queries.neighbours(by, _chosen(), posting)
    try:
        return_posting(posting, form.reason.data, form.note.data or "", by=by)
    except Refused as refused:
        return _page(posting, 409, told=sentence(refused.code, refused.params))
    told = _("%(code)s 已退回，报送单位会看到原因。", code=code)
    return see_other("review.show", told, code=code) if was_open else _next(told, next_one or before)


@bp.post("/review/approve")
@permission("posting.review")
def approve_many() -> Response:
    """Pass the ticked rows that are clean today; the others stay and are named with the reason."""
    codes = list(dict.fromkeys(request.form.getlist("code")))[: queries.PER_PAGE]
    if not codes:
        return see_other("review.queue", _("请先勾选要通过的心愿。"), "warn", **_chosen().args())
    left = [reason for code in codes if (reason := _pass_clean(code))]
    done = _("已通过 %(n)s 个，都放进了认领大厅。", n=len(codes) - len(left))
    if left:
        done += _("有 %(n)s 个没有通过：%(reasons)s。", n=len(left), reasons="；".join(left))
    return see_other("review.queue", done, "warn" if left else "ok", **_chosen().args())


def _pass_clean(code: str) -> str:
    """Pass one row if it is clean; else why not, in words that begin with its code."""
    by = actor()
    posting = queries.posting_to_review(by, code)
    if posting is None:
        return _("%(code)s 不在您的审核范围", code=code[:16])
    if posting.state == "submitted" and automatic_checks(posting, _today()):
        return _("%(code)s 自动检查有提醒，请打开看一眼再决定", code=code)
    try:
        pass_posting(posting, by=by)
    except Refused as refused:
        return _("%(code)s %(reason)s", code=code, reason=sentence(refused.code, refused.params).rstrip("。"))
    return ""
