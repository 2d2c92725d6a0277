"""What we ask of wishes and packs, each question within what the asker may see."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import joinedload

from portal.accounts.queries import units_under
from portal.database import db
from portal.journal import Actor
from portal.wishes.delivery_models import Delivery, SignOff
from portal.wishes.models import Campaign, Claim, PackItem, Posting

Row = TypeVar("Row")
# The campaign's days are Chinese calendar days, wherever the server's clock stands.
ZONE = ZoneInfo("Asia/Shanghai")


def local_day(now: datetime) -> date:
    """The calendar day in China at a moment."""
    return now.astimezone(ZONE).date()


def form_key(idem: str | None, by: Actor, about: str) -> str | None:
    """The key of one form for what it asks: of one length whatever was sent, and nobody else's, nor of another thing. None without a key."""
    return hashlib.sha256(f"{by.id}:{about}:{idem}".encode()).hexdigest() if idem else None


def by_idem(model: type[Row], idem: str | None) -> Row | None:
    """The row that an earlier copy of the same form made (its form_key), or None."""
    return db.session.scalar(select(model).where(model.idem == idem)) if idem else None  # type: ignore[attr-defined, arg-type]


def current_campaign() -> Campaign | None:
    """The campaign that the hall shows."""
    return db.session.scalar(select(Campaign).where(Campaign.current).order_by(Campaign.id.desc()).limit(1))


def campaign_by_code(code: str) -> Campaign | None:
    """A campaign by its code, or None."""
    return db.session.scalar(select(Campaign).where(Campaign.code == code))


# -- postings -----------------------------------------------------------------------------------------------------------------------


def posting_for_staff(by: Actor, code: str) -> Posting | None:
    """A posting of the actor's subtree, or None."""
    return db.session.scalar(
        select(Posting)
        .where(Posting.code == code, Posting.unit_id.in_(units_under(by)))
        .options(joinedload(Posting.campaign), joinedload(Posting.unit), joinedload(Posting.household))
    )


def posting_for_claimant(by: Actor, code: str) -> Posting | None:
    """A posting that has been published and not taken back, or that the actor's enterprise has a claim of; else None."""
    mine = select(Claim.posting_id).where(Claim.enterprise_id == by.enterprise_id) if by.enterprise_id else None
    shown = and_(Posting.published_at.is_not(None), Posting.state.in_(("open", "closed", "expired")))
    return db.session.scalar(
        select(Posting)
        .where(Posting.code == code, shown if mine is None else or_(shown, Posting.id.in_(mine)))
        .options(joinedload(Posting.campaign), joinedload(Posting.unit))
    )


# -- claims -------------------------------------------------------------------------------------------------------------------------


def claim_of(by: Actor, code: str) -> Claim | None:
    """A claim of the actor's own enterprise, or None."""
    return db.session.scalar(
        select(Claim).where(Claim.code == code, Claim.enterprise_id == by.enterprise_id).options(joinedload(Claim.posting).joinedload(Posting.unit))
    )


def claim_for_staff(by: Actor, code: str) -> Claim | None:
    """A claim of a posting in the actor's subtree, or None."""
    return db.session.scalar(
        select(Claim)
        .join(Posting, Posting.id == Claim.posting_id)
        .where(Claim.code == code, Posting.unit_id.in_(units_under(by)))
        .options(joinedload(Claim.posting), joinedload(Claim.enterprise))
    )


def holding_claim(posting: Posting) -> Claim | None:
    """The live or fulfilled claim of a wish, or None."""
    return db.session.scalar(
        select(Claim).where(Claim.posting_id == posting.id, Claim.state.in_(("active", "ready", "handed_over", "fulfilled"))).limit(1)
    )


# -- deliveries ---------------------------------------------------------------------------------------------------------------------


def delivery_for_staff(by: Actor, code: str) -> Delivery | None:
    """A delivery of the actor's subtree, with its household and sign-off, or None."""
    return db.session.scalar(
        select(Delivery)
        .where(Delivery.code == code, Delivery.unit_id.in_(units_under(by)))
        .options(
            joinedload(Delivery.household), joinedload(Delivery.posting), joinedload(Delivery.claim).joinedload(Claim.enterprise),
            joinedload(Delivery.sign_off).selectinload(SignOff.photos),
        )
    )  # fmt: skip


def received_batch(by: Actor, batch: str) -> list[Delivery]:
    """Every delivery in the actor's subtree that brought a pack with food of this batch (food recall): one query."""
    lots = select(PackItem.posting_id).where(PackItem.batch == batch)
    query = (
        select(Delivery)
        .where(Delivery.posting_id.in_(lots), Delivery.state.in_(("delivered", "signed", "confirmed")), Delivery.unit_id.in_(units_under(by)))
        .options(joinedload(Delivery.household), joinedload(Delivery.posting))
        .order_by(Delivery.id)
    )
    return list(db.session.scalars(query))
