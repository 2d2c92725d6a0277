"""What we remember of a caring enterprise."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import UnionUnit
from portal.database import Model, Moment
from portal.vault import Secret

STATES = ("pending", "approved", "suspended", "refused")


class Enterprise(Model):
    """A caring enterprise (爱心企业), vetted by a union unit.

    ``open_claims`` counts the units of its live claims; it is kept in the claiming transaction so that the quota cannot be overrun.
    """

    __tablename__ = "enterprise"
    __table_args__ = (
        CheckConstraint("state in ('pending','approved','suspended','refused')", name="state"),
        CheckConstraint("open_claims >= 0", name="open_claims"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    credit_code: Mapped[str] = mapped_column(String(18), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    short_name: Mapped[str] = mapped_column(String(40))
    town: Mapped[str] = mapped_column(String(40), default="")
    unit_id: Mapped[int] = mapped_column(ForeignKey("union_unit.id"), index=True)
    contact_name: Mapped[str] = mapped_column(String(40))
    contact_phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(12), default="pending", index=True)
    state_reason: Mapped[str] = mapped_column(String(200), default="")
    public_name: Mapped[bool] = mapped_column(Boolean, default=False)
    quota: Mapped[int | None] = mapped_column(Integer)
    open_claims: Mapped[int] = mapped_column(Integer, default=0)
    first_claim_at: Mapped[datetime | None] = mapped_column(Moment)
    registered_at: Mapped[datetime] = mapped_column(Moment)
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    decided_by: Mapped[int | None] = mapped_column(Integer)

    unit: Mapped[UnionUnit] = relationship()
    contact_phone = Secret("contact_phone")
