"""At the door: what a real-name sign-off must be (实名制签收), checked before anything is written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.accounts.models import SignInTry
from portal.database import db, utcnow
from portal.households.models import Household
from portal.journal import Actor, housekeeping
from portal.refusal import Refused
from portal.wishes.delivery_models import RELATIONS, Delivery
from portal.wishes.pictures import Picture
from portal.wishes.signature import check_strokes

MOST_PHOTOS = 6
TAIL_TRIES, TAIL_WAIT = 6, timedelta(hours=1)


@dataclass(frozen=True)
class Facts:
    """What was seen at the door. ``id_tail`` are the four digits that the person said; ``strokes`` is JSON of relative points.

    ``despite_id`` records the sign-off although the digits differ: it then waits for a confirmation one by one.
    """

    signer: str
    id_tail: str
    goods_complete: bool
    place: str
    witness: str
    proxy_name: str = ""
    proxy_relation: str = ""
    proxy_reason: str = ""
    strokes: str = ""
    photos: tuple[tuple[str, Picture], ...] = ()
    despite_id: bool = False


def _bare(name: str | None) -> str:
    """A name as it is compared: full-width letters, spaces and middle dots make no other person."""
    return re.sub(r"[\s·・•.]", "", unicodedata.normalize("NFKC", name or "")).casefold()


def id_tail_matches(household: Household, tail: str) -> bool:
    """Whether four characters are the end of the ID number on file. Refused("id_tail") when they are no such thing."""
    wanted = unicodedata.normalize("NFKC", tail).strip().upper()
    if not re.fullmatch(r"[0-9]{3}[0-9X]", wanted):
        raise Refused("id_tail", "id_tail")
    return (household.id_no or "")[-4:].upper() == wanted


def _check_proxy(delivery: Delivery, facts: Facts, by: Actor) -> None:
    """A proxy is named, related, has a reason, and is neither the person nor the deliverer (经办人不能代收)."""
    if not facts.proxy_name or not facts.proxy_reason or facts.proxy_relation not in RELATIONS:
        missing = [name for name in ("proxy_name", "proxy_relation", "proxy_reason") if not getattr(facts, name)]
        raise Refused("proxy_incomplete", (missing or ["proxy_relation"])[0])
    if _bare(facts.proxy_name) == _bare(by.name):
        raise Refused("proxy_is_staff", "proxy_name")
    if _bare(facts.proxy_name) == _bare(delivery.household.name):
        raise Refused("proxy_is_person", "proxy_name")


def _check_witness(delivery: Delivery, facts: Facts, by: Actor) -> None:
    """A witness is somebody else than the deliverer and than the one who signs."""
    if not _bare(facts.witness) or _bare(facts.witness) == _bare(by.name):
        raise Refused("witness_is_deliverer", "witness")
    if _bare(facts.witness) == _bare(facts.proxy_name if facts.signer == "proxy" else delivery.household.name):
        raise Refused("witness_is_signer", "witness")


def _check_id(delivery: Delivery, facts: Facts) -> None:
    if not id_tail_matches(delivery.household, facts.id_tail) and not facts.despite_id:
        raise Refused("id_differs", "id_tail")


def _check_evidence(facts: Facts) -> None:
    """A drawn signature, or a photo of the paper slip; not more photos than a person looks at."""
    if facts.strokes:
        check_strokes(facts.strokes)
    elif not any(kind == "slip" for kind, _picture in facts.photos):
        raise Refused("slip_missing", "strokes")
    if len(facts.photos) > MOST_PHOTOS:
        raise Refused("photo_many", "photos", most=MOST_PHOTOS)


def problems(delivery: Delivery, facts: Facts, by: Actor) -> list[Refused]:
    """Everything that makes these facts no sign-off, in the order of the form; empty when they are one."""
    found: list[Refused] = []
    if not facts.goods_complete:
        found.append(Refused("goods_incomplete", "goods_complete"))
    checks = [lambda: _check_id(delivery, facts), lambda: _check_evidence(facts), lambda: _check_witness(delivery, facts, by)]
    if facts.signer == "proxy":
        checks.insert(0, lambda: _check_proxy(delivery, facts, by))
    for check in checks:
        try:
            check()
        except Refused as refused:
            found.append(refused)
    return found


def try_tail(delivery: Delivery, tail: str, now: datetime | None = None) -> bool | None:
    """Compare four digits while the form is being filled in; None when this delivery has had six wrong tries within the hour.

    The digits are then compared at submit only, where each try is a whole form: nobody finds a number by typing through them here.
    """
    now = now or utcnow()
    key = f"tail:{delivery.code}"
    row = db.session.get(SignInTry, key, populate_existing=True)
    if row is not None and row.tries >= TAIL_TRIES and now - row.since < TAIL_WAIT:
        return None
    if id_tail_matches(delivery.household, tail):
        return True
    with housekeeping() as tx:
        tried = tx.session.get(SignInTry, key, populate_existing=True, with_for_update=True)
        if tried is None:
            tx.session.add(SignInTry(key=key, tries=1, since=now))
        elif now - tried.since >= TAIL_WAIT:
            tried.tries, tried.since = 1, now
        else:
            tried.tries += 1
    return False
