"""What the review page asks: the queue with its filters, the neighbours of a row, and one posting with what was found in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, String, and_, cast, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.accounts.models import Account, UnionUnit
from portal.accounts.queries import units_under
from portal.database import db
from portal.households.models import Household
from portal.journal import Actor
from portal.wishes import privacy
from portal.wishes.categories import CATEGORIES
from portal.wishes.models import Posting, Recipient
from portal.wishes.operations.checking import automatic_checks, findings
from portal.wishes.queries import local_day

PER_PAGE = 50
CHECKS = ("clean", "flagged")


@dataclass(frozen=True)
class Filter:
    """What the queue is narrowed to; empty means all. ``unit`` is a unit's code, ``check`` one of CHECKS."""

    unit: str = ""
    category: str = ""
    check: str = ""

    def args(self) -> dict[str, str]:
        """The filter as query arguments, without the empty ones."""
        return {name: value for name, value in vars(self).items() if value}


class Segment(NamedTuple):
    """A piece of a text; ``kind`` and ``advice`` when the privacy check marked it."""

    text: str
    kind: str = ""
    advice: str = ""


def _scope(by: Actor, chosen: Filter) -> Select[Posting]:
    """The submitted postings of the actor's subtree that the filter leaves."""
    query = select(Posting).where(Posting.state == "submitted", Posting.unit_id.in_(units_under(by)))
    if chosen.unit:
        query = query.where(Posting.unit_id == select(UnionUnit.id).where(UnionUnit.code == chosen.unit).scalar_subquery())
    if chosen.category:
        query = query.where(Posting.category == chosen.category)
    if chosen.check:
        clean = cast(Posting.checks, String) == "[]"
        query = query.where(clean if chosen.check == "clean" else ~clean)
    return query


def _beyond(at: datetime | None, row_id: int, forward: bool) -> Any:
    """The rows after (or before) a place in the queue, which is ordered by the moment of submission."""
    if forward:
        return or_(Posting.submitted_at > at, and_(Posting.submitted_at == at, Posting.id > row_id))
    return or_(Posting.submitted_at < at, and_(Posting.submitted_at == at, Posting.id < row_id))


def queue(by: Actor, chosen: Filter, today: date, after: Posting | None = None) -> list[dict[str, Any]]:
    """One page of the queue, longest waiting first, and one row more when there is a next page."""
    query = _scope(by, chosen).options(joinedload(Posting.unit)).order_by(Posting.submitted_at, Posting.id).limit(PER_PAGE + 1)
    if after is not None:
        query = query.where(_beyond(after.submitted_at, after.id, True))
    return [_row(posting, by, today) for posting in db.session.scalars(query)]


def _row(posting: Posting, by: Actor, today: date) -> dict[str, Any]:
    category = CATEGORIES.get(posting.category)
    return {
        "code": posting.code, "title": posting.title, "category": category.label if category else "", "unit": posting.unit.short_name,
        "value_fen": posting.value_fen, "quantity": posting.quantity, "kind": posting.kind, "checks": posting.checks,
        "waited": days_since(posting.submitted_at, today), "mine": posting.posted_by == by.id,
    }  # fmt: skip


def days_since(moment: datetime | None, today: date) -> int:
    """Whole calendar days in China between a moment and today."""
    return (today - local_day(moment)).days if moment else 0


def waiting(by: Actor, chosen: Filter | None = None) -> tuple[int, datetime | None]:
    """How many wait for review, and since when the oldest."""
    inner = _scope(by, chosen or Filter()).with_only_columns(Posting.submitted_at).subquery()
    count, oldest = db.session.execute(select(func.count(), func.min(inner.c.submitted_at)).select_from(inner)).one()
    return count, oldest


def units_waiting(by: Actor) -> list[tuple[str, str]]:
    """(code, short name) of the units of the subtree that have something in the queue."""
    query = select(UnionUnit.code, UnionUnit.short_name).where(UnionUnit.id.in_(_scope(by, Filter()).with_only_columns(Posting.unit_id).distinct()))
    return [(code, name) for code, name in db.session.execute(query.order_by(UnionUnit.path))]


def neighbours(by: Actor, chosen: Filter, posting: Posting) -> tuple[str | None, str | None]:
    """Codes of the rows before and after a posting in the queue, as the filter leaves it."""
    ask = _scope(by, chosen).with_only_columns(Posting.code).limit(1)
    before = ask.where(_beyond(posting.submitted_at, posting.id, False)).order_by(Posting.submitted_at.desc(), Posting.id.desc())
    after = ask.where(_beyond(posting.submitted_at, posting.id, True)).order_by(Posting.submitted_at, Posting.id)
    return db.session.scalar(before), db.session.scalar(after)


def posting_to_review(by: Actor, code: str) -> Posting | None:
    """A posting of the actor's subtree in any state, with all that the checks read; or None."""
    return db.session.scalar(
        select(Posting)
        .where(Posting.code == code, Posting.unit_id.in_(units_under(by)), Posting.state != "draft")
        .options(
            joinedload(Posting.campaign), joinedload(Posting.unit), selectinload(Posting.items),
            joinedload(Posting.household).selectinload(Household.members),
        )
    )  # fmt: skip


# -- one posting ----------------------------------------------------------------------------------------------------------------------


def marked(household: Household | None, text: str) -> list[Segment]:
    """A public text cut where the privacy check marks it."""
    pieces, place = [], 0
    for finding in findings(household, text):
        if finding.start > place:
            pieces.append(Segment(text[place : finding.start]))
        pieces.append(Segment(text[finding.start : finding.end], finding.kind, str(finding.advice)))
        place = finding.end
    return [*pieces, Segment(text[place:])] if text[place:] else pieces


def suggestion(posting: Posting) -> str:
    """A neutral public text in place of a marked one; the text itself when nothing is marked or nothing neutral is left."""
    return privacy.suggest(posting.public_text, findings(posting.household, posting.public_text)) or posting.public_text


def opened(posting: Posting, by: Actor, today: date) -> dict[str, Any]:
    """What a reviewer sees of one posting: its texts marked, the facts, the checks made anew today, and who wrote and decided."""
    checks = automatic_checks(posting, today)
    people = _names(posting.posted_by, posting.reviewed_by)
    texts = {name: marked(posting.household, getattr(posting, name)) for name in ("title", "spec", "public_text")}
    return {
        "posting": posting, "texts": texts, "checks": checks, "category": CATEGORIES.get(posting.category),
        "advice": list(dict.fromkeys(piece.advice for pieces in texts.values() for piece in pieces if piece.advice)),
        "passed": _passed(posting, checks), "poster": people.get(posting.posted_by, ""), "reviewer": people.get(posting.reviewed_by or 0, ""),
        "mine": posting.posted_by == by.id, "wishes": _other_wishes(posting), "packs": _packs(posting),
        "marked": any(piece.kind for piece in texts["public_text"]), "waited": days_since(posting.submitted_at, today),
        "filed": posting.household is None or _may_be_helped(posting.household, today),
    }  # fmt: skip


def _names(*ids: int | None) -> dict[int, str]:
    query = select(Account.id, Account.name).where(Account.id.in_([found for found in ids if found]))
    return {account_id: name for account_id, name in db.session.execute(query)}


def _passed(posting: Posting, checks: list[str]) -> list[str]:
    """The checks that found nothing, for the list in words: text, price, and for a wish visit and alone."""
    private = any(check.startswith("privacy_") for check in checks)
    wanted = ["over_ceiling", *(("visit_old", "second_wish") if posting.household is not None else ())]
    return ([] if private else ["privacy"]) + [name for name in wanted if name not in checks]


def _may_be_helped(household: Household, today: date) -> bool:
    """Rule 1, 先建档、后帮扶, as it stands today."""
    late = household.state == "emergency" and household.emergency_due is not None and household.emergency_due < today
    return household.state != "closed" and not late


def _other_wishes(posting: Posting) -> int:
    """How many other wishes of this household the campaign has."""
    if posting.household_id is None:
        return 0
    query = select(func.count()).where(
        Posting.household_id == posting.household_id, Posting.campaign_id == posting.campaign_id, Posting.id != posting.id,
        Posting.state.in_(("submitted", "open", "closed")),
    )  # fmt: skip
    return db.session.scalar(query) or 0


def _packs(posting: Posting) -> int:
    """How many packs of the campaign this household is named for."""
    if posting.household_id is None:
        return 0
    lots = select(Posting.id).where(Posting.campaign_id == posting.campaign_id, Posting.kind == "pack")
    query = select(func.count()).where(Recipient.household_id == posting.household_id, Recipient.posting_id.in_(lots))
    return db.session.scalar(query) or 0
