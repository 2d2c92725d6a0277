"""Campaigns: made and changed with one event each, days in order, one current; an administrator stays in the own subtree."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from portal.database import db
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes.models import Campaign
from portal.wishes.operations import campaigns as operations
from portal.wishes.operations.campaigns import CampaignFacts
from portal.wishes.queries import current_campaign
from tests.accounts.test_units import events, local_admin, refused
from tests.reader import Reader

DAYS = {"opens_on": date(2027, 4, 1), "claims_until": date(2027, 5, 1), "ends_on": date(2027, 5, 20)}


def facts(**values: object) -> CampaignFacts:
    return CampaignFacts(**({"name": "2027 年五一慰问"} | DAYS | values))


def now_is(row: Campaign, **values: object) -> CampaignFacts:
    names = ("name", "opens_on", "claims_until", "ends_on", "ready_days", "deliver_days", "remind_days", "quota", "ceiling_fen")
    return CampaignFacts(**({name: getattr(row, name) for name in names} | values))


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"claims_until": date(2027, 3, 31)}, "campaign_days"), ({"ends_on": date(2027, 4, 30)}, "campaign_days"),
        ({"ready_days": 11}, "campaign_clock"), ({"remind_days": 5}, "campaign_clock"),
    ],
)  # fmt: skip
def test_days_in_order(values, code):
    with pytest.raises(Refused) as caught:
        facts(**values)
    assert caught.value.code == code


def test_one_is_current(cast):
    first = cast.campaign
    second = operations.create_campaign(facts(), by=cast.admin)
    assert current_campaign().id == first.id and not second.current
    operations.make_current(second, by=cast.admin)
    assert current_campaign().id == second.id and not db.session.get(Campaign, first.id).current
    assert refused(operations.make_current, second, by=cast.admin) == "campaign_current"
    assert events() == ["campaign.create", "campaign.make_current"]


def test_a_lower_union_does_not_replace_the_campaign_above(cast):
    ma = local_admin(cast, "luqiao")
    own = operations.create_campaign(facts(), by=ma)
    assert refused(operations.make_current, own, by=ma) == "campaign_above"
    assert current_campaign().id == cast.campaign_id


def test_changes_are_for_the_claims_to_come(cast):
    before = cast.claim(cast.wish())
    days = (before.ready_by, before.deliver_by)
    operations.change_campaign(cast.campaign, now_is(cast.campaign, ready_days=3, deliver_days=4, quota=90), by=cast.admin)
    after = cast.claim(cast.wish())
    assert (before.ready_by, before.deliver_by) == days
    assert (after.ready_by, after.deliver_by) == (cast.today + timedelta(days=3), cast.today + timedelta(days=4))
    event = db.session.scalars(select(Event).where(Event.action == "campaign.change")).one()
    assert event.changes == {"was": {"ready_days": 5, "deliver_days": 10, "quota": 80}, "now": {"ready_days": 3, "deliver_days": 4, "quota": 90}}


def test_a_campaign_does_not_end_before_its_wishes(cast):
    wish = cast.wish()
    shorter = {"claims_until": wish.latest_day - timedelta(days=1), "ends_on": wish.latest_day - timedelta(days=1)}
    assert refused(operations.change_campaign, cast.campaign, now_is(cast.campaign, **shorter), by=cast.admin) == "campaign_live"
    operations.change_campaign(cast.campaign, now_is(cast.campaign, claims_until=wish.latest_day, ends_on=wish.latest_day), by=cast.admin)


def test_pages(cast, app):
    reader = Reader(app)
    reader.sign_in("admin")
    page = reader.get("/admin/campaigns").follow("新建活动")
    typed = {"name": "2027 年五一慰问", "opens_on": "2027-04-01", "claims_until": "2027-05-01", "ends_on": "2027-05-20"}
    again = page.submit("保存", 422, **(typed | {"ends_on": "2027-04-02"}))
    assert "日期要按先后" in again.text and dict(again.button("保存").form.values)["name"] == typed["name"]
    assert "提前提醒天数请写 0 到 30 的整数" in again.submit("保存", 422, remind_days="x").text
    page = again.submit("保存", ceiling_fen="800.50", **typed)
    row = db.session.scalars(select(Campaign).where(Campaign.name == typed["name"])).one()
    assert (row.ceiling_fen, row.current, row.unit_id) == (80_050, False, cast.units["city"].id)
    page = reader.get("/admin/campaigns").submit("把2027 年五一慰问设为当前活动")
    assert "已换成当前活动" in page.text
    page = reader.get(f"/admin/campaigns/{row.code}")
    assert dict(page.button("保存").form.values)["ceiling_fen"] == "800.5"
    page.submit("保存", quota="90")
    assert db.session.get(Campaign, row.id).quota == 90
    assert events()[1:] == ["campaign.create", "campaign.make_current", "campaign.change"]


def test_another_subtree_is_not_there(cast, app):
    local_admin(cast, "luqiao")
    reader = Reader(app)
    reader.sign_in("ma")
    assert "还没有活动" in reader.get("/admin/campaigns").text
    code = cast.campaign.code
    reader.get(f"/admin/campaigns/{code}", 404)
    reader.post(f"/admin/campaigns/{code}", 404, name="x")
    reader.post(f"/admin/campaigns/{code}/current", 404)
