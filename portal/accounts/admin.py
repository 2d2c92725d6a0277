"""Administration: the tree of units, people and roles. Everything ends at the administrator's own subtree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for

from portal.accounts import admin_operations as operations
from portal.accounts import admin_queries as queries
from portal.accounts.admin_forms import AccountForm, ContactForm, NewAccountForm, NewUnitForm, ParentForm, UnitForm
from portal.accounts.models import ROLES, Account, UnionUnit
from portal.database import utcnow
from portal.refusal import Refused
from portal.web import actor, found, page, permission, see_other, tell, whole_number
from portal.wording import _, label

bp = Blueprint("admin", __name__, url_prefix="/admin")


# -- units --------------------------------------------------------------------------------------------------------------------------


def _unit(code: str) -> UnionUnit:
    return found(queries.unit_for_admin(actor(), code))  # type: ignore[no-any-return]


def _unit_facts(form: UnitForm) -> operations.UnitFacts:
    names = ("name", "short_name", "level", "town", "station", "station_address", "station_phone")
    return operations.UnitFacts(**{name: form[name].data or "" for name in names})


@bp.get("/units")
@permission("unit.manage")
def units() -> Response:
    """The tree of units."""
    return page("admin/units.html", branches=queries.tree(actor()))


@bp.route("/units/new", methods=["GET", "POST"])
@permission("unit.manage")
def new_unit() -> Any:
    """A new unit under one of the subtree."""
    form = NewUnitForm(queries.units(actor(), active_only=True), parent=request.args.get("parent"), level="street")
    if form.validate_on_submit():
        try:
            operations.create_unit(_unit_facts(form), _unit(form.parent.data), by=actor())
            return see_other("admin.units", _("单位已建好。"))
        except Refused as refused:
            tell(refused, form)
    return page("admin/unit_new.html", 422 if form.is_submitted() else 200, form=form)


@bp.route("/units/<code>", methods=["GET", "POST"])
@permission("unit.manage")
def unit(code: str) -> Any:
    """One unit: its names and its station; what can be done with it."""
    row = _unit(code)
    form = UnitForm(obj=row)
    if form.validate_on_submit():
        operations.change_unit(row, _unit_facts(form), by=actor())
        return see_other("admin.units", _("单位资料已保存。"))
    return page("admin/unit.html", 422 if form.is_submitted() else 200, form=form, unit=row, own=row.id == actor().unit_id)


@bp.route("/units/<code>/move", methods=["GET", "POST"])
@permission("unit.manage")
def move_unit(code: str) -> Any:
    """Put a unit under another parent."""
    row = _unit(code)
    form = ParentForm([other for other in queries.units(actor(), active_only=True) if other.id not in (row.id, row.parent_id)])
    if form.validate_on_submit():
        try:
            operations.move_unit(row, _unit(form.parent.data), by=actor())
            return see_other("admin.units", _("单位已移到新的上级。"))
        except Refused as refused:
            tell(refused, form)
    return page("admin/unit_move.html", 422 if form.is_submitted() else 200, form=form, unit=row)


@bp.post("/units/<code>/retire")
@permission("unit.manage")
def retire_unit(code: str) -> Any:
    """Take an empty unit out of use."""
    operations.retire_unit(_unit(code), by=actor())
    return see_other("admin.units", _("单位已停用。"))


@bp.post("/units/<code>/reopen")
@permission("unit.manage")
def reopen_unit(code: str) -> Any:
    """Take a retired unit into use again."""
    operations.reopen_unit(_unit(code), by=actor())
    return see_other("admin.units", _("单位已恢复。"))


# -- accounts -----------------------------------------------------------------------------------------------------------------------


def _account(code: str) -> Account:
    return found(queries.account_for_admin(actor(), code))  # type: ignore[no-any-return]


@bp.get("/accounts")
@permission("account.manage")
def accounts() -> Response:
    """People and their roles."""
    wanted = queries.Wanted(**{name: request.args.get(name, "").strip() for name in ("q", "role", "unit", "state")})
    number = whole_number("page")
    rows, total = queries.accounts(actor(), wanted, number)

    def url(other: int) -> str:
        return url_for("admin.accounts", page=other, **{name: value for name, value in vars(wanted).items() if value})

    return page(
        "admin/accounts.html", rows=rows, total=total, wanted=wanted, number=number, pages=-(-total // queries.PER_PAGE), url=url,
        firms=queries.enterprise_names(rows), units=[(unit.code, unit.short_name) for unit in queries.units(actor())],
        roles=[(role, label("role", role)) for role in ROLES],
    )  # fmt: skip


@bp.route("/accounts/new", methods=["GET", "POST"])
@permission("account.manage")
def new_account() -> Any:
    """A new account; its one-time password is on the page that follows, once."""
    form = NewAccountForm(queries.units(actor(), active_only=True), unit=request.args.get("unit"))
    if form.validate_on_submit():
        facts = operations.AccountFacts(form.name.data or "", frozenset(form.roles.data or ()), _unit(form.unit.data))
        try:
            row, password = operations.create_account(form.username.data or "", facts, by=actor())
            return page("admin/one_time.html", account=row, password=password)
        except Refused as refused:
            tell(refused, form)
    return page("admin/account_new.html", 422 if form.is_submitted() else 200, form=form)


def _change(row: Account, form: AccountForm | ContactForm) -> None:
    if isinstance(form, AccountForm):
        facts = operations.AccountFacts(form.name.data or "", frozenset(form.roles.data or ()), _unit(form.unit.data))
    else:
        facts = operations.AccountFacts(form.name.data or "", row.roles)
    operations.change_account(row, facts, by=actor())


@bp.route("/accounts/<code>", methods=["GET", "POST"])
@permission("account.manage")
def account(code: str) -> Any:
    """One account: name, unit and roles; what can be done with it."""
    row = _account(code)
    form: AccountForm | ContactForm
    if row.enterprise_id is None:
        units = [unit for unit in queries.units(actor()) if unit.active or unit.id == row.unit_id]
        form = AccountForm(units, obj=row, unit=row.unit.code if row.unit else None, roles=sorted(row.roles))
    else:
        form = ContactForm(obj=row)
    if form.validate_on_submit():
        try:
            _change(row, form)
            return see_other("admin.account", _("已保存。单位或角色变了的话，本人要重新登录。"), code=code)
        except Refused as refused:
            tell(refused, form)
    chosen = current_app.config["PORTAL"]
    live = queries.live_sessions(row, utcnow(), timedelta(minutes=chosen.IDLE_MINUTES), timedelta(hours=chosen.SESSION_HOURS))
    firm = queries.enterprise_names([row]).get(row.enterprise_id or 0)
    return page("admin/account.html", 422 if form.is_submitted() else 200, form=form, account=row, live=live, firm=firm)


def _act(code: str, operation: Callable[..., Any], message: str) -> Any:
    operation(_account(code), by=actor())
    return see_other("admin.account", message, code=code)


@bp.post("/accounts/<code>/deactivate")
@permission("account.manage")
def deactivate(code: str) -> Any:
    """Close an account at once."""
    return _act(code, operations.deactivate, _("账号已停用，所有登录已退出。"))


@bp.post("/accounts/<code>/reactivate")
@permission("account.manage")
def reactivate(code: str) -> Any:
    """Open a closed account again."""
    return _act(code, operations.reactivate, _("账号已恢复。"))


@bp.post("/accounts/<code>/sessions/end")
@permission("account.manage")
def end_sessions(code: str) -> Any:
    """Sign an account out everywhere."""
    return _act(code, operations.end_sessions, _("所有登录已退出。"))


@bp.post("/accounts/<code>/password")
@permission("account.manage")
def reset_password(code: str) -> Any:
    """A new one-time password, shown once: kept in no cookie and in no address, so the page is the answer itself."""
    row = _account(code)
    return page("admin/one_time.html", account=row, password=operations.reset_password(row, by=actor()))
