"""Cards of the hall: what an enterprise may see of a posting, by an allow-list, and the rendered card kept per version.

A card depends on the posting's version, the day, the language and on what its reader can do with it; never on who reads it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import date, timedelta
from threading import Lock
from typing import Any

from flask import current_app
from markupsafe import Markup

from portal.wishes.categories import CATEGORIES, PACK
from portal.wishes.hall_queries import Line, Visitor, postings
from portal.wishes.models import PackItem, Posting

SOON = 10
"""From so many days before the latest day on, a card says how many are left."""
KEPT = 6_000
Key = tuple[str, int, str, str, date]


def progress_of(posting: Posting | Line) -> str:
    """The word for a posting on a card, from the posting alone: open, claimed, fulfilled, or its own state. The page of the wish says more."""
    if posting.state == "closed":
        return "fulfilled"
    return "claimed" if posting.state == "open" and posting.claimed >= posting.quantity else posting.state


def card(posting: Posting, today: date | None = None, lang: str = "zh") -> dict[str, Any]:
    """Everything of a posting that an enterprise may see, and nothing else: no household, no person, no internal number."""
    category = CATEGORIES.get(posting.category, PACK)
    left = (posting.latest_day - today).days if today else None
    return {
        "code": posting.code, "kind": posting.kind, "title": posting.title, "spec": posting.spec, "text": posting.public_text,
        "category": category.name(lang), "seal": category.seal, "seal_kind": category.kind, "town": posting.town,
        "value_fen": posting.value_fen, "latest_day": posting.latest_day, "soon": left if left is not None and 0 <= left <= SOON else None,
        "mode": posting.mode, "point": posting.point, "quantity": posting.quantity, "claimed": posting.claimed,
        "left": posting.quantity - posting.claimed, "progress": progress_of(posting), "items": [article(item) for item in posting.items] if posting.kind == "pack" else [],
    }  # fmt: skip


def article(item: PackItem) -> dict[str, Any]:
    """What an enterprise may see of an article of a pack; food with what its label must say (食品安全法 §67)."""
    expires_on = item.produced_on + timedelta(days=item.shelf_days) if item.food and item.produced_on else None
    return {
        "name": item.name, "amount": item.amount, "food": item.food, "licence": item.licence, "producer": item.producer, "batch": item.batch,
        "produced_on": item.produced_on, "shelf_days": item.shelf_days, "expires_on": expires_on,
    }  # fmt: skip


def mode_of(line: Line | Posting, who: Visitor, taken: Iterable[int], over: bool) -> str:
    """What its reader can do with a posting: look, in (the basket), claim, wait, mine, over, or why not (pending, suspended, refused)."""
    if not who.standing:
        return "look"
    if line.id in taken:
        return "mine"
    if line.state != "open" or (over and line.id not in who.basket):
        return "look" if line.state != "open" else "over"
    if who.standing != "approved":
        return who.standing
    if line.id in who.basket:
        return "in"
    return "claim" if line.claimed < line.quantity else "wait"


class Shelf:
    """Rendered cards of one process, the least recently shown thrown out first."""

    def __init__(self, most: int = KEPT) -> None:
        self.most = most
        self._cards: OrderedDict[Key, Markup] = OrderedDict()
        self._lock = Lock()

    def show(self, lines: list[tuple[Line, str]], lang: str, today: date) -> list[Markup]:
        """The cards of (line, mode) in order; what is not kept is read in one query and rendered."""
        keys: list[Key] = [(line.code, line.version, mode, lang, today) for line, mode in lines]
        with self._lock:
            found = {key: self._cards[key] for key in keys if key in self._cards}
            for key in found:
                self._cards.move_to_end(key)
        missing = [key for key in keys if key not in found]
        if missing:
            rows = {row.code: row for row in postings([key[0] for key in missing])}
            found |= {key: render(rows[key[0]], key[2], lang, today) for key in missing if key[0] in rows}
            self._keep({key: found[key] for key in missing if key in found and rows[key[0]].version == key[1]})
        return [found[key] for key in keys if key in found]

    def _keep(self, cards: dict[Key, Markup]) -> None:
        with self._lock:
            self._cards.update(cards)
            while len(self._cards) > self.most:
                self._cards.popitem(last=False)


def render(posting: Posting, mode: str, lang: str, today: date) -> Markup:
    """The HTML of one card, made by its own template."""
    template = current_app.jinja_env.get_template("wishes/_pack.html" if posting.kind == "pack" else "wishes/_card.html")
    return Markup(template.render(w=card(posting, today, lang), mode=mode))
