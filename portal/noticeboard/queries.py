"""What we ask of the public board: what everybody may read, and what staff of a unit may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import defer, joinedload, selectinload

from portal.accounts.models import UnionUnit
from portal.database import db
from portal.enterprises.models import Enterprise
from portal.journal import Actor
from portal.noticeboard.models import OPEN, Erratum, Publication
from portal.wishes.models import Campaign
from portal.wishes.queries import units_under

MOST = 200


def public_list() -> list[Publication]:
    """The published issues, newest first, without their content. One query."""
    query = select(Publication).where(Publication.state == "published").order_by(Publication.published_at.desc(), Publication.id.desc())
    return list(db.session.scalars(query.options(defer(Publication.content), joinedload(Publication.unit)).limit(MOST)))


def public_issue(code: str) -> Publication | None:
    """A published issue with its errata, or None."""
    return db.session.scalar(
        select(Publication)
        .where(Publication.code == code, Publication.state == "published")
        .options(joinedload(Publication.unit), selectinload(Publication.errata))
    )


def staff_list(by: Actor) -> list[Publication]:
    """All issues of the actor's subtree, newest first; discarded ones too."""
    query = select(Publication).where(Publication.unit_id.in_(units_under(by))).order_by(Publication.id.desc()).limit(MOST)
    return list(
        db.session.scalars(
            query.options(
                defer(Publication.content), joinedload(Publication.unit), joinedload(Publication.drafter), joinedload(Publication.publisher)
            )
        )
    )


def publication_for_staff(by: Actor, code: str) -> Publication | None:
    """An issue of the actor's subtree, or None."""
    return db.session.scalar(
        select(Publication)
        .where(Publication.code == code, Publication.unit_id.in_(units_under(by)))
        .options(joinedload(Publication.unit), joinedload(Publication.campaign), selectinload(Publication.errata))
    )


def erratum_for_staff(by: Actor, code: str) -> Erratum | None:
    """An erratum of the actor's subtree, or None."""
    return db.session.scalar(
        select(Erratum).where(Erratum.code == code, Erratum.unit_id.in_(units_under(by))).options(joinedload(Erratum.publication))
    )


def campaigns_for(by: Actor) -> list[Campaign]:
    """The campaigns whose tally the actor may publish, the current one first."""
    query = select(Campaign).where(Campaign.unit_id.in_(units_under(by))).order_by(Campaign.current.desc(), Campaign.id.desc())
    return list(db.session.scalars(query))


def open_one(unit_ids: Sequence[int]) -> dict[int, str]:
    """Code of the issue that is not finished yet, by unit."""
    query = select(Publication.unit_id, Publication.code).where(Publication.unit_id.in_(unit_ids), Publication.state.in_(OPEN))
    return {unit_id: code for unit_id, code in db.session.execute(query)}


def earlier_contents(campaign_id: int, from_at: datetime, to_at: datetime) -> list[dict[str, Any]]:
    """Contents of the published issues that one of this period can be subtracted from: those that begin or end at the same moment."""
    query = select(Publication.content).where(
        Publication.campaign_id == campaign_id, Publication.state == "published",
        (Publication.from_at == from_at) | (Publication.to_at == to_at),
    )  # fmt: skip
    return list(db.session.scalars(query.order_by(Publication.id)))


def towns() -> set[str]:
    """The places that may be named: those of the union units."""
    return set(db.session.scalars(select(UnionUnit.town).where(UnionUnit.town != "").distinct()))


def no_longer_public(names: Sequence[str]) -> set[str]:
    """Those of the names that no enterprise agrees to show any more."""
    agreed = select(Enterprise.short_name).where(Enterprise.short_name.in_(names), Enterprise.public_name)
    return set(names) - set(db.session.scalars(agreed))


def waiting(by: Actor) -> int:
    """Issues and errata that wait for this actor as the second person. One query."""
    mine = units_under(by)
    issues = select(func.count()).where(Publication.state == "submitted", Publication.unit_id.in_(mine), Publication.drafted_by != by.id)
    errata = select(func.count()).where(Erratum.state == "submitted", Erratum.unit_id.in_(mine), Erratum.drafted_by != by.id)
    return db.session.scalar(select(issues.scalar_subquery() + errata.scalar_subquery())) or 0
