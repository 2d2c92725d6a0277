"""The list of a lot on the web: which households get the packs, picked from the files, all at once or little by little."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from flask import Blueprint, Response, request

from portal.households import queries as household_queries
from portal.households.models import Household
from portal.refusal import Refused
from portal.web import actor, found, page, permission, see_other, tell
from portal.wishes import lifecycle, posting_queries
from portal.wishes.forms_posting import PickForm, today
from portal.wishes.models import Posting
from portal.wishes.operations import posting as operations
from portal.wishes.queries import posting_for_staff
from portal.wording import _

bp = Blueprint("recipients", __name__, url_prefix="/<code>/recipients")


def rows(lot: Posting) -> list[dict[str, Any]]:
    """The list of a lot as this person sees it, each with the state of its delivery."""
    return [household_queries.row_for(one, actor()) | {"delivery": state} for one, state in posting_queries.recipients_of(lot)]


def _lot(code: str) -> Posting:
    row = found(posting_for_staff(actor(), code))
    return found(row if row.kind == "pack" else None)  # type: ignore[no-any-return]


def _chosen() -> household_queries.Filter:
    return household_queries.Filter(*(request.values.get(name, "") for name in ("state", "town", "hardship")))


@bp.get("")
@permission("posting.write")
def show(code: str) -> Response:
    """Who is on the list, and the files to pick from."""
    return _page(_lot(code), PickForm())


def _page(lot: Posting, form: PickForm, status: int = 200) -> Response:
    chosen = _chosen()
    there = posting_queries.candidates(lot, actor(), chosen, today())
    return page(
        "wishes/posting/recipients.html", status, form=form, row=lot, named=rows(lot), chosen=chosen, towns=household_queries.towns(actor()),
        files=[household_queries.row_for(row, actor()) for row in there], total=posting_queries.count_fit(lot, actor(), chosen, today()),
        ticked=set(form.household.data or ()), open_for_names=lot.state in lifecycle.find("posting", "name").sources,
    )  # fmt: skip


@bp.post("")
@permission("posting.write")
def add(code: str) -> Any:
    """Put files on the list: the ticked ones, all that the filter finds, or a pasted list of codes."""
    lot = _lot(code)
    form = PickForm()
    if not form.validate_on_submit():
        return _page(lot, form, 422)
    wanted = _wanted(lot, form)
    if form.errors:
        return _page(lot, form, 422)
    try:
        new = operations.name_recipients(lot, wanted, by=actor())
    except Refused as refused:
        if refused.code == "stale_step":
            raise
        tell(refused, form)
        return _page(lot, form, 422)
    kept = {name: value for name, value in vars(_chosen()).items() if value}
    return see_other("postings.recipients.show", _("已选入 %(n)s 户。", n=new), code=code, **kept)


def _wanted(lot: Posting, form: PickForm) -> list[Household]:
    step = request.form.get("step", "ticked")
    if step == "all":
        files = posting_queries.candidates(lot, actor(), _chosen(), today(), None)
    else:
        codes = (
            re.split(r"[\s,，;；、]+", unicodedata.normalize("NFKC", form.pasted.data or "").upper())
            if step == "pasted"
            else form.household.data or []
        )
        files, unknown = posting_queries.by_codes(actor(), [one for one in codes if one])
        if unknown:
            form.pasted.errors = [_("没有找到这些档案：%(codes)s。请核对后再试，其余的还没有选入。", codes="、".join(unknown[:20]))]
    unfit = [one.code for one in files if not operations.fit(one, today())]
    if unfit:
        form.form_errors.append(_("这些档案现在不能帮扶（已退档，或紧急帮扶的手续过了期限）：%(codes)s。", codes="、".join(unfit[:20])))
    if not files and not form.errors:
        form.form_errors.append(_("请先勾选家庭，或粘贴档案编号。"))
    return files


@bp.post("/<household>/remove")
@permission("posting.write")
def remove(code: str, household: str) -> Any:
    """Take a household off the list, as long as its pack is not on the way."""
    lot = _lot(code)
    there = found(posting_queries.named(lot, actor(), household))
    operations.unname_recipient(lot, there, by=actor())
    return see_other("postings.recipients.show", _("已移出名单。"), code=code)
