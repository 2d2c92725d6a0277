"""What we ask of caring enterprises, each question within the asker's subtree, or about the asker's own."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from portal.accounts.models import UnionUnit
from portal.accounts.queries import units_under
from portal.database import db
from portal.enterprises.models import STATES, Enterprise
from portal.journal import Actor

PER_PAGE = 30
LIVE = ("active", "ready", "handed_over")


@dataclass(frozen=True)
class Wanted:
    """The filters of the list; "" means any."""

    state: str = ""
    q: str = ""
    town: str = ""


def _scope(by: Actor, wanted: Wanted) -> Select[Enterprise]:
    query = select(Enterprise).where(Enterprise.unit_id.in_(units_under(by)))
    if wanted.state in STATES:
        query = query.where(Enterprise.state == wanted.state)
    if wanted.town:
        query = query.where(Enterprise.town == wanted.town)
    if wanted.q:
        part = (Enterprise.name, Enterprise.short_name)
        typed = wanted.q.upper().replace(" ", "")
        whole = (Enterprise.code == typed, Enterprise.credit_code == typed)
        query = query.where(or_(*(column.contains(wanted.q, autoescape=True) for column in part), *whole))
    return query


def list_page(by: Actor, wanted: Wanted, page: int) -> tuple[list[Enterprise], int]:
    """One page (from 1, of PER_PAGE) of the enterprises in the actor's subtree, the newest first, and how many there are in all."""
    query = _scope(by, wanted)
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = db.session.scalars(query.order_by(Enterprise.id.desc()).limit(PER_PAGE).offset((page - 1) * PER_PAGE))
    return list(rows), total


def by_state(by: Actor) -> dict[str, int]:
    """How many enterprises of the actor's subtree are in each state."""
    query = select(Enterprise.state, func.count()).where(Enterprise.unit_id.in_(units_under(by))).group_by(Enterprise.state)
    found = {state: number for state, number in db.session.execute(query)}
    return {state: found.get(state, 0) for state in STATES}


def pending(by: Actor) -> int:
    """How many enterprises wait for a decision of the actor's subtree."""
    query = select(func.count()).where(Enterprise.state == "pending", Enterprise.unit_id.in_(units_under(by)))
    return db.session.scalar(query) or 0


def for_staff(by: Actor, code: str) -> Enterprise | None:
    """An enterprise of the actor's subtree, or None."""
    query = select(Enterprise).where(Enterprise.code == code, Enterprise.unit_id.in_(units_under(by)))
    return db.session.scalar(query.options(joinedload(Enterprise.unit)))


def own(by: Actor) -> Enterprise | None:
    """The actor's own enterprise, or None for union staff."""
    query = select(Enterprise).where(Enterprise.id == by.enterprise_id).options(joinedload(Enterprise.unit))
    return db.session.scalar(query) if by.enterprise_id else None


def claims_summary(enterprise: Enterprise) -> dict[str, int]:
    """Units by what became of their claims: running, fulfilled, released, lapsed, revoked."""
    claim = db.metadata.tables["claim"]  # the capability of wishes stands above this one
    query = select(claim.c.state, func.sum(claim.c.quantity)).where(claim.c.enterprise_id == enterprise.id).group_by(claim.c.state)
    found = {state: int(units) for state, units in db.session.execute(query)}
    ended = {state: found.get(state, 0) for state in ("fulfilled", "released", "lapsed", "revoked")}
    return {"running": sum(found.get(state, 0) for state in LIVE), **ended}


def vetting_unit(town: str) -> UnionUnit:
    """The unit that vets enterprises of a town: the district above it; where there is none, the top of the tree.

    NoResultFound while the tree is empty: the portal is not set up yet.
    """
    here = db.session.scalar(select(UnionUnit).where(UnionUnit.town == town, UnionUnit.active).order_by(UnionUnit.path).limit(1))
    above = [int(part) for part in here.path.strip("/").split("/")] if here else []
    districts = select(UnionUnit).where(UnionUnit.level == "district", UnionUnit.active).order_by(UnionUnit.path).limit(1)
    found = db.session.scalar(districts.where(UnionUnit.id.in_(above))) if above else None
    return found or db.session.scalar(districts) or db.session.scalars(select(UnionUnit).where(UnionUnit.parent_id.is_(None)).limit(1)).one()
