"""A campaign big enough for an issue: enough in two categories and two towns, too little in others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time

import pytest

from portal.noticeboard import operations
from portal.noticeboard.models import Publication
from portal.noticeboard.operations import Plan
from portal.wishes.queries import ZONE
from tests.cast import Cast
from tests.noticeboard.rows import Rows


@pytest.fixture
def filled(cast: Cast) -> Cast:
    """Published, claimed, fulfilled by category: home 30/24/12, study 20/15/9, food 6/5/2, skill 2/1/0; packs 60/40/20."""
    start = datetime.combine(cast.campaign.opens_on, time(), ZONE)
    rows = Rows(cast, start)
    for category, town, published, claimed, fulfilled in (
        ("home", "潞桥街道", 30, 24, 12), ("study", "东湖街道", 20, 15, 9), ("food", "东湖街道", 6, 5, 2), ("skill", "潞桥街道", 2, 1, 0),
    ):  # fmt: skip
        for number in range(published):
            end = "confirmed" if number < fulfilled else "active" if number < claimed else "open"
            rows.unit(end, category=category, town=town, by="rival" if number % 3 else "enterprise")
    rows.lot(60, [{"quantity": 30, "end": "handed_over", "confirmed": 20}, {"quantity": 10, "end": "active", "by": "union"}])
    rows.write()
    return cast


def plan(cast: Cast, **values: object) -> Plan:
    """What li would type."""
    return replace(Plan("2027 年元旦春节认领情况公示", cast.campaign.opens_on, cast.today), **values)  # type: ignore[arg-type]


def published(cast: Cast, **values: object) -> Publication:
    """An issue drafted by li and published by zhou."""
    row = operations.draft(cast.campaign, plan(cast, **values), by=cast.li)
    operations.submit(row, by=cast.li)
    operations.publish(row, by=cast.zhou)
    return row


__all__ = ["plan", "published"]
