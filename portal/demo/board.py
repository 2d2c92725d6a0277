"""The demo's public board: one issue published as the campaign runs, and the next as a draft of today."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.database import db
from portal.demo.acts import Stage
from portal.journal import Actor
from portal.noticeboard import operations
from portal.noticeboard.models import Publication
from portal.noticeboard.operations import Plan
from portal.wishes.models import Campaign

PUBLISHED = -5
"""The day of the issue, relative to today."""


def put_board(stage: Stage) -> None:
    """Put on the agenda: li drafts an issue of the days so far, zhou publishes it, and li begins the next."""
    strand = stage.agenda.strand()
    strand.at(PUBLISHED, 17, _publish, stage)
    strand.at(0, 8, _draft, stage)


def _publish(stage: Stage, now: datetime) -> None:
    li, zhou = (stage.cast.actors[name] for name in ("li", "zhou"))
    row = _begin(stage, PUBLISHED - 1, li, now)
    operations.submit(row, by=li, now=now + timedelta(minutes=1))
    operations.publish(row, by=zhou, now=now + timedelta(minutes=2))


def _draft(stage: Stage, now: datetime) -> None:
    _begin(stage, -1, stage.cast.actors["li"], now)


def _begin(stage: Stage, last: int, by: Actor, now: datetime) -> Publication:
    campaign = db.session.get_one(Campaign, stage.campaign_id)
    title = f"{campaign.name}微心愿与年货礼包认领情况公示"
    return operations.draft(campaign, Plan(title, campaign.opens_on, stage.agenda.day(last)), by=by, now=now)
