"""What we remember of wishes and packs: campaigns, postings, recipients, claims."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import UnionUnit
from portal.database import Model, Moment
from portal.enterprises.models import Enterprise
from portal.households.models import Household
from portal.wishes.lifecycle import CLAIM_STATES, POSTING_STATES


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(repr(value) for value in values)})"


ON_SHELF = "state = 'open' and claimed < quantity"
"""What can be claimed now; the partial indexes of the hall say it in the same words, so that both engines use them."""
TAKEN = "state = 'open' and claimed >= quantity"
DONE = "state = 'closed'"
SEEN = "state in ('open', 'closed')"
BANDS = (("free", 0), ("b100", 10_000), ("b300", 30_000), ("b500", 50_000))


def value_band(value_fen: int) -> str:
    """The band of a reference value in fen: ``free`` (none), up to 100, 300, 500 yuan, or above."""
    return next((name for name, limit in BANDS if value_fen <= limit), "more")


class Campaign(Model):
    """A campaign (两节送温暖) with its days and parameters. Days count from the claim; money is fen."""

    __tablename__ = "campaign"
    __table_args__ = (CheckConstraint("opens_on <= claims_until and claims_until <= ends_on", name="days"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    unit_id: Mapped[int] = mapped_column(ForeignKey("union_unit.id"))
    opens_on: Mapped[date] = mapped_column(Date)
    claims_until: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    ready_days: Mapped[int] = mapped_column(Integer, default=5)
    deliver_days: Mapped[int] = mapped_column(Integer, default=10)
    remind_days: Mapped[int] = mapped_column(Integer, default=2)
    quota: Mapped[int] = mapped_column(Integer, default=80)
    ceiling_fen: Mapped[int] = mapped_column(Integer, default=100_000)
    current: Mapped[bool] = mapped_column(Boolean, default=True)

    unit: Mapped[UnionUnit] = relationship()


class Posting(Model):
    """A claimable thing: a wish (quantity 1, one household) or a lot of packs (quantity N, N recipients).

    ``claimed`` counts the units that a live or fulfilled claim holds, ``fulfilled`` those signed and confirmed; both are kept by guarded UPDATEs.
    ``version`` grows with every change, so that a rendered card can be kept.
    """

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("kind in ('wish', 'pack')", name="kind"),
        CheckConstraint(_one_of("state", POSTING_STATES), name="state"),
        CheckConstraint("kind = 'pack' or (quantity = 1 and household_id is not null)", name="wish_is_one"),
        CheckConstraint("kind = 'wish' or household_id is null", name="pack_has_recipients"),
        CheckConstraint("claimed >= 0 and claimed <= quantity", name="claimed"),
        CheckConstraint("fulfilled >= 0 and fulfilled <= claimed", name="fulfilled"),
        CheckConstraint("value_fen >= 0", name="value"),
        Index("ix_posting_unit_state", "unit_id", "state", "id"),
        Index("ix_posting_household", "household_id"),
        Index("ix_posting_state_latest", "state", "latest_day"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    idem: Mapped[str | None] = mapped_column(String(64), unique=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("union_unit.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    kind: Mapped[str] = mapped_column(String(4))
    state: Mapped[str] = mapped_column(String(12), default="draft")
    version: Mapped[int] = mapped_column(Integer, default=1)
    category: Mapped[str] = mapped_column(String(12))
    town: Mapped[str] = mapped_column(String(40))
    band: Mapped[str] = mapped_column(String(6))
    mode: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(60))
    spec: Mapped[str] = mapped_column(String(200), default="")
    public_text: Mapped[str] = mapped_column(String(300), default="")
    point: Mapped[str] = mapped_column(String(80), default="")
    value_fen: Mapped[int] = mapped_column(Integer, default=0)
    latest_day: Mapped[date] = mapped_column(Date)
    quantity: Mapped[int] = mapped_column(Integer, default=1)
    claimed: Mapped[int] = mapped_column(Integer, default=0)
    fulfilled: Mapped[int] = mapped_column(Integer, default=0)
    checks: Mapped[list[str]] = mapped_column(JSON, default=list)
    return_reason: Mapped[str] = mapped_column(String(16), default="")
    return_note: Mapped[str] = mapped_column(Text, default="")
    posted_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    posted_at: Mapped[datetime] = mapped_column(Moment)
    submitted_at: Mapped[datetime | None] = mapped_column(Moment)
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(Moment)
    published_at: Mapped[datetime | None] = mapped_column(Moment)

    campaign: Mapped[Campaign] = relationship()
    unit: Mapped[UnionUnit] = relationship()
    household: Mapped[Household | None] = relationship()
    items: Mapped[list[PackItem]] = relationship(back_populates="posting", order_by="PackItem.id", cascade="all, delete-orphan")

    @property
    def left(self) -> int:
        """Units that nobody has claimed."""
        return self.quantity - self.claimed


CELL_COLUMNS = ("category", "town", "band", "mode")


def hall_index(name: str, where: str, *columns: str) -> Index:
    """A partial index that the hall reads its lists from, in order and (by the four filter columns) without touching the rows."""
    return Index(name, "campaign_id", "kind", *columns, sqlite_where=text(where), postgresql_where=text(where))


# The lists of hall_queries.py: three orders of what can be claimed, narrow filters, and what was taken, done, or ever seen.
for _index in (
    hall_index("ix_shelf_urgent", ON_SHELF, "latest_day", "id", *CELL_COLUMNS),
    hall_index("ix_shelf_waiting", ON_SHELF, "published_at", "id", *CELL_COLUMNS),
    hall_index("ix_shelf_value", ON_SHELF, "value_fen", "id", *CELL_COLUMNS),
    hall_index("ix_shelf_cell", ON_SHELF, *CELL_COLUMNS, "latest_day", "id"),
    hall_index("ix_hall_taken", TAKEN, "published_at", "id", *CELL_COLUMNS),
    hall_index("ix_hall_done", DONE, "published_at", "id", *CELL_COLUMNS),
    hall_index("ix_hall_seen", SEEN, "published_at", "id", *CELL_COLUMNS),
):
    cast(Table, Posting.__table__).append_constraint(_index)


class PackItem(Model):
    """One article in a pack; food carries the facts of 食品安全: licence, producer, batch, production date, shelf life in days."""

    __tablename__ = "pack_item"
    __table_args__ = (
        CheckConstraint(
            "not food or (licence <> '' and producer <> '' and batch <> '' and produced_on is not null and shelf_days > 0)",
            name="food_facts",
        ),
        Index("ix_pack_item_batch", "batch"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("posting.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(40))
    amount: Mapped[str] = mapped_column(String(40), default="")
    food: Mapped[bool] = mapped_column(Boolean, default=False)
    licence: Mapped[str] = mapped_column(String(16), default="")
    producer: Mapped[str] = mapped_column(String(80), default="")
    batch: Mapped[str] = mapped_column(String(40), default="")
    produced_on: Mapped[date | None] = mapped_column(Date)
    shelf_days: Mapped[int] = mapped_column(Integer, default=0)

    posting: Mapped[Posting] = relationship(back_populates="items")


class Recipient(Model):
    """A household named for one pack of a lot."""

    __tablename__ = "recipient"
    __table_args__ = (UniqueConstraint("posting_id", "household_id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("posting.id"))
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"), index=True)
    named_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    named_at: Mapped[datetime] = mapped_column(Moment)

    household: Mapped[Household] = relationship()


class Claim(Model):
    """A promise of an enterprise (or, 工会兜底, of a union unit) to bring ``quantity`` units.

    ``ready_by`` and ``deliver_by`` are the promise's clock. ``delivered`` counts the units confirmed. Goods belong to the claim, never to the wish.
    """

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint(_one_of("state", CLAIM_STATES), name="state"),
        CheckConstraint("(enterprise_id is null) <> (unit_id is null)", name="one_claimant"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("delivered >= 0 and delivered <= quantity", name="delivered"),
        Index(
            "uq_claim_one_winner", "posting_id", unique=True,
            sqlite_where=text("kind = 'wish' and state in ('active', 'ready', 'handed_over', 'fulfilled')"),
            postgresql_where=text("kind = 'wish' and state in ('active', 'ready', 'handed_over', 'fulfilled')"),
        ),
        Index("ix_claim_posting", "posting_id"),
        Index("ix_claim_enterprise", "enterprise_id", "id"),
        Index("ix_claim_clock", "state", "ready_by", "deliver_by"),
        Index("ix_claim_batch", "batch"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    idem: Mapped[str | None] = mapped_column(String(64), unique=True)
    batch: Mapped[str] = mapped_column(String(16), default="")
    posting_id: Mapped[int] = mapped_column(ForeignKey("posting.id"))
    kind: Mapped[str] = mapped_column(String(4))
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("union_unit.id"))
    quantity: Mapped[int] = mapped_column(Integer)
    delivered: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(12), default="active")
    claimed_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    claimed_at: Mapped[datetime] = mapped_column(Moment)
    ready_by: Mapped[date] = mapped_column(Date)
    deliver_by: Mapped[date] = mapped_column(Date)
    ready_at: Mapped[datetime | None] = mapped_column(Moment)
    handed_over_at: Mapped[datetime | None] = mapped_column(Moment)
    inspected_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    fulfilled_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    end_reason: Mapped[str] = mapped_column(String(200), default="")

    posting: Mapped[Posting] = relationship()
    enterprise: Mapped[Enterprise | None] = relationship()
    cover_unit: Mapped[UnionUnit | None] = relationship()


class BasketLine(Model):
    """A line in an enterprise's claim basket (认领篮); it reserves nothing."""

    __tablename__ = "basket_line"

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), primary_key=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("posting.id"), primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer, default=1)
    added_at: Mapped[datetime] = mapped_column(Moment)

    posting: Mapped[Posting] = relationship()


class PostingTerm(Model):
    """The search index: one row for each term of a posting that has been published."""

    __tablename__ = "posting_term"
    __table_args__ = ({"sqlite_with_rowid": False},)

    term: Mapped[str] = mapped_column(String(24), primary_key=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("posting.id", ondelete="CASCADE"), primary_key=True, index=True)


class Tally(Model):
    """Kept figures: units by cell of (campaign, kind, category, town, band, mode). A recount from the rows must agree exactly."""

    __tablename__ = "tally"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(4), primary_key=True)
    category: Mapped[str] = mapped_column(String(12), primary_key=True)
    town: Mapped[str] = mapped_column(String(40), primary_key=True)
    band: Mapped[str] = mapped_column(String(6), primary_key=True)
    mode: Mapped[str] = mapped_column(String(10), primary_key=True)
    published: Mapped[int] = mapped_column(BigInteger, default=0)
    shelf_posts: Mapped[int] = mapped_column(BigInteger, default=0)
    shelf_units: Mapped[int] = mapped_column(BigInteger, default=0)
    claimed: Mapped[int] = mapped_column(BigInteger, default=0)
    fulfilled: Mapped[int] = mapped_column(BigInteger, default=0)
    fulfilled_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    covered: Mapped[int] = mapped_column(BigInteger, default=0)
    covered_fulfilled: Mapped[int] = mapped_column(BigInteger, default=0)
