"""What we remember between the station and the household: inspections, deliveries, sign-offs, photos."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, CheckConstraint, Date, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Model, Moment
from portal.households.models import Household
from portal.vault import Secret
from portal.wishes.lifecycle import DELIVERY_STATES
from portal.wishes.models import Claim, Posting, _one_of

MISS_REASONS = ("not_home", "moved", "phone_dead", "refused", "damaged", "other")
RELATIONS = ("spouse", "parent", "child", "sibling", "relative", "neighbour", "colleague", "other")


class Inspection(Model):
    """The hand-over at the union's station: goods accepted, or refused with a reason."""

    __tablename__ = "inspection"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"), index=True)
    accepted: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = mapped_column(String(200), default="")
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime] = mapped_column(Moment)

    claim: Mapped[Claim] = relationship()


class Delivery(Model):
    """One unit on its way to one household (待送 → 已送达 → 已签收 → 已确认)."""

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint(_one_of("state", DELIVERY_STATES), name="state"),
        Index(
            "uq_delivery_one_per_household", "posting_id", "household_id", unique=True,
            sqlite_where=text("state <> 'reversed'"), postgresql_where=text("state <> 'reversed'"),
        ),
        Index("ix_delivery_unit_state", "unit_id", "state", "planned_on"),
        Index("ix_delivery_claim", "claim_id"),
        Index("ix_delivery_household", "household_id"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("posting.id"))
    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"))
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("union_unit.id"))
    state: Mapped[str] = mapped_column(String(12), default="planned")
    planned_on: Mapped[date] = mapped_column(Date)
    misses: Mapped[int] = mapped_column(Integer, default=0)
    miss_reason: Mapped[str] = mapped_column(String(12), default="")
    miss_note: Mapped[str] = mapped_column(String(120), default="")
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    signed_at: Mapped[datetime | None] = mapped_column(Moment)
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reversed_at: Mapped[datetime | None] = mapped_column(Moment)
    reverse_reason: Mapped[str] = mapped_column(String(200), default="")
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id"))

    posting: Mapped[Posting] = relationship()
    claim: Mapped[Claim] = relationship()
    household: Mapped[Household] = relationship()
    sign_off: Mapped[SignOff | None] = relationship(back_populates="delivery", uselist=False)


class SignOff(Model):
    """A real-name sign-off (实名制签收). Never edited: a wrong one is reversed with its delivery and written anew.

    ``clean`` says that bulk confirmation may take it: the person in the flesh, ID digits equal, drawn signature, goods complete.
    """

    __tablename__ = "sign_off"
    __table_args__ = (
        CheckConstraint("signer in ('self', 'proxy')", name="signer"),
        CheckConstraint("method in ('drawn', 'slip')", name="method"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    idem: Mapped[str | None] = mapped_column(String(64), unique=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), unique=True)
    signer: Mapped[str] = mapped_column(String(8))
    proxy_name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    proxy_relation: Mapped[str] = mapped_column(String(12), default="")
    proxy_reason: Mapped[str] = mapped_column(String(120), default="")
    id_matches: Mapped[bool] = mapped_column(Boolean)
    method: Mapped[str] = mapped_column(String(8))
    strokes_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    goods_complete: Mapped[bool] = mapped_column(Boolean)
    place: Mapped[str] = mapped_column(String(12))
    witness: Mapped[str] = mapped_column(String(40), default="")
    deliverer_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    signed_at: Mapped[datetime] = mapped_column(Moment)
    clean: Mapped[bool] = mapped_column(Boolean)

    delivery: Mapped[Delivery] = relationship(back_populates="sign_off")
    photos: Mapped[list[Photo]] = relationship(back_populates="sign_off", order_by="Photo.id")
    proxy_name = Secret("proxy_name")
    strokes = Secret("strokes")


class Photo(Model):
    """A photo of goods or of the paper slip: re-encoded, without metadata, sealed, in the database so that one backup holds all."""

    __tablename__ = "photo"
    __table_args__ = (CheckConstraint("kind in ('goods', 'slip')", name="kind"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(24), unique=True)
    sign_off_id: Mapped[int] = mapped_column(ForeignKey("sign_off.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    data_sealed: Mapped[bytes] = mapped_column(LargeBinary)

    sign_off: Mapped[SignOff] = relationship(back_populates="photos")
