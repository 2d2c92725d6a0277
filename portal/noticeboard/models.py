"""What we remember of the public board: publications (frozen when published) and their errata."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, attributes, mapped_column, relationship

from portal.accounts.models import Account, UnionUnit
from portal.database import Model, Moment
from portal.wishes.models import Campaign

OPEN = ("draft", "submitted")
STATES = (*OPEN, "published", "discarded")
SMALL = 5
"""Counts of 1 to SMALL - 1 households are never printed: so few can be recognised."""


class Frozen(RuntimeError):
    """Somebody tried to change or delete what is published: a programming error, nothing was kept."""


class Publication(Model):
    """One issue of the public board (公示). ``content`` holds everything that the page shows; ``sha256`` is its seal from the moment of publishing.

    The period is [from_at, to_at); ``data_at`` is the moment of the count. ``number`` (第 n 期 of the year) is given when it is published.
    """

    __tablename__ = "publication"
    __table_args__ = (
        CheckConstraint("state in ('draft','submitted','published','discarded')", name="state"),
        CheckConstraint("from_at < to_at", name="period"),
        CheckConstraint("published_by is null or published_by <> drafted_by", name="second_person"),
        CheckConstraint("state <> 'published' or (published_by is not null and number is not null and sha256 <> '')", name="published"),
        UniqueConstraint("unit_id", "year", "number"),
        Index(
            "uq_publication_one_open", "unit_id", unique=True,
            sqlite_where=text("state in ('draft', 'submitted')"), postgresql_where=text("state in ('draft', 'submitted')"),
        ),
        Index("ix_publication_state", "state", "unit_id", "published_at"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    idem: Mapped[str | None] = mapped_column(String(64), unique=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("union_unit.id"))
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    state: Mapped[str] = mapped_column(String(12), default="draft", active_history=True)
    year: Mapped[int | None] = mapped_column(Integer)
    number: Mapped[int | None] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(80))
    remark: Mapped[str] = mapped_column(String(300), default="")
    from_at: Mapped[datetime] = mapped_column(Moment)
    to_at: Mapped[datetime] = mapped_column(Moment)
    data_at: Mapped[datetime] = mapped_column(Moment)
    drafted_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    drafted_at: Mapped[datetime] = mapped_column(Moment)
    submitted_at: Mapped[datetime | None] = mapped_column(Moment)
    published_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    published_at: Mapped[datetime | None] = mapped_column(Moment)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    sha256: Mapped[str] = mapped_column(String(64), default="")

    unit: Mapped[UnionUnit] = relationship()
    campaign: Mapped[Campaign] = relationship()
    drafter: Mapped[Account] = relationship(foreign_keys=[drafted_by])
    publisher: Mapped[Account | None] = relationship(foreign_keys=[published_by])
    errata: Mapped[list[Erratum]] = relationship(back_populates="publication", order_by="Erratum.id")


class Erratum(Model):
    """A correction (勘误) of a published issue, signed by two people and shown on its page; the issue itself stays as it was."""

    __tablename__ = "erratum"
    __table_args__ = (
        CheckConstraint("state in ('submitted','published','discarded')", name="state"),
        CheckConstraint("published_by is null or published_by <> drafted_by", name="second_person"),
        CheckConstraint("state <> 'published' or published_by is not null", name="published"),
        Index("ix_erratum_state", "state"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    idem: Mapped[str | None] = mapped_column(String(64), unique=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publication.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("union_unit.id"))
    state: Mapped[str] = mapped_column(String(12), default="submitted", active_history=True)
    text: Mapped[str] = mapped_column(Text)
    before: Mapped[str] = mapped_column(String(80), default="")
    after: Mapped[str] = mapped_column(String(80), default="")
    drafted_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    drafted_at: Mapped[datetime] = mapped_column(Moment)
    published_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    published_at: Mapped[datetime | None] = mapped_column(Moment)

    publication: Mapped[Publication] = relationship(back_populates="errata")
    drafter: Mapped[Account] = relationship(foreign_keys=[drafted_by])
    publisher: Mapped[Account | None] = relationship(foreign_keys=[published_by])


def _keep_frozen(_mapper: Any, _connection: Any, row: Publication | Erratum) -> None:
    """Whatever the operations do: a row that was published when it was read is never written again."""
    history = attributes.instance_state(row).attrs.state.load_history()
    if "published" in (history.deleted or history.unchanged or ()):
        raise Frozen(f"{row.code} is published")


for _model in (Publication, Erratum):
    for _moment in ("before_update", "before_delete"):
        event.listen(_model, _moment, _keep_frozen)
