"""The hall's counts, from the kept figures (Tally): read once in a while by each process, then only added up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import text

from portal.database import db
from portal.wishes.models import CELL_COLUMNS
from portal.wishes.queries import current_campaign

Values = tuple[str, ...]
Chosen = dict[str, Values]
KEPT_ANSWERS = 500


class Cell(NamedTuple):
    """The figures of one cell of (kind, category, town, band, mode). Posts are postings, the others are units."""

    kind: str
    category: str
    town: str
    band: str
    mode: str
    published: int
    shelf_posts: int
    shelf_units: int
    claimed: int
    fulfilled: int

    def posts(self, state: str) -> int:
        """Postings in a state of the list. Only wishes have all four: a wish is one unit, a lot of packs is many."""
        if state == "open":
            return self.shelf_posts
        if state == "done":
            return self.fulfilled
        return self.claimed - self.fulfilled if state == "claimed" else self.shelf_posts + self.claimed


@dataclass(frozen=True)
class CampaignFacts:
    """As much of the current campaign as the hall shows."""

    id: int
    name: str
    opens_on: date
    claims_until: date


@dataclass(frozen=True)
class Progress:
    """Units of one kind in the campaign by where they are; ``posts`` counts the postings that can be claimed now."""

    published: int = 0
    fulfilled: int = 0
    on_the_way: int = 0
    open: int = 0
    posts: int = 0


@dataclass
class Snapshot:
    """The figures at one moment, with the answers already worked out from them."""

    campaign: CampaignFacts | None = None
    cells: tuple[Cell, ...] = ()
    answers: dict[Any, Any] = field(default_factory=dict)

    @property
    def campaign_id(self) -> int:
        """Id of the current campaign, 0 when there is none."""
        return self.campaign.id if self.campaign else 0

    def cells_of(self, kind: str, state: str, chosen: Chosen) -> list[Cell]:
        """The cells with something in this state that the choice allows."""
        return self._kept(("cells", kind, state, *sorted(chosen.items())), lambda: self._cells(kind, state, chosen))  # type: ignore[no-any-return]

    def matching(self, kind: str, state: str, chosen: Chosen) -> int | None:
        """How many postings the choice allows; None for lots of packs that are not on the shelf, which nobody counts."""
        if kind == "pack" and state != "open":
            return None
        key = ("matching", kind, state, *sorted(chosen.items()))
        return self._kept(key, lambda: sum(cell.posts(state) for cell in self.cells_of(kind, state, chosen)))  # type: ignore[no-any-return]

    def counts(self, kind: str, state: str, chosen: Chosen) -> dict[str, dict[str, int]]:
        """Postings by filter and value, each filter's with the other filters applied; -1 where nobody counts."""
        return self._kept(("counts", kind, state, *sorted(chosen.items())), lambda: self._counts(kind, state, chosen))  # type: ignore[no-any-return]

    def progress(self, kind: str) -> Progress:
        """Where the wishes, or the packs, of the campaign are."""
        return self._kept(("progress", kind), lambda: self._progress(kind))  # type: ignore[no-any-return]

    def part(self, *key: Any, caller: Callable[[], str]) -> str:
        """A part of a page that shows nothing but these figures: rendered once for each snapshot."""
        return self._kept(("part", *key), caller)  # type: ignore[no-any-return]

    def _kept(self, key: Any, work: Any) -> Any:
        if key not in self.answers:
            if len(self.answers) > KEPT_ANSWERS:
                self.answers.clear()
            self.answers[key] = work()
        return self.answers[key]

    def _cells(self, kind: str, state: str, chosen: Chosen) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == kind and _allows(cell, chosen) and (kind == "pack" or cell.posts(state))]

    def _counts(self, kind: str, state: str, chosen: Chosen) -> dict[str, dict[str, int]]:
        unknown = kind == "pack" and state != "open"
        found: dict[str, dict[str, int]] = {}
        for name, column in zip(("cat", "town", "band", "mode"), CELL_COLUMNS, strict=True):
            of = found.setdefault(name, {})
            others = {other: values for other, values in chosen.items() if other != column}
            for cell in self.cells:
                if cell.kind == kind:
                    value = getattr(cell, column)
                    of[value] = -1 if unknown else of.get(value, 0) + (cell.posts(state) if _allows(cell, others) else 0)
        return found

    def _progress(self, kind: str) -> Progress:
        cells = [cell for cell in self.cells if cell.kind == kind]
        return Progress(
            published=sum(cell.published for cell in cells), fulfilled=sum(cell.fulfilled for cell in cells),
            on_the_way=sum(cell.claimed - cell.fulfilled for cell in cells), open=sum(cell.shelf_units for cell in cells),
            posts=sum(cell.shelf_posts for cell in cells),
        )  # fmt: skip


def _allows(cell: Cell, chosen: Chosen) -> bool:
    return all(getattr(cell, column) in values for column, values in chosen.items())


_CELLS = text(
    "SELECT kind, category, town, band, mode, published, shelf_posts, shelf_units, claimed, fulfilled FROM tally "
    "WHERE campaign_id = :campaign ORDER BY published DESC, category, town, band, mode"
)


def read() -> Snapshot:
    """The figures of the current campaign now: two queries, however many postings there are."""
    campaign = current_campaign()
    if campaign is None:
        return Snapshot()
    facts = CampaignFacts(campaign.id, campaign.name, campaign.opens_on, campaign.claims_until)
    return Snapshot(facts, tuple(Cell(*row) for row in db.session.execute(_CELLS, {"campaign": campaign.id})))


class Keeper:
    """Keeps the snapshot of one process for ``seconds``; 0 reads anew each time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._kept: tuple[float, Snapshot] | None = None

    def now(self) -> Snapshot:
        """A snapshot no older than ``seconds``."""
        kept = self._kept
        if kept is None or time.monotonic() - kept[0] >= self.seconds:
            kept = self._kept = (time.monotonic(), read())
        return kept[1]
