"""Campaigns on the web: their days and parameters, and which one the hall shows."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from portal.refusal import Refused
from portal.web import actor, found, page, permission, see_other, tell
from portal.wishes import campaign_queries as queries
from portal.wishes.forms_campaigns import CampaignForm
from portal.wishes.models import Campaign
from portal.wishes.operations import campaigns as operations
from portal.wording import _

bp = Blueprint("campaigns", __name__, url_prefix="/admin/campaigns")
NAMES = ("name", "opens_on", "claims_until", "ends_on", "ready_days", "deliver_days", "remind_days", "quota", "ceiling_fen")


def _campaign(code: str) -> Campaign:
    return found(queries.campaign_for_admin(actor(), code))  # type: ignore[no-any-return]


def _facts(form: CampaignForm) -> operations.CampaignFacts:
    return operations.CampaignFacts(**{name: form[name].data for name in NAMES})


@bp.get("")
@permission("campaign.manage")
def list_all() -> Response:
    """The campaigns."""
    return page("admin/campaigns.html", campaigns=queries.all_within(actor()))


@bp.route("/new", methods=["GET", "POST"])
@permission("campaign.manage")
def new() -> Any:
    """A new campaign."""
    form = CampaignForm(ready_days=5, deliver_days=10, remind_days=2, quota=80, ceiling_fen=100_000)
    if form.validate_on_submit():
        try:
            operations.create_campaign(_facts(form), by=actor())
            return see_other("campaigns.list_all", _("活动已建好。设为当前活动以后，认领大厅才会显示它。"))
        except Refused as refused:
            tell(refused, form)
    return page("admin/campaign.html", 422 if form.is_submitted() else 200, form=form, campaign=None)


@bp.route("/<code>", methods=["GET", "POST"])
@permission("campaign.manage")
def edit(code: str) -> Any:
    """One campaign: its days and parameters."""
    row = _campaign(code)
    form = CampaignForm(obj=row)
    if form.validate_on_submit():
        try:
            operations.change_campaign(row, _facts(form), by=actor())
            return see_other("campaigns.list_all", _("活动设置已保存。"))
        except Refused as refused:
            tell(refused, form)
    return page("admin/campaign.html", 422 if form.is_submitted() else 200, form=form, campaign=row)


@bp.post("/<code>/current")
@permission("campaign.manage")
def make_current(code: str) -> Any:
    """The hall shows this one from now on."""
    operations.make_current(_campaign(code), by=actor())
    return see_other("campaigns.list_all", _("已换成当前活动，认领大厅现在显示它。"))
