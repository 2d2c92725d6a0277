"""The posting desk on the web: write wishes and lots of packs, see what they reveal, submit, take back. Recipients: naming.py."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.blueprints import BlueprintSetupState

from portal import shell
from portal.accounts.models import UnionUnit
from portal.households import operations as household_operations
from portal.households import queries as household_queries
from portal.households.models import Household
from portal.refusal import Refused
from portal.web import actor, found, is_part, may, page, permission, see_other, tell
from portal.wishes import lifecycle, naming, posting_preview, posting_queries
from portal.wishes.cards import progress_of
from portal.wishes.forms_posting import PackForm, WishForm, WithdrawForm, today
from portal.wishes.models import Campaign, Posting
from portal.wishes.operations import posting as operations
from portal.wishes.queries import current_campaign, posting_for_staff
from portal.wording import _, label

bp = Blueprint("postings", __name__, url_prefix="/postings")
bp.register_blueprint(naming.bp)
Form = WishForm | PackForm


@bp.record
def _tell_the_files(setup: BlueprintSetupState) -> None:
    """The page of a file shows what the household got; files know nothing of wishes, so they ask whoever left word here."""
    setup.app.extensions.setdefault("household_help", []).append(_help_on_file)


def _help_on_file(household: Household) -> list[dict[str, Any]]:
    rows = posting_queries.help_for(household)
    said = (_("%(code)s　签收 %(sign)s", code=row["code"], sign=row["sign_off"]) if row["sign_off"] else row["code"] for row in rows)
    return [row | {"href": url_for("postings.show", code=row["code"]), "sub": sub} for row, sub in zip(rows, said, strict=True)]


@bp.get("")
@permission("posting.read")
def list_all() -> Response:
    """The postings of the actor's subtree, newest first."""
    args = request.args
    chosen = posting_queries.Filter(args.get("state", ""), args.get("kind", ""))
    rows = posting_queries.list_page(actor(), chosen, args.get("after", ""), args.get("before", ""))
    kept = {name: value for name, value in vars(chosen).items() if value}
    return page(
        "wishes/posting/list.html", rows=rows.rows, chosen=chosen, filtered=bool(kept), states=lifecycle.POSTING_STATES, can_write=may("posting.write"),
        progress=progress_of, newer=url_for(".list_all", before=rows.newer, **kept) if rows.newer else None,
        older=url_for(".list_all", after=rows.older, **kept) if rows.older else None,
    )  # fmt: skip


# -- writing -------------------------------------------------------------------------------------------------------------------------


class Desk:
    """What one form page works on: the campaign, the unit, the household of a wish, and the posting once it is written."""

    def __init__(self, campaign: Campaign, unit: UnionUnit, household: Household | None, posting: Posting | None = None) -> None:
        self.campaign, self.unit, self.household, self.posting = campaign, unit, household, posting
        self.kind = "wish" if household is not None else "pack"

    @property
    def consented(self) -> bool:
        """Whether nothing has to be asked: a lot of packs reveals nobody, a file may have the consent."""
        return self.household is None or household_queries.current_consent(self.household, "publish_wish") is not None

    def report(self, form: Form) -> posting_preview.Report:
        """What the portal says of what stands in the form now."""
        code = self.posting.code if self.posting else ""
        row = posting_preview.unwritten(self.kind, form.draft(), self.campaign, self.household, self.unit, code)
        return posting_preview.report(row, today(), shell.locale())

    def form(self) -> Form:
        """The form with what was sent, or with what is known beforehand."""
        return self._form(self._known() if self.posting is None else self._written())

    def saved(self) -> Form:
        """The form with what is saved, whatever this request sent."""
        return self._form(self._written(), formdata=None)

    def _form(self, data: dict[str, Any], **source: Any) -> Form:
        if self.household is None:
            return PackForm(data=data, **source)
        form = WishForm(data=data, lang=shell.locale(), **source)
        form.household.data = self.household.code
        return form

    def _known(self) -> dict[str, Any]:
        known = {"latest_day": self.campaign.ends_on, "mode": "station", "point": self.unit.station}
        return known | ({"category": posting_queries.usual_category(actor())} if self.household else {})

    def _written(self) -> dict[str, Any]:
        draft = posting_queries.draft_of(found(self.posting))
        return vars(draft) | {"value": draft.value_fen, "contents": [vars(item) for item in draft.items]}

    def page(self, form: Form, status: int = 200) -> Response:
        """The form page with the panel that says what a reader would see."""
        return page(
            f"wishes/posting/{self.kind}.html", status, form=form, desk=self, report=self.report(form),
            name=household_queries.name_for(self.household, actor()) if self.household else "",
        )  # fmt: skip


@bp.route("/new", methods=["GET", "POST"])
@permission("posting.write")
def new() -> Any:
    """A wish of one household: always begun from its file."""
    code = request.form.get("household") or request.args.get("household", "")
    if not code:
        return see_other("households.list_all", _("请先打开一份档案，再发心愿。"), "info")
    household = found(household_queries.household_of(actor(), code))
    campaign = current_campaign()
    if campaign is None:
        return see_other("households.show", _("现在没有进行中的活动，不能发心愿。"), "warn", code=code)
    # The union that posts is the one that takes the goods over and delivers, also for the files of its communities.
    return _write(Desk(campaign, found(posting_queries.own_unit(actor())), household))


@bp.route("/packs/new", methods=["GET", "POST"])
@permission("posting.write")
def new_pack() -> Any:
    """A lot of packs."""
    campaign, unit = current_campaign(), posting_queries.own_unit(actor())
    if campaign is None or unit is None:
        return see_other(".list_all", _("现在没有进行中的活动，不能发礼包。"), "warn")
    return _write(Desk(campaign, unit, None))


@bp.route("/<code>/edit", methods=["GET", "POST"])
@permission("posting.write")
def edit(code: str) -> Any:
    """Change a draft or what was returned."""
    row = found(posting_for_staff(actor(), code))
    lifecycle.require("posting", "amend", row.state)
    return _write(Desk(row.campaign, row.unit, row.household, row))


def _write(desk: Desk) -> Any:
    form = desk.form()
    step = request.form.get("step", "submit")
    if step == "row" and isinstance(form, PackForm):
        form.contents.append_entry()
        return desk.page(form)
    if step == "suggest" and isinstance(form, WishForm):
        form.public_text.process_data(desk.report(form).suggestion)
        return desk.page(form)
    if not form.validate_on_submit() or (step == "submit" and not _ready(desk, form)):
        return desk.page(form, 422 if form.is_submitted() else 200)
    try:
        row = _keep(desk, form)
        if step == "submit":
            _submit(desk, form, row)
    except Refused as refused:
        if refused.code == "stale_step":
            raise
        tell(refused, form)
        return desk.page(form, 422)
    if step == "submit":
        return see_other(".show", _("已提交审核，编号 %(code)s。", code=row.code), code=row.code)
    return see_other(".show", _("草稿已保存，编号 %(code)s。", code=row.code), code=row.code)


def _ready(desk: Desk, form: Form) -> bool:
    """What stands between a well-filled form and its submission: the consent, and words that name somebody."""
    if isinstance(form, WishForm) and not desk.consented and not (form.consent.data and form.channel.data in household_operations.CHANNELS):
        tell(Refused("no_consent", "consent"), form)
    if desk.report(form).blocked:
        tell(Refused("text_blocked", "public_text"), form)
    return not form.errors


def _keep(desk: Desk, form: Form) -> Posting:
    if desk.posting is not None:
        operations.amend(desk.posting, form.draft(), by=actor())
        return desk.posting
    town = desk.household.town if desk.household else desk.unit.town
    desk.posting = operations.create(
        desk.kind, form.draft(), desk.campaign, desk.household, unit_id=desk.unit.id, town=town, by=actor(), idem=form.idem.data
    )
    return desk.posting


def _submit(desk: Desk, form: Form, row: Posting) -> None:
    """Record the consent when it was given just now, and submit; a repeated form finds its wish submitted and is content."""
    if isinstance(form, WishForm) and desk.household is not None and not desk.consented:
        household_operations.give_consent(desk.household, "publish_wish", form.channel.data, by=actor())
    if row.state in lifecycle.find("posting", "submit").sources:
        operations.submit(row, by=actor())


@bp.post("/privacy")
@permission("posting.write")
def privacy() -> Any:
    """While somebody types: what would reveal the household, a neutral proposal, and the card an enterprise would see."""
    code = request.form.get("household", "")
    household = found(household_queries.household_of(actor(), code)) if code else None
    desk = Desk(found(current_campaign()), found(posting_queries.own_unit(actor())), household)
    form = desk.form()
    return page("wishes/posting/_check.html", report=desk.report(form)) if is_part() else desk.page(form)


# -- one posting ---------------------------------------------------------------------------------------------------------------------


@bp.get("/<code>")
@permission("posting.read")
def show(code: str) -> Response:
    """One posting as staff see it: state, checks, what happened, claims, and for a lot its list."""
    row = found(posting_for_staff(actor(), code))
    steps = {step.name for step in lifecycle.steps_from("posting", row.state) if step.permission == "posting.write" and may(step.permission)}
    return page(
        "wishes/posting/show.html", row=row, report=posting_preview.report(row, today(), shell.locale()), steps=steps,
        name=household_queries.name_for(row.household, actor()) if row.household else "", progress=progress_of(row),
        history=posting_queries.history(row), claims=posting_queries.claims_on(row), frozen=row.claimed > 0,
        recipients=naming.rows(row) if row.kind == "pack" else [], district=_district_steps(row),
    )  # fmt: skip


def _district_steps(row: Posting) -> set[str]:
    """What a reviewer may go and do from the page: review it, return it from the hall, cover what nobody claimed."""
    free = row.state == "open" and row.left > 0 and row.latest_day >= today()
    offered = {
        "review": row.state == "submitted" and may("posting.review"),
        "return": row.state == "open" and not row.claimed and may("posting.review") and row.posted_by != actor().id,
        "cover": free and may("claim.cover"),
    }
    return {name for name, offer in offered.items() if offer}


@bp.post("/<code>/submit")
@permission("posting.write")
def submit(code: str) -> Any:
    """Send a draft to review; when it cannot go, its form says why."""
    row = found(posting_for_staff(actor(), code))
    try:
        operations.submit(row, by=actor())
    except Refused as refused:
        if refused.field is None:
            raise
        desk = Desk(row.campaign, row.unit, row.household, row)
        form = desk.saved()
        tell(refused, form)
        return desk.page(form, 422)
    return see_other(".show", _("已提交审核，编号 %(code)s。", code=row.code), code=code)


@bp.route("/<code>/withdraw", methods=["GET", "POST"])
@permission("posting.write")
def withdraw(code: str) -> Any:
    """Take a posting back, after a page that says what that means."""
    row = found(posting_for_staff(actor(), code))
    lifecycle.require("posting", "withdraw", row.state)
    form = WithdrawForm()
    if row.claimed:
        raise Refused("live_claims")
    if not form.validate_on_submit():
        return page("wishes/posting/withdraw.html", 422 if form.is_submitted() else 200, form=form, row=row)
    operations.withdraw(row, form.note.data or "", by=actor())
    return see_other(".show", _("已撤回%(what)s %(code)s。", what=label("kind", row.kind), code=code), code=code)
