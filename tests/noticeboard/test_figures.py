"""The definitions of the published numbers, against campaigns that took place and against a recount that shares no code with them."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from portal.database import db
from portal.enterprises.models import Enterprise
from portal.households.models import Household
from portal.noticeboard import figures
from portal.noticeboard.figures import Figures, Period
from portal.wishes import shelf
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Claim, Posting
from portal.wishes.operations import claiming, delivering
from portal.wishes.queries import current_campaign
from tests.noticeboard.rows import CLAIM_OF, FREE_AGAIN, UNPUBLISHED, Rows, statements

CASES = tomllib.loads((Path(__file__).parents[1] / "data" / "campaign_cases.toml").read_text(encoding="utf-8"))
START = datetime(2026, 1, 5, tzinfo=UTC)


def build(cast: Any, case: dict[str, Any]) -> Figures:
    """The figures of a case, in its period."""
    rows = Rows(cast, START)
    for unit in case["unit"]:
        if "parts" in unit:
            rows.lot(unit["quantity"], unit["parts"])
        else:
            values = {name: value for name, value in unit.items() if name != "count"}
            for _ in range(unit["count"]):
                rows.unit(**values)
    campaign = rows.write()
    period = Period(rows.at(case["period"]["from"]), rows.at(case["period"]["to"])) if "period" in case else Period()
    return figures.count(campaign, period).total(case.get("kind", "wish"))


@pytest.mark.parametrize("case", CASES["case"], ids=lambda case: case["name"])
def test_real_campaigns(cast, case):
    found = build(cast, case)
    assert {name: getattr(found, name) for name in case["expect"]} == case["expect"]
    if "rates" in case:
        assert found.rates() == case["rates"]


@pytest.mark.parametrize("case", CASES["inconsistent"], ids=lambda case: case["name"])
def test_what_real_bulletins_print_cannot_come_out(case):
    """The printed numbers break fulfilled ≤ claimed ≤ published, which the next test shows to hold for all rows."""
    printed = case["printed"]
    assert not printed["fulfilled"] <= printed["claimed"] <= printed["published"]


ENDS = (*UNPUBLISHED, "open", "withdrawn", "expired", *CLAIM_OF, *FREE_AGAIN)
UNITS = st.lists(
    st.fixed_dictionaries({
        "end": st.sampled_from(ENDS), "by": st.sampled_from(["enterprise", "rival", "union"]), "on": st.sampled_from([0, 1, 6, 7]),
        "signed_on": st.sampled_from([0, 1, 6, 7]), "category": st.sampled_from(["home", "study", "food"]), "town": st.sampled_from(["潞桥街道", "东湖街道"]),
        "value_fen": st.integers(0, 90_000),
    }), max_size=12,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(units=UNITS, bounds=st.sampled_from([(None, None), (0, 7), (1, 6), (0, 1)]), quantities=st.lists(st.integers(1, 6), max_size=3))
def test_cells_add_up_and_a_recount_agrees(cast, units, bounds, quantities):
    for model in (Delivery, Claim, Posting, Household):
        db.session.execute(delete(model))
    rows = Rows(cast, START)
    for unit in units:
        rows.unit(**unit)
    for quantity in quantities:
        rows.lot(quantity + 2, [{"quantity": quantity, "end": "handed_over", "confirmed": quantity - 1}], town="东湖街道")
    start, end = bounds
    found = figures.count(rows.write(), Period(None if start is None else rows.at(start), None if end is None else rows.at(end)))

    inside = lambda at: at is not None and (start is None or at >= rows.at(start)) and (end is None or at < rows.at(end))  # noqa: E731
    published = {row["id"]: row for row in rows.postings if inside(row["published_at"])}
    of = {row["id"]: row for row in rows.postings}
    done = [row for row in rows.deliveries if row["state"] == "confirmed" and inside(row["signed_at"])]
    holding = [row for row in rows.claims if row["state"] in ("active", "ready", "handed_over", "fulfilled") and row["posting_id"] in published]
    for kind in ("wish", "pack"):
        total = found.total(kind)
        assert total.published == sum(row["quantity"] for row in published.values() if row["kind"] == kind)
        assert total.claimed == sum(row["quantity"] for row in holding if row["kind"] == kind)
        assert total.covered == sum(row["quantity"] for row in holding if row["kind"] == kind and row["unit_id"])
        assert total.fulfilled == sum(of[row["posting_id"]]["kind"] == kind for row in done)
        for place in (1, 2):
            assert sum(found.by(place, kind).values(), Figures()) == total
        if bounds == (None, None):
            assert total.fulfilled <= total.claimed <= total.published and total.covered_fulfilled <= total.covered <= total.claimed
            assert total.earlier == 0
    by_town = Counter((of[row["posting_id"]]["kind"], of[row["posting_id"]]["town"]) for row in done)
    assert {(kind, town): cell.fulfilled for kind in ("wish", "pack") for town, cell in found.by(2, kind).items() if cell.fulfilled} == dict(by_town)
    assert found.households == len({row["household_id"] for row in done})
    assert found.enterprises == len({row["enterprise_id"] for row in holding if row["enterprise_id"]})
    assert found.value_fen == sum(of[row["posting_id"]]["value_fen"] for row in done)


def test_rows_after_the_cut_off_do_not_count(cast):
    rows = Rows(cast, START)
    rows.unit("confirmed", on=1, signed_on=2, confirmed_on=4)
    rows.unit("open", on=3)
    campaign = rows.write()
    assert figures.count(campaign, at=rows.at(2.5)).total("wish") == Figures(published=1, claimed=1)
    assert figures.count(campaign, at=rows.at(5)).total("wish") == Figures(published=2, claimed=1, fulfilled=1)


def test_fulfilled_of_an_earlier_period_makes_no_rate(cast):
    rows = Rows(cast, START)
    rows.unit("confirmed", on=-3, signed_on=1)
    rows.unit("open", on=1)
    found = figures.count(rows.write(), Period(rows.at(0), rows.at(7))).total("wish")
    assert (found.published, found.fulfilled, found.earlier) == (1, 1, 1)
    assert found.rates() == {"claim": "0.0", "fulfil": "", "keep": ""}


def test_households_are_counted_once(cast):
    home = cast.household()
    for _ in range(2):
        cast.delivery(cast.wish(household=home), state="confirmed")
    found = figures.count(cast.campaign)
    assert (found.total("wish").fulfilled, found.households, found.enterprises, found.value_fen) == (2, 1, 1, 56_000)


def test_reversal_takes_it_back(cast):
    delivery = cast.delivery(state="confirmed")
    assert figures.count(cast.campaign).total("wish").fulfilled == 1
    delivering.reverse(delivery, "签错人", by=cast.li)
    assert figures.count(cast.campaign).total("wish") == Figures(published=1, claimed=1)


def test_another_campaign_does_not_count(cast):
    cast.delivery(state="confirmed")
    other = cast.campaign
    twin = type(other)(
        code="HD-TWIN", name="另一个活动", unit_id=other.unit_id, opens_on=other.opens_on, claims_until=other.claims_until, ends_on=other.ends_on, current=False
    )  # fmt: skip
    db.session.add(twin)
    db.session.commit()
    found = figures.count(twin)
    assert (found.cells, found.enterprises, found.households, found.value_fen) == ({}, 0, 0, 0)
    assert figures.honours(twin) == [] and figures.live(twin.id) == {"wish": Figures(), "pack": Figures()}


def test_honours_in_order_of_first_claim_and_only_of_what_is_fulfilled(cast):
    first, second, third = cast.wish(), cast.wish(), cast.wish()
    cast.claim(first, by="sun")  # only claimed: no place on the wall for this
    claiming.release(claiming.claim(third, 1, by=cast.zhao), "", by=cast.zhao)
    cast.delivery(second, state="confirmed")
    assert [(one.name, one.wishes, one.packs) for one in figures.honours(cast.campaign)] == [("禾丰食品", 1, 0)]
    claim = db.session.scalars(db.select(Claim).where(Claim.posting_id == first.id)).one()
    delivering.hand_over(claim, by=cast.chen)
    delivery = db.session.scalars(db.select(Delivery).where(Delivery.claim_id == claim.id)).one()
    delivering.sign(delivery, cast.facts(delivery), by=cast.chen)
    delivering.confirm(delivery, by=cast.li)
    assert [one.name for one in figures.honours(cast.campaign)] == ["远景机电", "禾丰食品"]


def test_the_demo_campaign_kept_counted_and_recounted(demo_app):
    with demo_app.app_context():
        campaign = current_campaign()
        counted, live = figures.count(campaign), figures.live(campaign.id)
        for kind in ("wish", "pack"):
            assert counted.total(kind) == live[kind]
            again = [cell for key, cell in shelf.recount(db.session).items() if key[1] == kind]
            for name in ("published", "claimed", "fulfilled", "covered", "covered_fulfilled"):
                assert getattr(live[kind], name) == sum(cell[name] for cell in again)
            assert live[kind].published > live[kind].claimed > live[kind].fulfilled > 0
        wall = figures.honours(campaign)
        ours = live["wish"].fulfilled - live["wish"].covered_fulfilled + live["pack"].fulfilled - live["pack"].covered_fulfilled
        assert sum(one.wishes + one.packs for one in wall) == ours
        assert {one.public for one in wall} <= {True, False} and all(one.wishes + one.packs for one in wall)
        assert db.session.scalar(db.select(Enterprise.public_name).where(Enterprise.code == wall[0].code)) == wall[0].public
        found = figures.as_json(campaign)
        assert json.loads(json.dumps(found)) == found
        assert sum(cell["fulfilled"] for cell in found["wish"]["by_category"].values()) == found["wish"]["fulfilled"] == live["wish"].fulfilled


def test_the_work_does_not_grow_with_the_rows(cast):
    rows = Rows(cast, START)
    for _ in range(30):
        rows.unit("confirmed")
    campaign = rows.write()
    campaign_id = campaign.id
    with statements() as seen:
        figures.live(campaign_id)
    assert len(seen) == 1
    with statements() as seen:
        figures.count(campaign)
    assert len(seen) == 5
