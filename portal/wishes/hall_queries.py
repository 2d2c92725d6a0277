"""What the hall asks: one page of postings in an order, counts beside the filters, progress, similar ones.

Speed is the point here: a page costs the same among a thousand and among a million postings, on the first page and on the ten-thousandth.
Lists are read in the order of a partial index and stop after one page; counts come from the kept figures (Tally), never from counting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import selectinload

from portal.database import db
from portal.journal import Actor
from portal.wishes import terms
from portal.wishes.delivery_models import Delivery
from portal.wishes.hall_figures import Snapshot
from portal.wishes.hall_sql import MOST_CELLS, Plan, by_cells, by_order, by_terms, frequency
from portal.wishes.lifecycle import HOLDING
from portal.wishes.models import BANDS, CELL_COLUMNS, ON_SHELF, Claim, Posting

PER_PAGE = 12
NUMBERED = 10
"""Pages with a number; further ones are found by the posting they come after, which costs the same however far."""
FACETS = dict(zip(("cat", "town", "band", "mode"), CELL_COLUMNS, strict=True))
STATES = ("open", "claimed", "done", "all")
SORTS = ("urgent", "waiting", "value")
COUNTED = 1_000
"""A search counts its hits up to here; beyond, "more than 1,000" says enough."""
SORTED = 3_000
"""Up to so many hits of the rarest term are fetched and sorted; of more, the shelf is read in order until the page is full."""
NARROW = 60
"""A choice that allows fewer than one in so many is read cell by cell: walking the whole order would pass too many others."""
BAND_ORDER = (*(name for name, _limit in BANDS), "more")


@dataclass(frozen=True)
class Asked:
    """What somebody asks of the hall, as it stands in the address. Unknown values have been dropped."""

    kind: str
    q: str = ""
    cat: tuple[str, ...] = ()
    town: tuple[str, ...] = ()
    band: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    state: str = "open"
    sort: str = "urgent"
    page: int = 1
    after: str = ""
    before: str = ""

    @property
    def order(self) -> str:
        """The order of the list: what is no longer on the shelf has only one, the newest first."""
        return self.sort if self.state == "open" else "newest"

    def chosen(self) -> dict[str, tuple[str, ...]]:
        """The chosen values by column, without the columns that do not matter."""
        return {column: values for name, column in FACETS.items() if (values := getattr(self, name))}


@dataclass(frozen=True)
class Line:
    """One posting of a list: as much as decides which card is shown."""

    id: int
    code: str
    kind: str
    version: int
    state: str
    quantity: int
    claimed: int

    @classmethod
    def of(cls, posting: Posting) -> Line:
        """The line of a posting that has been read already."""
        return cls(posting.id, posting.code, posting.kind, posting.version, posting.state, posting.quantity, posting.claimed)


@dataclass(frozen=True)
class Found:
    """One page. ``count`` is None where nobody counted, ``beyond`` says that there are more than it; ``counts`` are those beside the filters.

    ``shared`` names counts that are the same for every such question ("kept", "none", "unknown"); "" means counted for this one.
    """

    lines: list[Line]
    count: int | None
    more: bool
    counts: dict[str, dict[str, int]] | None
    beyond: bool = False
    earlier: bool = False
    shared: str = "kept"


def find(asked: Asked, now: Snapshot) -> Found:
    """One page of what is asked for in the current campaign; nothing when there is none."""
    if now.campaign is None:
        return Found([], 0, False, now.counts(asked.kind, asked.state, {}))
    words = terms.query_terms(asked.q)
    if asked.q.strip() and not words:
        return Found([], 0, False, _zero(now.counts(asked.kind, asked.state, {})), shared="none")
    if words:
        return _search(asked, now, words)
    count = now.matching(asked.kind, asked.state, asked.chosen())
    counts = now.counts(asked.kind, asked.state, asked.chosen())
    if count == 0:
        return Found([], 0, False, counts)
    cells = now.cells_of(asked.kind, asked.state, asked.chosen())
    plan = _plan(asked, now)
    whole = now.matching(asked.kind, asked.state, {}) or 0
    narrow = asked.order == "urgent" and asked.chosen() and len(cells) <= MOST_CELLS and NARROW * (count or 1) < whole
    lines, more = _page(asked, by_cells(plan, cells) if narrow else by_order(plan))
    return Found(lines, count, more, counts, earlier=_earlier(asked))


def _plan(asked: Asked, now: Snapshot) -> Plan:
    at = _cursor(asked.after or asked.before, asked.order)
    back = bool(asked.before) and at is not None
    offset = 0 if at else (min(asked.page, NUMBERED) - 1) * PER_PAGE
    return Plan(now.campaign_id, asked.kind, asked.state, asked.order, asked.chosen(), at, back, PER_PAGE + 1, offset)


def _cursor(code: str, order: str) -> tuple[Any, int] | None:
    """Where the list goes on: the order's value and the id of the posting with this code. The address itself never holds an id."""
    if not code:
        return None
    row = db.session.execute(text(f"SELECT {Plan.COLUMN[order]}, id FROM posting WHERE code = :code"), {"code": code}).one_or_none()
    return None if row is None else (row[0], row[1])


def _earlier(asked: Asked) -> bool:
    return asked.page > 1 or bool(asked.after or asked.before)


def _page(asked: Asked, statement: tuple[Any, dict[str, Any]]) -> tuple[list[Line], bool]:
    """The lines of one page and whether there are more after it."""
    rows = [Line(*row) for row in db.session.execute(*statement)]
    if asked.before:
        return rows[:PER_PAGE][::-1], True
    return rows[:PER_PAGE], len(rows) > PER_PAGE


# -- search -------------------------------------------------------------------------------------------------------------------------


def _search(asked: Asked, now: Snapshot, words: list[str]) -> Found:
    """A page of what has every term. The rarest term decides how: few hits are fetched and counted, many are met on the way."""
    found = {word: frequency(word, SORTED + 1) for word in words}
    words = sorted(words, key=found.__getitem__)
    rarest = found[words[0]]
    everything = now.counts(asked.kind, asked.state, {})
    if rarest == 0:
        return Found([], 0, False, _zero(everything), shared="none")
    plan = _plan(asked, now)
    if rarest > COUNTED:
        many = rarest > SORTED
        lines, more = _page(asked, by_order(plan, words) if many else by_terms(plan, words))
        count = None if more or _earlier(asked) else len(lines)
        return Found(lines, count, more, _unknown(everything), beyond=count is None, earlier=_earlier(asked), shared="unknown")
    hits = db.session.execute(*by_terms(replace(plan, chosen={}, at=None, back=False, limit=COUNTED, offset=0), words, cells=True)).all()
    matching = [row for row in hits if _within(row, asked.chosen())]
    lines, more = _slice(asked, matching)
    return Found(lines, len(matching), more, _count(hits, asked, everything), earlier=_earlier(asked), shared="")


def _within(row: Any, chosen: dict[str, tuple[str, ...]], but: str = "") -> bool:
    return all(getattr(row, column) in values for column, values in chosen.items() if column != but)


def _slice(asked: Asked, rows: list[Any]) -> tuple[list[Line], bool]:
    """The asked page of rows that are all here, sorted."""
    place = {row.code: number for number, row in enumerate(rows)}
    start = (min(asked.page, NUMBERED) - 1) * PER_PAGE
    if asked.after in place:
        start = place[asked.after] + 1
    elif asked.before in place:
        start = max(place[asked.before] - PER_PAGE, 0)
    return [Line(*row[:7]) for row in rows[start : start + PER_PAGE]], start + PER_PAGE < len(rows)


def _count(hits: Sequence[Any], asked: Asked, everything: dict[str, dict[str, int]] | None) -> dict[str, dict[str, int]]:
    """Counts beside the filters among hits that are all here: each with the other filters applied."""
    counts = _zero(everything or {}) or {}
    chosen = asked.chosen()
    for name, column in FACETS.items():
        of = counts.setdefault(name, {})
        for row in hits:
            if not chosen or _within(row, chosen, but=column):
                value = getattr(row, column)
                of[value] = of.get(value, 0) + 1
    return counts


def _zero(counts: dict[str, dict[str, int]] | None) -> dict[str, dict[str, int]] | None:
    return counts and {name: dict.fromkeys(values, 0) for name, values in counts.items()}


def _unknown(counts: dict[str, dict[str, int]] | None) -> dict[str, dict[str, int]] | None:
    """The choices without counts: nobody counts the hits of a very frequent word."""
    return counts and {name: dict.fromkeys(values, -1) for name, values in counts.items()}


# -- who looks, and single postings ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Visitor:
    """Who looks: the standing of the enterprise ("" for staff), its basket (posting id → units), and the basket's reference value in fen."""

    standing: str = ""
    basket: dict[int, int] = field(default_factory=dict)
    value_fen: int = 0


_VISIT = text(
    "SELECT e.state, l.posting_id, l.quantity, l.quantity * p.value_fen FROM enterprise e "
    "LEFT JOIN basket_line l ON l.enterprise_id = e.id LEFT JOIN posting p ON p.id = l.posting_id WHERE e.id = :enterprise"
)


def visitor(by: Actor) -> Visitor:
    """The actor's enterprise and its basket, in one query."""
    if by.enterprise_id is None:
        return Visitor()
    rows = db.session.execute(_VISIT, {"enterprise": by.enterprise_id}).all()
    basket = {row[1]: row[2] for row in rows if row[1] is not None}
    return Visitor(rows[0][0] if rows else "", basket, sum(row[3] for row in rows if row[1] is not None))


def postings(codes: list[str]) -> list[Posting]:
    """Postings with their articles: what cards are rendered from."""
    return list(db.session.scalars(select(Posting).where(Posting.code.in_(codes)).options(selectinload(Posting.items))))


def taken_by(by: Actor, ids: list[int]) -> set[int]:
    """Which of these postings the actor's enterprise holds or waits for."""
    if by.enterprise_id is None or not ids:
        return set()
    live = Claim.state.in_(("waiting", "active", "ready", "handed_over", "fulfilled"))
    return set(db.session.scalars(select(Claim.posting_id).where(Claim.posting_id.in_(ids), Claim.enterprise_id == by.enterprise_id, live)))


def own_claims(by: Actor, posting: Posting) -> list[Claim]:
    """The claims that the actor's enterprise has of a posting and that are not over, the oldest first."""
    if by.enterprise_id is None:
        return []
    query = select(Claim).where(
        Claim.posting_id == posting.id, Claim.enterprise_id == by.enterprise_id, Claim.state.not_in(("released", "lapsed", "revoked"))
    )
    return list(db.session.scalars(query.order_by(Claim.id)))


def claim_progress(posting: Posting) -> tuple[str | None, str | None]:
    """(state of the claim that holds a wish, state of its delivery); (None, None) for packs and for what nobody claimed."""
    if posting.kind != "wish":
        return None, None
    held = (Claim.posting_id == posting.id) & Claim.state.in_(HOLDING)
    delivery = (Delivery.claim_id == Claim.id) & (Delivery.state != "reversed")
    row = db.session.execute(select(Claim.state, Delivery.state).outerjoin(Delivery, delivery).where(held).limit(1)).one_or_none()
    return (row[0], row[1]) if row else (None, None)


def similar(posting: Posting, n: int = 3) -> list[Posting]:
    """Up to ``n`` others of the same kind that can be claimed now: same category and town first, then same category, then any; the urgent before."""
    found: dict[int, Posting] = {}
    same = {"category": posting.category, "town": posting.town}
    for columns in (("category", "town"), ("category",), ()):
        if len(found) < n:
            query = (
                select(Posting)
                .where(text(ON_SHELF), Posting.campaign_id == posting.campaign_id, Posting.kind == posting.kind, Posting.id != posting.id)
                .filter_by(**{column: same[column] for column in columns})
                .order_by(Posting.latest_day, Posting.id)
                .limit(n + len(found))
                .options(*([selectinload(Posting.items)] if posting.kind == "pack" else []))
            )
            for row in db.session.scalars(query):
                found.setdefault(row.id, row)
    return list(found.values())[:n]
