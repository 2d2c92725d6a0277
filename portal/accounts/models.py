"""What we remember of people: union units (the tree), accounts, their roles, their sessions, wrong passwords."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Model, Moment

LEVELS = ("city", "district", "street", "industry", "base")
ROLES = ("clerk", "reviewer", "admin", "auditor", "contact")


class UnionUnit(Model):
    """A union organisation in the tree. ``path`` is "/1/4/": the ids from the root, so that a subtree is a range of strings."""

    __tablename__ = "union_unit"
    __table_args__ = (CheckConstraint("level in ('city','district','street','industry','base')", name="level"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    short_name: Mapped[str] = mapped_column(String(40))
    level: Mapped[str] = mapped_column(String(10))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("union_unit.id"), index=True)
    # PostgreSQL compares by the database's language unless told; a subtree is a range of bytes.
    path: Mapped[str] = mapped_column(String(200).with_variant(String(200, collation="C"), "postgresql"), index=True)
    town: Mapped[str] = mapped_column(String(40), default="")
    station: Mapped[str] = mapped_column(String(80), default="")
    station_address: Mapped[str] = mapped_column(String(120), default="")
    station_phone: Mapped[str] = mapped_column(String(40), default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)

    parent: Mapped[UnionUnit | None] = relationship(remote_side=[id])


class Account(Model):
    """Somebody who can sign in: a member of union staff (``unit_id``) or the contact of an enterprise (``enterprise_id``)."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("(unit_id is null) <> (enterprise_id is null)", name="one_side"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    username: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    password_hash: Mapped[str] = mapped_column(String(160))
    must_change: Mapped[bool] = mapped_column(Boolean, default=False)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("union_unit.id"), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"), index=True)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(Moment)

    unit: Mapped[UnionUnit | None] = relationship()
    grants: Mapped[list[RoleGrant]] = relationship(back_populates="account", cascade="all, delete-orphan")

    @property
    def roles(self) -> frozenset[str]:
        """The roles this account holds now."""
        return frozenset(grant.role for grant in self.grants)


class RoleGrant(Model):
    """One role of one account; it reaches over the subtree of the account's unit."""

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("account_id", "role"),
        CheckConstraint("role in ('clerk','reviewer','admin','auditor','contact')", name="role"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(16))

    account: Mapped[Account] = relationship(back_populates="grants")


class Session(Model):
    """A signed-in browser. Only the hash of its token is kept; the row ends at logout, password change or change of roles."""

    __tablename__ = "session"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[datetime] = mapped_column(Moment)
    seen_at: Mapped[datetime] = mapped_column(Moment, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    end_reason: Mapped[str] = mapped_column(String(16), default="")

    account: Mapped[Account] = relationship()


class SignInTry(Model):
    """Wrong passwords counted for one account name or one address; ``key`` is a keyed hash, so the table names nobody."""

    __tablename__ = "sign_in_try"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    since: Mapped[datetime] = mapped_column(Moment)
