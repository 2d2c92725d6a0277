"""The one writer of a posting's state and counters, and of the figures kept beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement

from portal.journal import Transaction
from portal.wishes.lifecycle import HOLDING
from portal.wishes.models import Claim, Posting, Tally

CELL = ("campaign_id", "kind", "category", "town", "band", "mode")
FIGURES = ("published", "shelf_posts", "shelf_units", "claimed", "fulfilled", "fulfilled_fen", "covered", "covered_fulfilled")
_RETURNED = (
    Posting.id,
    Posting.state,
    Posting.quantity,
    Posting.claimed,
    Posting.fulfilled,
    Posting.value_fen,
    *(getattr(Posting, name) for name in CELL),
)


@dataclass(frozen=True)
class Move:
    """A change of one posting. ``was`` is the state it must be in, ``to`` the new one (empty: stays); the others are differences in units.

    ``covered`` and ``covered_fulfilled`` are the part of ``claimed`` and ``fulfilled`` that the union covers itself (工会兜底).
    """

    was: str
    to: str = ""
    claimed: int = 0
    fulfilled: int = 0
    covered: int = 0
    covered_fulfilled: int = 0
    publish: bool = False
    values: dict[str, Any] = field(default_factory=dict)


def move(tx: Transaction, posting_id: int, change: Move, *guards: ColumnElement[bool]) -> bool:
    """One conditional UPDATE: the posting changes only if it is still in ``change.was`` and every guard holds. Returns whether it did.

    The kept figures follow in the same transaction, so a recount always agrees.
    """
    values: dict[str, Any] = {"version": Posting.version + 1, **change.values}
    if change.to:
        values["state"] = change.to
    if change.claimed:
        values["claimed"] = Posting.claimed + change.claimed
    if change.fulfilled:
        values["fulfilled"] = Posting.fulfilled + change.fulfilled
    before = _published(tx, posting_id) if change.values.keys() & {*CELL, "quantity"} else None
    statement = update(Posting).where(Posting.id == posting_id, Posting.state == change.was, *guards).values(values).returning(*_RETURNED)
    row = tx.session.execute(statement.execution_options(synchronize_session=False)).one_or_none()
    if row is None:
        return False
    if before is not None:
        _keep(tx, before, {"published": -before.quantity})
        _keep(tx, row, {"published": row.quantity})
    _keep(tx, row, _differences(row, change))
    return True


def _published(tx: Transaction, posting_id: int) -> Row[Any] | None:
    """The row as it was, when its units are in the figures already: a returned posting that is amended moves them to another cell."""
    return tx.session.execute(select(*_RETURNED).where(Posting.id == posting_id, Posting.published_at.is_not(None)).with_for_update()).one_or_none()


def _shelf(state: str, left: int) -> tuple[int, int]:
    return (1, left) if state == "open" and left > 0 else (0, 0)


def _differences(row: Row[Any], change: Move) -> dict[str, int]:
    left = row.quantity - row.claimed
    posts, units = _shelf(row.state, left)
    posts_before, units_before = _shelf(change.was, left + change.claimed)
    return {
        "published": row.quantity if change.publish else 0,
        "shelf_posts": posts - posts_before,
        "shelf_units": units - units_before,
        "claimed": change.claimed,
        "fulfilled": change.fulfilled,
        "fulfilled_fen": change.fulfilled * row.value_fen,
        "covered": change.covered,
        "covered_fulfilled": change.covered_fulfilled,
    }


def _keep(tx: Transaction, row: Row[Any], differences: dict[str, int]) -> None:
    """Add the differences to the posting's cell, making the cell when it is the first."""
    changed = {name: value for name, value in differences.items() if value}
    if not changed:
        return
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Tally).values(**{name: getattr(row, name) for name in CELL}, **dict.fromkeys(FIGURES, 0) | changed)
    tx.session.execute(
        statement.on_conflict_do_update(index_elements=CELL, set_={name: getattr(Tally, name) + value for name, value in changed.items()})
    )


def recount(session: Any) -> dict[tuple[Any, ...], dict[str, int]]:
    """The figures counted anew from the rows, by cell: what the kept ones must equal exactly."""
    cell = [getattr(Posting, name) for name in CELL]
    on_shelf = (Posting.state == "open") & (Posting.claimed < Posting.quantity)
    counts = {
        "published": func.sum(Posting.quantity).filter(Posting.published_at.is_not(None)),
        "shelf_posts": func.count().filter(on_shelf),
        "shelf_units": func.sum(Posting.quantity - Posting.claimed).filter(on_shelf),
        "claimed": func.sum(Posting.claimed),
        "fulfilled": func.sum(Posting.fulfilled),
        "fulfilled_fen": func.sum(Posting.fulfilled * Posting.value_fen),
    }
    found: dict[tuple[Any, ...], dict[str, int]] = {}
    for row in session.execute(select(*cell, *(count.label(name) for name, count in counts.items())).group_by(*cell)):
        found[tuple(row[:6])] = dict.fromkeys(FIGURES, 0) | {name: int(getattr(row, name) or 0) for name in counts}
    covers = (
        select(*cell, func.sum(Claim.quantity).label("covered"), func.sum(Claim.delivered).label("covered_fulfilled"))
        .join(Claim, Claim.posting_id == Posting.id)
        .where(Claim.unit_id.is_not(None), Claim.state.in_(HOLDING))
        .group_by(*cell)
    )
    for row in session.execute(covers):
        found[tuple(row[:6])] |= {"covered": int(row.covered), "covered_fulfilled": int(row.covered_fulfilled)}
    return {key: figures for key, figures in found.items() if any(figures.values())}


def kept(session: Any) -> dict[tuple[Any, ...], dict[str, int]]:
    """The kept figures by cell, without empty cells."""
    found = {}
    for row in session.scalars(select(Tally).execution_options(populate_existing=True)):
        figures = {name: int(getattr(row, name)) for name in FIGURES}
        if any(figures.values()):
            found[tuple(getattr(row, name) for name in CELL)] = figures
    return found
