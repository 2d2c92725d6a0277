"""Enterprises on the web: they register and keep their profile; staff vet them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from portal.accounts.admin_queries import towns
from portal.accounts.operations import admit
from portal.accounts.routes import throttle
from portal.codes import mask_phone
from portal.enterprises import operations, queries
from portal.enterprises.forms import ProfileForm, QuotaForm, ReasonForm, RegisterForm, RevealForm
from portal.enterprises.models import STATES, Enterprise
from portal.journal import Actor
from portal.policy import PERMISSIONS
from portal.refusal import Refused
from portal.web import actor, found, may, page, permission, see_other, tell, whole_number
from portal.wording import _, label

bp = Blueprint("enterprises", __name__)


def counts(by: Actor) -> dict[str, int]:
    """The to-do count of those who vet: enterprises that wait."""
    return {"enterprises": queries.pending(by)} if by.roles & PERMISSIONS["enterprise.vet"] else {}


# -- the enterprise itself ----------------------------------------------------------------------------------------------------------


@bp.route("/register", methods=["GET", "POST"])
@permission("site.use")
def register() -> Any:
    """An enterprise registers itself; it is signed in by its own password afterwards, not by this form."""
    form = RegisterForm(towns())
    if not form.validate_on_submit():
        return page("enterprises/register.html", 422 if form.is_submitted() else 200, form=form)
    names = ("credit_code", "name", "short_name", "town", "contact_name", "contact_phone", "public_name")
    try:
        admit("register", request.remote_addr or "", throttle())
        operations.register(operations.Registration(**{name: form[name].data for name in names}), form.username.data or "", form.password.data or "")
    except Refused as refused:
        tell(refused, form)
        return page("enterprises/register.html", 429 if refused.code == "too_many" else 422, form=form)
    return see_other("enterprises.registered")


@bp.get("/register/done")
@permission("site.use")
def registered() -> Response:
    """What happens next."""
    return page("enterprises/registered.html")


@bp.route("/company", methods=["GET", "POST"])
@permission("enterprise.own")
def company() -> Any:
    """The enterprise's own profile: its standing, its contact, its consent."""
    row: Enterprise = found(queries.own(actor()))
    form = ProfileForm(obj=row)
    if form.validate_on_submit():
        operations.change_profile(row, form.contact_name.data or "", form.contact_phone.data or "", bool(form.public_name.data), by=actor())
        return see_other("enterprises.company", _("企业资料已保存。"))
    return page("enterprises/company.html", 422 if form.is_submitted() else 200, form=form, firm=row)


# -- staff --------------------------------------------------------------------------------------------------------------------------


@bp.get("/enterprises")
@permission("enterprise.read")
def list_all() -> Response:
    """The enterprises of the actor's subtree."""
    wanted = queries.Wanted(**{name: request.args.get(name, "").strip() for name in ("state", "q", "town")})
    number = whole_number("page")
    rows, total = queries.list_page(actor(), wanted, number)
    kept = {name: value for name, value in vars(wanted).items() if value}

    def url(other: int) -> str:
        return url_for("enterprises.list_all", page=other, **kept)

    return page(
        "enterprises/list.html", rows=rows, total=total, wanted=wanted, number=number, pages=-(-total // queries.PER_PAGE), url=url,
        tabs_by_state=queries.by_state(actor()), states=[(state, label("enterprise", state)) for state in STATES], towns=[(town, town) for town in towns()],
    )  # fmt: skip


def _row(code: str) -> Enterprise:
    return found(queries.for_staff(actor(), code))  # type: ignore[no-any-return]


def _show(row: Enterprise, status: int = 200, **forms: Any) -> Response:
    """The page of one enterprise; ``phone`` is the whole number right after somebody asked for it, else masked."""
    shown = {
        "phone": mask_phone(row.contact_phone or ""),
        "reveal": RevealForm(formdata=None),
        "quota_form": QuotaForm(formdata=None, quota=row.quota),
    }
    vet = may("enterprise.vet")
    return page("enterprises/show.html", status, firm=row, claims=queries.claims_summary(row), can_vet=vet, **(shown | forms))


@bp.get("/enterprises/<code>")
@permission("enterprise.read")
def show(code: str) -> Response:
    """One enterprise: facts, standing, what became of its claims."""
    return _show(_row(code))


@bp.post("/enterprises/<code>/contact")
@permission("enterprise.vet")
def contact(code: str) -> Any:
    """The contact's whole phone number, for a purpose, once: the answer is the page itself."""
    row, form = _row(code), RevealForm()
    if not form.validate_on_submit():
        return _show(row, 422, reveal=form, form=form)
    return _show(row, phone=operations.reveal_phone(row, form.purpose.data, by=actor()), revealed=True)


@bp.post("/enterprises/<code>/approve")
@permission("enterprise.vet")
def approve(code: str) -> Any:
    """The enterprise may claim from now on."""
    operations.decide(_row(code), "approve", by=actor())
    return see_other("enterprises.show", _("已通过，这家企业现在可以认领了。"), code=code)


@bp.post("/enterprises/<code>/reinstate")
@permission("enterprise.vet")
def reinstate(code: str) -> Any:
    """A suspended enterprise may claim again."""
    operations.decide(_row(code), "reinstate", by=actor())
    return see_other("enterprises.show", _("已恢复，这家企业又可以认领了。"), code=code)


def _with_reason(code: str, step: str, message: str) -> Any:
    row, form = _row(code), ReasonForm()
    if form.validate_on_submit():
        operations.decide(row, step, form.reason.data or "", by=actor())
        return see_other("enterprises.show", message, code=code)
    return page(f"enterprises/{step}.html", 422 if form.is_submitted() else 200, form=form, firm=row, claims=queries.claims_summary(row))


@bp.route("/enterprises/<code>/refuse", methods=["GET", "POST"])
@permission("enterprise.vet")
def refuse(code: str) -> Any:
    """The enterprise is not let in, and reads why."""
    return _with_reason(code, "refuse", _("已记为未通过，企业会看到原因。"))


@bp.route("/enterprises/<code>/suspend", methods=["GET", "POST"])
@permission("enterprise.vet")
def suspend(code: str) -> Any:
    """No new claims; those under way go on."""
    return _with_reason(code, "suspend", _("已暂停认领，进行中的认领不受影响。"))


@bp.post("/enterprises/<code>/quota")
@permission("enterprise.vet")
def quota(code: str) -> Any:
    """A limit of its own for this enterprise."""
    row, form = _row(code), QuotaForm()
    if not form.validate_on_submit():
        return _show(row, 422, quota_form=form, form=form)
    operations.set_quota(row, form.quota.data, by=actor())
    return see_other("enterprises.show", _("认领上限已保存。"), code=code)
