"""What we remember of a hardship household: the file, its members, its consents. Everything that names a person is sealed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import UnionUnit
from portal.codes import resident_id
from portal.database import Model, Moment
from portal.vault import Secret

STATES = ("filed", "emergency", "closed")


class Household(Model):
    """A hardship household (困难职工家庭) and its file.

    ``filed``: approved, may be helped. ``emergency``: help now, paperwork by ``emergency_due``. ``closed``: left the file.
    ``employer_credit_code`` names no person; it lets the rule find an interested party (慈善法 §40).
    """

    __tablename__ = "household"
    __table_args__ = (
        CheckConstraint("state in ('filed','emergency','closed')", name="state"),
        CheckConstraint("state <> 'emergency' or emergency_due is not null", name="emergency_due"),
        Index("ix_household_unit_state", "unit_id", "state"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("union_unit.id"))
    town: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12), default="filed")
    emergency_due: Mapped[date | None] = mapped_column(Date)
    hardship: Mapped[str] = mapped_column(String(12), default="")
    cause: Mapped[str] = mapped_column(String(24), default="")
    sex: Mapped[str] = mapped_column(String(1), default="")
    birth_year: Mapped[int | None] = mapped_column(Integer)
    people: Mapped[int] = mapped_column(Integer, default=1)
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_no_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_no_index: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    address_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    bank_card_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    employer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    employer_credit_code: Mapped[str] = mapped_column(String(18), default="")
    visited_on: Mapped[date | None] = mapped_column(Date)
    filed_at: Mapped[datetime] = mapped_column(Moment)
    filed_by: Mapped[int | None] = mapped_column(Integer)

    unit: Mapped[UnionUnit] = relationship()
    members: Mapped[list[Member]] = relationship(back_populates="household", order_by="Member.id")
    consents: Mapped[list[Consent]] = relationship(back_populates="household", order_by="Consent.id")

    name = Secret("name")
    id_no = Secret("id_no", index=lambda text: resident_id(text).number)
    phone = Secret("phone")
    address = Secret("address")
    bank_card = Secret("bank_card")
    employer = Secret("employer")


class Member(Model):
    """Another member of the family: named in the file so that the privacy check and the interested-party rule can see them."""

    __tablename__ = "member"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"), index=True)
    relation: Mapped[str] = mapped_column(String(20))
    birth_year: Mapped[int | None] = mapped_column(Integer)
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    school_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    employer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    employer_credit_code: Mapped[str] = mapped_column(String(18), default="")

    household: Mapped[Household] = relationship(back_populates="members")
    name = Secret("name")
    school = Secret("school")
    employer = Secret("employer")


CONSENTS = ("publish_wish",)


class Consent(Model):
    """A consent as a record (个人信息保护法 §§14, 29): what for, which text, when, by which way, and whether withdrawn."""

    __tablename__ = "consent"
    __table_args__ = (CheckConstraint("channel in ('paper','counter','phone')", name="channel"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(24))
    text_version: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(12))
    given_at: Mapped[datetime] = mapped_column(Moment)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Moment)
    recorded_by: Mapped[int | None] = mapped_column(Integer)

    household: Mapped[Household] = relationship(back_populates="consents")
