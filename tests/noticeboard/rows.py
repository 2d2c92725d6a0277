"""Rows of a campaign written straight into the tables, thousands at a time: for the definitions, which know rows and not how they came to be."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event, insert

from portal.database import db
from portal.households.models import Household
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Campaign, Claim, Posting
from tests.cast import Cast

UNPUBLISHED = ("draft", "submitted", "returned")
FREE_AGAIN = {"waiting": "waiting", "lapsed": "lapsed", "released": "released", "revoked": "revoked"}
CLAIM_OF = {
    "active": "active", "ready": "ready", "handed_over": "handed_over", "planned": "handed_over", "failed": "handed_over",
    "delivered": "handed_over", "signed": "handed_over", "confirmed": "fulfilled", "reversed": "handed_over",
}  # fmt: skip
DELIVERIES = ("planned", "failed", "delivered", "signed", "confirmed")


@dataclass
class Rows:
    """Collects rows and writes them at once; ``start`` is day 0."""

    cast: Cast
    start: datetime
    serial: itertools.count[int] = field(default_factory=lambda: itertools.count(100_000))  # far from what the databases number themselves
    postings: list[dict[str, Any]] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    households: list[dict[str, Any]] = field(default_factory=list)

    def at(self, day: float) -> datetime:
        return self.start + timedelta(days=day)

    def home(self) -> int:
        number = next(self.serial)
        unit = self.cast.units["luqiao"]
        self.households.append(
            {"id": number, "code": f"KN-{number}", "unit_id": unit.id, "town": unit.town, "state": "filed", "filed_at": self.start}
        )
        return number

    def posting(self, kind: str, state: str, on: float, **values: Any) -> dict[str, Any]:
        number = next(self.serial)
        row = {
            "id": number, "code": f"WX-{number}", "campaign_id": self.cast.campaign_id, "unit_id": self.cast.units["luqiao"].id, "kind": kind,
            "household_id": self.home() if kind == "wish" else None, "state": state, "category": "home" if kind == "wish" else "pack", "town": "潞桥街道",
            "band": "b300", "mode": "station", "title": "一样东西", "value_fen": 10_000, "latest_day": self.at(60).date(), "quantity": 1, "claimed": 0,
            "fulfilled": 0, "posted_by": self.cast.lin.id, "posted_at": self.at(on), "published_at": None if state in UNPUBLISHED else self.at(on),
        } | values  # fmt: skip
        self.postings.append(row)
        return row

    def claim(self, posting: dict[str, Any], state: str, on: float, *, by: str = "enterprise", quantity: int = 1) -> dict[str, Any]:
        number = next(self.serial)
        firm = self.cast.enterprises["zhao"].id if by == "enterprise" else self.cast.enterprises["sun"].id if by == "rival" else None
        row = {
            "id": number, "code": f"RL-{number}", "posting_id": posting["id"], "kind": posting["kind"], "enterprise_id": firm,
            "unit_id": self.cast.units["district"].id if by == "union" else None, "quantity": quantity, "delivered": 0, "state": state,
            "claimed_by": self.cast.zhao.id, "claimed_at": self.at(on), "ready_by": self.at(60).date(), "deliver_by": self.at(60).date(),
        }  # fmt: skip
        self.claims.append(row)
        if state in ("active", "ready", "handed_over", "fulfilled"):
            posting["claimed"] += quantity
        return row

    def delivery(self, posting: dict[str, Any], claim: dict[str, Any], state: str, signed: float, confirmed: float, home: int | None = None) -> None:
        number = next(self.serial)
        self.deliveries.append({
            "id": number, "code": f"QS-{number}", "posting_id": posting["id"], "claim_id": claim["id"], "state": state,
            "household_id": home or posting["household_id"] or self.home(), "unit_id": posting["unit_id"], "planned_on": self.start.date(), "misses": 0,
            "signed_at": self.at(signed) if state in ("signed", "confirmed", "reversed") else None,
            "confirmed_at": self.at(confirmed) if state in ("confirmed", "reversed") else None,
            "confirmed_by": self.cast.li.id if state == "confirmed" else None, "reversed_at": self.at(confirmed) if state == "reversed" else None,
        })  # fmt: skip
        if state == "confirmed":
            claim["delivered"] += 1
            posting["fulfilled"] += 1

    def unit(
        self, end: str, *, by: str = "enterprise", on: float = 1, signed_on: float = 2, confirmed_on: float | None = None, **values: Any
    ) -> None:
        """One wish that ended in ``end``, a word of campaign_cases.toml."""
        confirmed = signed_on if confirmed_on is None else confirmed_on
        state = end if end in (*UNPUBLISHED, "open", "withdrawn", "expired") else "closed" if end == "confirmed" else "open"
        row = self.posting("wish", state, on, **values)
        if end in FREE_AGAIN:
            self.claim(row, FREE_AGAIN[end], on, by=by)
        if end in CLAIM_OF:
            claim = self.claim(row, CLAIM_OF[end], on, by=by)
            if end in DELIVERIES:
                self.delivery(row, claim, end, signed_on, confirmed)
            if end == "reversed":
                self.delivery(row, claim, "reversed", signed_on, confirmed)
                self.delivery(row, claim, "planned", signed_on, confirmed)

    def lot(self, quantity: int, parts: list[dict[str, Any]], **values: Any) -> None:
        """A lot of packs, claimed in parts; ``confirmed`` of a part are signed and confirmed."""
        row = self.posting("pack", "open", 1, quantity=quantity, **values)
        for part in parts:
            claim = self.claim(row, part["end"], 1, by=part.get("by", "enterprise"), quantity=part["quantity"])
            for _ in range(part.get("confirmed", 0)):
                self.delivery(row, claim, "confirmed", 2, 2)

    def write(self) -> Campaign:
        """Put everything into the database."""
        for model, rows in ((Household, self.households), (Posting, self.postings), (Claim, self.claims), (Delivery, self.deliveries)):
            if rows:
                db.session.execute(insert(model), rows)
        db.session.commit()
        return self.cast.campaign


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """The SELECT statements that run inside."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine, "before_cursor_execute", note)


def past_the_portal(statement) -> None:
    """Change rows as somebody with the database in hand would, who first puts the triggers out of the way."""
    if db.engine.dialect.name == "sqlite":
        db.session.execute(db.text("drop trigger publication_never_update"))
    else:
        db.session.execute(db.text("set local session_replication_role = replica"))
    db.session.execute(statement)
    db.session.commit()
