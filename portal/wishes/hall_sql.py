"""The SQL of the hall's lists, written out so that both engines take the way meant: read an index in order, stop after one page.

An expression such as ``category || ''`` keeps a planner from choosing an index by that column; ``(SELECT 1 …) = 1`` is asked row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import TextClause, text

from portal.database import db
from portal.wishes.hall_figures import Cell
from portal.wishes.models import CELL_COLUMNS, DONE, ON_SHELF, SEEN, TAKEN

MOST_CELLS = 48
"""Cells that one statement reads side by side; each is an index range of its own."""
WHERE = {"open": ON_SHELF, "claimed": TAKEN, "done": DONE, "all": SEEN}
_LINE = "p.id, p.code, p.kind, p.version, p.state, p.quantity, p.claimed"
Statement = tuple[TextClause, dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """One page: whose, in what state and order, after (or, ``back``, before) which place, how many."""

    COLUMN: ClassVar[dict[str, str]] = {"urgent": "latest_day", "waiting": "published_at", "value": "value_fen", "newest": "published_at"}

    campaign_id: int
    kind: str
    state: str
    order: str
    chosen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    at: tuple[Any, int] | None = None
    back: bool = False
    limit: int = 13
    offset: int = 0

    def shape(self) -> tuple[Any, ...]:
        """What the text of the statement depends on; its values are parameters."""
        sizes = tuple((column, len(values)) for column, values in self.chosen.items())
        return self.state, self.order, sizes, self.at is not None, self.back, self.offset > 0

    def values(self) -> dict[str, Any]:
        """The parameters of the statement."""
        found: dict[str, Any] = {"campaign": self.campaign_id, "kind": self.kind, "limit": self.limit}
        if self.offset:
            found["offset"] = self.offset
        if self.at:
            found |= {"at": self.at[0], "at_id": self.at[1]}
        return found | {f"{column}{n}": value for column, values in self.chosen.items() for n, value in enumerate(values)}


def _direction(order: str, back: bool) -> str:
    return "DESC" if (order == "newest") != back else "ASC"


def _conditions(shape: tuple[Any, ...], prefix: str = "") -> str:
    """WHERE of a list: the shelf, the campaign, the choice, the place to go on from."""
    state, order, sizes, placed, back, _offset = shape
    column = Plan.COLUMN[order]
    parts = [WHERE[state], f"{prefix}campaign_id = :campaign", f"{prefix}kind = :kind"]
    parts += [f"({prefix}{name} || '') IN ({', '.join(f':{name}{n}' for n in range(count))})" for name, count in sizes]
    if placed:
        parts.append(f"({prefix}{column}, {prefix}id) {'<' if _direction(order, back) == 'DESC' else '>'} (:at, :at_id)")
    return " AND ".join(parts)


def _whole(inner: str, order: str, back: bool) -> str:
    """The lines of a page from the (id, k) of ``inner``; the rows themselves are looked up only for these."""
    way = _direction(order, back)
    return f"SELECT {_LINE} FROM ({inner}) s JOIN posting p ON p.id = s.id ORDER BY s.k {way}, s.id {way}"


@lru_cache(maxsize=512)
def _by_order(shape: tuple[Any, ...], words: int) -> TextClause:
    order, back, offset = shape[1], shape[4], shape[5]
    way = _direction(order, back)
    has = "".join(f" AND (SELECT 1 FROM posting_term t WHERE t.term = :w{n} AND t.posting_id = posting.id) = 1" for n in range(words))
    column = Plan.COLUMN[order]
    return text(
        _whole(
            f"SELECT id, {column} AS k FROM posting WHERE {_conditions(shape)}{has} "
            f"ORDER BY {column} {way}, id {way} LIMIT :limit{' OFFSET :offset' if offset else ''}",
            order, back,
        )
    )  # fmt: skip


def by_order(plan: Plan, words: Sequence[str] = ()) -> Statement:
    """Walk the index of the order; with ``words``, ask of each posting whether it has them."""
    return _by_order(plan.shape(), len(words)), plan.values() | _words(words)


@lru_cache(maxsize=512)
def _by_cells(shape: tuple[Any, ...], cells: int) -> TextClause:
    order, back, offset = shape[1], shape[4], shape[5]
    way, column = _direction(order, back), Plan.COLUMN[order]
    bare = _conditions((shape[0], order, (), shape[3], back, False))
    ranges = [
        f"SELECT * FROM (SELECT id, {column} AS k FROM posting WHERE {bare} AND "
        + " AND ".join(f"{name} = :{name}_{n}" for name in CELL_COLUMNS)
        + f" ORDER BY {column} {way}, id {way} LIMIT :reach) c{n}"
        for n in range(cells)
    ]
    inner = " UNION ALL ".join(ranges)
    cut = f"SELECT id, k FROM ({inner}) u ORDER BY k {way}, id {way} LIMIT :limit{' OFFSET :offset' if offset else ''}"
    return text(_whole(cut, order, back))


def by_cells(plan: Plan, cells: Sequence[Cell]) -> Statement:
    """For a narrow choice: the first few of each cell, merged. A cell is a range of ix_shelf_cell."""
    values = {f"{name}_{n}": getattr(cell, name) for n, cell in enumerate(cells) for name in CELL_COLUMNS}
    kept = {name: value for name, value in plan.values().items() if name in ("campaign", "kind", "limit", "offset", "at", "at_id")}
    return _by_cells(plan.shape(), len(cells)), kept | values | {"reach": plan.limit + plan.offset}


@lru_cache(maxsize=512)
def _by_terms(shape: tuple[Any, ...], words: int, cells: bool) -> TextClause:
    order, back, offset = shape[1], shape[4], shape[5]
    way, column = _direction(order, back), Plan.COLUMN[order]
    others = "".join(f" CROSS JOIN posting_term t{n}" for n in range(1, words))
    same = "".join(f" AND t{n}.term = :w{n} AND t{n}.posting_id = t0.posting_id" for n in range(1, words))
    extra = "".join(f", p.{name}" for name in CELL_COLUMNS) if cells else ""
    return text(
        f"SELECT {_LINE}{extra} FROM posting_term t0{others} CROSS JOIN posting p WHERE t0.term = :w0{same} AND p.id = t0.posting_id "
        f"AND {_conditions(shape, 'p.')} ORDER BY p.{column} {way}, p.id {way} LIMIT :limit{' OFFSET :offset' if offset else ''}"
    )


def by_terms(plan: Plan, words: Sequence[str], *, cells: bool = False) -> Statement:
    """Fetch what has the first word (the rarest), and all others; with ``cells`` also the columns of the filters."""
    return _by_terms(plan.shape(), len(words), cells), plan.values() | _words(words)


def _words(words: Sequence[str]) -> dict[str, Any]:
    return {f"w{n}": word for n, word in enumerate(words)}


_FREQUENCY = text("SELECT count(*) FROM (SELECT 1 FROM posting_term WHERE term = :term LIMIT :most) t")


def frequency(term: str, most: int) -> int:
    """How many postings have a term, counted up to ``most``."""
    return int(db.session.execute(_FREQUENCY, {"term": term, "most": most}).scalar_one())
