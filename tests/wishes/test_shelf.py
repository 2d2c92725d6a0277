"""The kept figures and the one writer of a posting: each change alone, each guard, and a recount that agrees."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.database import db, utcnow
from portal.journal import housekeeping
from portal.wishes import shelf
from portal.wishes.models import Posting
from portal.wishes.operations import claiming, clock, covering, delivering
from portal.wishes.operations import posting as posting_operations
from portal.wishes.shelf import FIGURES, Move


def totals() -> dict[str, int]:
    """The sums over all cells that are not 0; the kept ones must be those of a recount."""
    kept = shelf.kept(db.session)
    assert kept == shelf.recount(db.session)
    sums = {name: sum(cell[name] for cell in kept.values()) for name in FIGURES}
    return {name: value for name, value in sums.items() if value}


def test_the_figures_of_a_wish_from_draft_to_reversal(cast):
    wish = cast.wish("submitted", value_fen=28_000)
    assert totals() == {}
    posting_operations.approve(wish, by=cast.zhou)
    there = {"published": 1, "shelf_posts": 1, "shelf_units": 1}
    assert totals() == there
    first = cast.claim(wish)
    assert totals() == {"published": 1, "claimed": 1}
    claiming.release(first, "换", by=cast.zhao)
    assert totals() == there
    row = cast.delivery(wish, state="confirmed")
    done = {"published": 1, "claimed": 1, "fulfilled": 1, "fulfilled_fen": 28_000}
    assert totals() == done
    anew = delivering.reverse(row, "签错人", by=cast.li)
    assert totals() == {"published": 1, "claimed": 1}
    delivering.sign(anew, cast.facts(anew), by=cast.chen)
    delivering.confirm(anew, by=cast.li)
    assert totals() == done


def test_the_figures_of_a_lot_that_several_share_and_the_union_covers(cast):
    lot = cast.lot(10)
    assert totals() == {"published": 10, "shelf_posts": 1, "shelf_units": 10}
    cast.claim(lot, 4)
    assert totals() == {"published": 10, "shelf_posts": 1, "shelf_units": 6, "claimed": 4}
    row = covering.cover(lot, 6, by=cast.li)
    assert totals() == {"published": 10, "claimed": 10, "covered": 6}
    claiming.revoke(row, "另有安排", by=cast.li)
    assert totals() == {"published": 10, "shelf_posts": 1, "shelf_units": 6, "claimed": 4}
    clock.sweep(utcnow() + timedelta(days=25))
    assert totals() == {"published": 10}


def test_a_covered_unit_that_is_fulfilled_is_counted_apart(cast):
    lot = cast.lot(2)
    posting_operations.name_recipients(lot, [cast.household()], by=cast.lin)
    row = covering.cover(lot, 1, by=cast.li)
    delivering.hand_over(row, by=cast.chen)
    delivery = db.session.scalars(select(delivering.Delivery)).one()
    delivering.sign(delivery, cast.facts(delivery), by=cast.chen)
    other = cast.actors["zhou"]
    delivering.confirm(delivery, by=cast.li if lot.reviewed_by == other.id else other)
    assert totals()["covered_fulfilled"] == totals()["covered"] == 1


def test_returned_and_withdrawn_leave_the_shelf_and_stay_published(cast):
    wish, other = cast.wish(), cast.wish()
    posting_operations.send_back(wish, "text", by=cast.li)
    posting_operations.withdraw(other, by=cast.lin)
    assert totals() == {"published": 2}
    posting_operations.submit(wish, by=cast.lin)
    posting_operations.approve(wish, by=cast.zhou)
    assert totals() == {"published": 2, "shelf_posts": 1, "shelf_units": 1}


@pytest.mark.parametrize(
    "change", [{"value_fen": 60_000}, {"category": "service"}, {"mode": "visit"}, {"value_fen": 60_000, "mode": "visit"}], ids=str
)
def test_an_amended_wish_takes_its_figures_to_its_new_cell(cast, change):
    wish = cast.wish()
    posting_operations.send_back(wish, "text", by=cast.li)
    before = set(shelf.kept(db.session))
    posting_operations.amend(wish, cast.draft(**change), by=cast.lin)
    assert totals() == {"published": 1}
    assert before.isdisjoint(shelf.kept(db.session))


def test_a_move_from_another_state_or_against_a_guard_changes_nothing(cast):
    wish = cast.wish()
    version = wish.version
    with housekeeping() as tx:
        assert not shelf.move(tx, wish.id, Move(was="draft", to="submitted"))
        assert not shelf.move(tx, wish.id, Move(was="open", claimed=1), Posting.claimed > 0)
        assert not shelf.move(tx, 999_999, Move(was="open", claimed=1))
    assert totals() == {"published": 1, "shelf_posts": 1, "shelf_units": 1}
    assert db.session.get_one(Posting, wish.id, populate_existing=True).version == version


def test_every_move_is_a_new_version(cast):
    wish = cast.wish()
    before = wish.version
    row = cast.claim(wish)
    claiming.release(row, "换", by=cast.zhao)
    assert db.session.get_one(Posting, wish.id, populate_existing=True).version == before + 2


def test_cells_are_told_apart_by_all_their_parts(cast):
    cast.wish()
    cast.wish(value_fen=60_000)
    cast.wish(mode="visit")
    cast.wish(unit="donghu")
    cast.lot(2)
    assert len(shelf.kept(db.session)) == 5
    totals()
