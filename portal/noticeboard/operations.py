"""What people do with the public board: draft, recount, submit, publish by a second person, discard; errata of what is published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from portal.codes import new_code
from portal.database import utcnow
from portal.journal import Actor, Transaction, transaction
from portal.noticeboard import checks, queries
from portal.noticeboard.content import compose, seal
from portal.noticeboard.figures import Period
from portal.noticeboard.models import OPEN, Erratum, Publication
from portal.refusal import Refused
from portal.wishes.models import Campaign
from portal.wishes.queries import ZONE, by_idem, form_key, local_day


@dataclass(frozen=True)
class Plan:
    """What the drafter chooses: the title, the days (both included, Chinese calendar) and a remark."""

    title: str
    first: date
    last: date
    remark: str = ""


def _period(plan: Plan, now: datetime) -> tuple[datetime, datetime]:
    """[from, to) of the days. Refused("period_order", "period_future")."""
    if plan.first > plan.last:
        raise Refused("period_order", "last")
    if plan.last > local_day(now):
        raise Refused("period_future", "last")
    return datetime.combine(plan.first, time(), ZONE), datetime.combine(plan.last + timedelta(days=1), time(), ZONE)


def _composed(campaign: Campaign, plan: Plan, now: datetime) -> dict[str, Any]:
    start, end = _period(plan, now)
    content = compose(campaign, Period(start, end), now, queries.earlier_contents(campaign.id, start, end))
    return {"title": plan.title, "remark": plan.remark, "from_at": start, "to_at": end, "data_at": now, "content": content}


def draft(campaign: Campaign, plan: Plan, *, by: Actor, idem: str | None = None, now: datetime | None = None) -> Publication:
    """Begin an issue: the system counts and writes, the drafter chooses title and period. One at a time for each unit.

    Refused: draft_exists, period_order, period_future. The same ``idem`` again returns the first one.
    """
    now, idem = now or utcnow(), form_key(idem, by, campaign.code)
    if repeated := by_idem(Publication, idem):
        return repeated
    if queries.open_one([campaign.unit_id]):
        raise Refused("draft_exists")
    values = _composed(campaign, plan, now)
    try:
        with transaction() as tx:
            row = Publication(
                code=new_code("GS"), idem=idem, unit_id=campaign.unit_id, campaign_id=campaign.id, state="draft", drafted_by=by.id, drafted_at=now, **values
            )  # fmt: skip
            tx.session.add(row)
            tx.session.flush()
            tx.event("publication.draft", row, by=by, at=now)
    except IntegrityError:
        if repeated := by_idem(Publication, idem):
            return repeated
        raise Refused("draft_exists") from None
    return row


def _move(tx: Transaction, row: Publication, sources: tuple[str, ...], refusal: str, **values: Any) -> None:
    """One guarded UPDATE: the issue changes only while it is in one of ``sources``."""
    change = update(Publication).where(Publication.id == row.id, Publication.state.in_(sources)).values(**values).returning(Publication.id)
    moved = tx.session.scalar(change.execution_options(synchronize_session=False))
    tx.session.refresh(row)
    if moved is None:
        raise Refused(refusal, now=row.state)


def amend(row: Publication, plan: Plan, *, by: Actor, now: datetime | None = None) -> None:
    """Change title, period or remark of a draft and count anew. Refused: board_stale, period_order, period_future.

    Whoever wrote it last is its drafter, and somebody else publishes it.
    """
    now = now or utcnow()
    values = _composed(row.campaign, plan, now) | {"drafted_by": by.id}
    with transaction() as tx:
        _move(tx, row, ("draft",), "board_stale", **values)
        tx.event("publication.amend", row, by=by, at=now)


def look_over(row: Publication) -> list[checks.Problem]:
    """The checks of an issue as it stands, with the lists they need from the database."""
    earlier = queries.earlier_contents(row.campaign_id, row.from_at, row.to_at) if row.state in OPEN else []
    found = checks.problems(row.title, row.remark, row.content, towns=queries.towns(), earlier=earlier)
    if queries.no_longer_public([one["name"] for one in row.content["wall"]["names"]]):
        found.append(checks.Problem("private", "wall_consent"))
    return found


def refuse_problems(found: list[checks.Problem]) -> None:
    """Refused for the first kind of problem that forbids publishing."""
    for kind in ("private", "small", "shape"):
        where = [problem.where for problem in found if problem.kind == kind]
        if where:
            raise Refused(f"board_{kind}", where=where)


def submit(row: Publication, *, by: Actor, now: datetime | None = None) -> None:
    """Hand a draft to the second person. Refused: board_private, board_small, board_shape, board_step."""
    now = now or utcnow()
    if row.state != "draft":
        raise Refused("board_step", now=row.state)
    refuse_problems(look_over(row))
    with transaction() as tx:
        _move(tx, row, ("draft",), "board_step", state="submitted", submitted_at=now)
        tx.event("publication.submit", row, by=by, at=now)


def publish(row: Publication, *, by: Actor, now: datetime | None = None) -> None:
    """Publish and seal an issue, by somebody else than its drafter (rule 6). From now on it never changes.

    Refused: board_step, same_person, board_private, board_small, board_shape.
    """
    now = now or utcnow()
    if row.state != "submitted":
        raise Refused("board_step", now=row.state)
    if row.drafted_by == by.id:
        raise Refused("same_person", part="drafter")
    refuse_problems(look_over(row))
    year = local_day(now).year
    with transaction() as tx:
        last = select(func.max(Publication.number)).where(Publication.unit_id == row.unit_id, Publication.year == year)
        number = (tx.session.scalar(last) or 0) + 1
        _move(
            tx, row, ("submitted",), "board_step", state="published", year=year, number=number, published_by=by.id, published_at=now,
            sha256=seal(row, year, number),
        )  # fmt: skip
        tx.event("publication.publish", row, by=by, at=now, year=year, number=number, sha256=row.sha256)


def discard(row: Publication, *, by: Actor, now: datetime | None = None) -> None:
    """Give up an issue that is not published. Refused: board_step."""
    now = now or utcnow()
    with transaction() as tx:
        _move(tx, row, OPEN, "board_step", state="discarded")
        tx.event("publication.discard", row, by=by, at=now)


# -- errata -------------------------------------------------------------------------------------------------------------------------


def write_erratum(
    row: Publication, text: str, before: str = "", after: str = "", *, by: Actor, idem: str | None = None, now: datetime | None = None
) -> Erratum:
    """Write a correction of a published issue; it is shown when a second person publishes it. Refused: board_step, board_private, board_small."""
    now, idem = now or utcnow(), form_key(idem, by, row.code)
    if repeated := by_idem(Erratum, idem):
        return repeated
    if row.state != "published":
        raise Refused("board_step", now=row.state)
    refuse_problems([problem for one in (text, before, after) for problem in checks.text_problems("erratum", one)])
    with transaction() as tx:
        erratum = Erratum(
            code=new_code("KW"), idem=idem, publication_id=row.id, unit_id=row.unit_id, state="submitted", text=text, before=before, after=after,
            drafted_by=by.id, drafted_at=now,
        )  # fmt: skip
        tx.session.add(erratum)
        tx.session.flush()
        tx.event("erratum.draft", erratum, by=by, at=now, publication=row.code)
    return erratum


def publish_erratum(erratum: Erratum, *, by: Actor, now: datetime | None = None) -> None:
    """Show a correction on its issue's page, by somebody else than its writer. Refused: same_person, erratum_step."""
    if erratum.drafted_by == by.id:
        raise Refused("same_person", part="drafter")
    now = now or utcnow()
    _end_erratum(erratum, "publish", by, now, state="published", published_by=by.id, published_at=now)


def discard_erratum(erratum: Erratum, *, by: Actor, now: datetime | None = None) -> None:
    """Give up a correction that is not published. Refused: erratum_step."""
    _end_erratum(erratum, "discard", by, now or utcnow(), state="discarded")


def _end_erratum(erratum: Erratum, name: str, by: Actor, now: datetime, **values: Any) -> None:
    with transaction() as tx:
        change = update(Erratum).where(Erratum.id == erratum.id, Erratum.state == "submitted").values(**values).returning(Erratum.id)
        if tx.session.scalar(change.execution_options(synchronize_session=False)) is None:
            raise Refused("erratum_step")
        tx.session.refresh(erratum)
        tx.event(f"erratum.{name}", erratum, by=by, at=now, publication=erratum.publication.code)
