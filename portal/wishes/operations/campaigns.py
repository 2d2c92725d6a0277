"""What an administrator does with campaigns: make one, change its days and parameters, choose the current one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import select, update

from portal.accounts.models import UnionUnit
from portal.accounts.queries import units_under
from portal.codes import new_code
from portal.journal import Actor, Transaction, transaction
from portal.refusal import Refused
from portal.wishes.models import Campaign, Posting


@dataclass(frozen=True)
class CampaignFacts:
    """What a campaign's form says; days count from the claim, money is fen. Refused: campaign_days, campaign_clock."""

    name: str
    opens_on: date
    claims_until: date
    ends_on: date
    ready_days: int = 5
    deliver_days: int = 10
    remind_days: int = 2
    quota: int = 80
    ceiling_fen: int = 100_000

    def __post_init__(self) -> None:
        if not self.opens_on <= self.claims_until <= self.ends_on:
            raise Refused("campaign_days", "claims_until")
        if not self.remind_days < self.ready_days <= self.deliver_days:
            raise Refused("campaign_clock", "ready_days")


def create_campaign(facts: CampaignFacts, *, by: Actor, now: datetime | None = None) -> Campaign:
    """A new campaign of the actor's unit; not the current one yet. Refused("campaign_taken") when the unit has one of this name and first day."""
    with transaction() as tx:
        tx.session.execute(select(UnionUnit.id).where(UnionUnit.id == by.unit_id).with_for_update())
        twin = select(Campaign.id).where(Campaign.unit_id == by.unit_id, Campaign.name == facts.name, Campaign.opens_on == facts.opens_on)
        if tx.session.scalar(twin.limit(1)):  # also the same form sent twice
            raise Refused("campaign_taken", "name")
        row = Campaign(code=new_code("HD"), unit_id=by.unit_id, current=False, **asdict(facts))
        tx.session.add(row)
        tx.session.flush()
        tx.event("campaign.create", row, by=by, at=now, ends_on=facts.ends_on.isoformat())
    return row


def change_campaign(row: Campaign, facts: CampaignFacts, *, by: Actor, now: datetime | None = None) -> None:
    """Change days and parameters: of the claims from now on, those that run keep the days they were promised with.

    Refused("campaign_live") when a posting that can still be claimed would end after the campaign.
    """
    with transaction() as tx:
        tx.hold(row)
        later = select(Posting.id).where(Posting.campaign_id == row.id, Posting.state == "open", Posting.latest_day > facts.ends_on)
        if tx.session.scalar(later.limit(1)):
            raise Refused("campaign_live", "ends_on")
        changed = {name: value for name, value in asdict(facts).items() if getattr(row, name) != value}
        was = {name: _plain(getattr(row, name)) for name in changed}
        for name, value in changed.items():
            setattr(row, name, value)
        tx.event("campaign.change", row, by=by, at=now, was=was, now={name: _plain(value) for name, value in changed.items()})


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def make_current(row: Campaign, *, by: Actor, now: datetime | None = None) -> None:
    """The hall shows this campaign from now on, and no other. Refused: campaign_current, campaign_above (another union's is running)."""
    with transaction() as tx:
        current = _lock_current(tx, row)
        if current == [row.id]:
            raise Refused("campaign_current")
        foreign = select(Campaign.id).where(Campaign.current, Campaign.id != row.id, Campaign.unit_id.not_in(units_under(by)))
        if tx.session.scalar(foreign.limit(1)):
            raise Refused("campaign_above")
        chosen = Campaign.id == row.id
        tx.session.execute(update(Campaign).where(Campaign.current | chosen).values(current=chosen).execution_options(synchronize_session=False))
        tx.session.expire_all()
        tx.event("campaign.make_current", row, by=by, at=now)


def _lock_current(tx: Transaction, row: Campaign) -> list[int]:
    """Ids of the current campaigns, held together with this one, so that two choices make one current campaign, not two."""
    tx.session.execute(select(Campaign.id).where(Campaign.current | (Campaign.id == row.id)).order_by(Campaign.id).with_for_update())
    return list(tx.session.scalars(select(Campaign.id).where(Campaign.current)))
