"""What an administrator asks of campaigns, within the own subtree."""

from __future__ import annotations

from sqlalchemy import select

from portal.accounts.queries import units_under
from portal.database import db
from portal.journal import Actor
from portal.wishes.models import Campaign


def all_within(by: Actor) -> list[Campaign]:
    """The campaigns of the actor's subtree, the latest first."""
    query = select(Campaign).where(Campaign.unit_id.in_(units_under(by)))
    return list(db.session.scalars(query.order_by(Campaign.opens_on.desc(), Campaign.id.desc())))


def campaign_for_admin(by: Actor, code: str) -> Campaign | None:
    """A campaign of the actor's subtree, or None."""
    return db.session.scalar(select(Campaign).where(Campaign.code == code, Campaign.unit_id.in_(units_under(by))))
