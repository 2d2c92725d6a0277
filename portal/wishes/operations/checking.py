"""What a machine can say of a posting before a person looks: what its words reveal, and what else wants a look."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select

from portal.database import db
from portal.households.models import Household, Member
from portal.wishes import privacy
from portal.wishes.models import Posting


def findings(household: Household | None, text: str) -> list[privacy.Finding]:
    """What in a public text would reveal this household, by the names, schools, employers and address of its file."""
    if household is None:
        return privacy.check(text)
    people: list[Household | Member] = [household, *household.members]
    return privacy.check(
        text,
        names=tuple(person.name for person in people if person.name),
        schools=tuple(member.school for member in household.members if member.school),
        employers=tuple(person.employer for person in people if person.employer),
        addresses=(household.address,) if household.address else (),
    )


def automatic_checks(posting: Posting, today: date) -> list[str]:
    """What a machine can say before a person looks: codes of ``wording.CHECKS``; an empty list is a clean posting."""
    found = [f"privacy_{finding.kind}" for finding in findings(posting.household, f"{posting.title}。{posting.spec}。{posting.public_text}")]
    if posting.value_fen > posting.campaign.ceiling_fen:
        found.append("over_ceiling")
    if posting.household is not None:
        visited = posting.household.visited_on
        if visited is None or (today - visited).days > 366:
            found.append("visit_old")
        others = db.session.scalar(
            select(func.count()).where(
                Posting.household_id == posting.household_id, Posting.campaign_id == posting.campaign_id, Posting.id != posting.id,
                Posting.state.in_(("submitted", "open", "closed")),
            )
        )  # fmt: skip
        if others:
            found.append("second_wish")
    return sorted(set(found))
