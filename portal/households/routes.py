"""The files of hardship households on the web: list, find, open, read, change, consents, and a look that leaves a trace."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, redirect, request, url_for

from portal.households import operations, queries
from portal.households.forms import AmendForm, ConsentForm, FileForm, FindForm, MemberForm, RevealForm, today
from portal.households.models import Household
from portal.households.operations import Facts
from portal.refusal import Refused
from portal.web import actor, found, may, page, permission, see_other, tell
from portal.wording import _, label

bp = Blueprint("households", __name__, url_prefix="/households")


@bp.get("")
@permission("household.read")
def list_all() -> Response:
    """The files of the actor's subtree, newest first."""
    return _list(FindForm())


def _list(form: FindForm, status: int = 200) -> Response:
    by, args = actor(), request.args
    chosen = queries.Filter(args.get("state", ""), args.get("town", ""), args.get("hardship", ""))
    found_page = queries.list_page(by, chosen, args.get("after", ""), args.get("before", ""))
    kept = {name: value for name, value in vars(chosen).items() if value}
    return page(
        "households/list.html", status, form=form, can_write=may("household.write"), chosen=chosen, filtered=bool(kept), towns=queries.towns(by),
        rows=[queries.row_for(row, by) for row in found_page.rows],
        newer=url_for(".list_all", before=found_page.newer, **kept) if found_page.newer else None,
        older=url_for(".list_all", after=found_page.older, **kept) if found_page.older else None,
    )  # fmt: skip


@bp.post("/find")
@permission("household.read")
def find() -> Any:
    """One file by its code or whole ID number: by POST, so that no address, log or history keeps the number."""
    form = FindForm()
    if not form.validate_on_submit():
        return _list(form, 422)
    typed = (form.q.data or "").upper()
    row = queries.household_for(actor(), typed) or queries.by_id_no(actor(), typed)
    if row is None:
        form.q.errors = [_("没有找到这份档案。可能号码写错了，或它不在本单位。")]
        return _list(form, 422)
    return redirect(url_for(".show", code=row.code), 303)


@bp.route("/new", methods=["GET", "POST"])
@permission("household.write")
def new() -> Any:
    """Open a file."""
    form = FileForm(towns=queries.towns_to_file_in(actor()))
    if request.form.get("step") == "row":
        form.members.append_entry()
        return page("households/new.html", form=form)
    if not form.validate_on_submit():
        return page("households/new.html", 422 if form.is_submitted() else 200, form=form)
    try:
        row = operations.open_file(form.facts(), form.relatives(), by=actor())
    except Refused as refused:
        tell(refused, form)
        return page("households/new.html", 422, form=form, existing=queries.by_id_no(actor(), form.id_no.data or ""))
    return see_other(".show", _("已建档，编号 %(code)s。", code=row.code), code=row.code)


@bp.get("/<code>")
@permission("household.read")
def show(code: str) -> Response:
    """One file as the actor may see it."""
    return _show(found(queries.household_for(actor(), code)))


def _show(row: Household, status: int = 200, **forms: Any) -> Response:
    consents = {purpose: queries.current_consent(row, purpose) for purpose in operations.CONSENTS}
    given = [part for read in current_app.extensions.get("household_help", []) for part in read(row)]
    file = queries.file_for(row, actor(), today())
    plain: dict[str, Any] = {"consent_form": ConsentForm(), "member_form": MemberForm(), "reveal_form": RevealForm(file)}
    return page(
        "households/show.html", status, file=file, consents=consents, given=given,
        past_consents=[consent for consent in row.consents if consent.withdrawn_at], late=_late(row),
        can_write=file["own"] and may("household.write"), can_reveal=may("household.reveal"), **(plain | forms),
    )  # fmt: skip


def _late(row: Household) -> bool:
    return row.state == "emergency" and row.emergency_due is not None and row.emergency_due < today()


def _facts(row: Household) -> Facts:
    """What the file says now, in the shape that is written; sealed fields that are empty become empty texts."""
    values: dict[str, Any] = {name: getattr(row, name) for name in Facts.__dataclass_fields__}
    return Facts(**(values | {name: values[name] or "" for name in operations.PERSONAL}))


@bp.route("/<code>/edit", methods=["GET", "POST"])
@permission("household.write")
def edit(code: str) -> Any:
    """Change a file. ID number, phone, address and card are not shown: left empty they stay as they are."""
    row = found(queries.household_of(actor(), code))
    kept = _facts(row)
    shown = {name: value for name, value in vars(kept).items() if name not in ("id_no", "phone", "address", "bank_card")}
    form = AmendForm(towns=queries.towns_to_file_in(actor()), kept=kept, data=shown)
    masked = queries.file_for(row, actor(), today())
    if not form.validate_on_submit():
        return page("households/edit.html", 422 if form.is_submitted() else 200, form=form, file=masked)
    facts = form.facts()
    if form.drop_card.data:
        facts = Facts(**(vars(facts) | {"bank_card": ""}))
    try:
        changed = operations.amend_file(row, facts, by=actor())
    except Refused as refused:
        tell(refused, form)
        return page("households/edit.html", 422, form=form, file=masked)
    return see_other(".show", _("已保存。") if changed else _("没有改动。"), code=code)


@bp.post("/<code>/members")
@permission("household.write")
def add_member(code: str) -> Any:
    """Add a member of the family."""
    row = found(queries.household_of(actor(), code))
    form = MemberForm()
    if not form.validate_on_submit():
        return _show(row, 422, member_form=form, form=form)
    try:
        operations.add_member(row, form.relative(), by=actor())
    except Refused as refused:
        tell(refused, form)
        return _show(row, 422, member_form=form, form=form)
    return see_other(".show", _("家庭成员已加上。"), code=code)


@bp.post("/<code>/members/<member>/remove")
@permission("household.write")
def remove_member(code: str, member: str) -> Any:
    """Take a member out of the file."""
    row = found(queries.household_of(actor(), code))
    operations.remove_member(row, member, by=actor())
    return see_other(".show", _("家庭成员已移出。"), code=code)


@bp.post("/<code>/consents/<purpose>")
@permission("household.write")
def consent(code: str, purpose: str) -> Any:
    """Record a consent."""
    row = found(queries.household_of(actor(), code) if purpose in operations.CONSENTS else None)
    form = ConsentForm()
    if not form.validate_on_submit():
        return _show(row, 422, consent_form=form, form=form)
    operations.give_consent(row, purpose, form.channel.data, by=actor())
    return see_other(".show", _("同意已记录。"), code=code)


@bp.post("/<code>/consents/<purpose>/withdraw")
@permission("household.write")
def withdraw_consent(code: str, purpose: str) -> Any:
    """Record that a consent was taken back."""
    row = found(queries.household_of(actor(), code) if purpose in operations.CONSENTS else None)
    operations.withdraw_consent(row, purpose, by=actor())
    return see_other(".show", _("已记录撤回同意。正在公开的心愿请另外撤回。"), "warn", code=code)


@bp.post("/<code>/reveal")
@permission("household.reveal")
def reveal(code: str) -> Any:
    """Show one masked field once, for one purpose; the look itself is recorded."""
    row = found(queries.household_for(actor(), code))
    form = RevealForm(queries.file_for(row, actor(), today()))
    if not form.validate_on_submit():
        return _show(row, 422, reveal_form=form, form=form)
    what, _colon, member = form.what.data.partition(":")
    values = operations.reveal(row, what, form.purpose.data, member, by=actor())
    shown = [(label("revealed", name), value or _("档案里没有")) for name, value in values.items()]
    return page("households/reveal.html", file=queries.row_for(row, actor()), shown=shown, purpose=form.purpose.data)
