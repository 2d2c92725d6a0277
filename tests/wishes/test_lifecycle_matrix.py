"""Every posting, claim and delivery × every state × every step × everybody: allowed exactly where the table, the permissions and rule 6 say.

The states are made by the real operations. What should happen is read off ``lifecycle.STEPS``, ``policy.PERMISSIONS`` and who has played
which part; what does happen is found by asking the scoped query, the permission and the operation, as a page does.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import policy
from portal.database import db, utcnow
from portal.journal import SYSTEM, Actor, Event
from portal.refusal import Refused
from portal.wishes import lifecycle, queries
from portal.wishes.delivery_models import Delivery
from portal.wishes.lifecycle import CLAIM_STATES, DELIVERY_STATES, POSTING_STATES, STEPS
from portal.wishes.models import Claim, Posting
from portal.wishes.operations import claiming, clock, covering, delivering
from portal.wishes.operations import posting as posting_operations
from tests.cast import Cast

PEOPLE = ("lin", "chen", "he", "zhou", "li", "gu", "admin", "zhao", "sun", "wu")
STATES = {"posting": POSTING_STATES, "claim": CLAIM_STATES, "delivery": DELIVERY_STATES}
NO_THING_YET = {"posting.create", "claim.claim", "claim.cover", "claim.wait"}
"""Steps that begin a thing: they have no source state; tests/wishes/test_claim_rules.py holds their rules."""
WITHIN_ANOTHER = {"claim.promote"}
"""Promotion happens inside the act that frees the units, and is told by that act's event."""
CASES = [
    (step, state) for step in STEPS if step.event not in NO_THING_YET | WITHIN_ANOTHER and step.permission != "system" for state in STATES[step.thing]
]
SAMPLE = int(os.environ.get("PORTAL_MATRIX_SAMPLE", "5"))
"""PostgreSQL is asked every so many cases; SQLite all of them."""


# -- how each state is made ---------------------------------------------------------------------------------------------------------


def make_posting(cast: Cast, state: str, step: str) -> Posting:
    """A lot (it can have recipients named); lin posts it, zhou reviews it."""
    now = utcnow()
    if state == "closed":
        lot = cast.lot(1)
        posting_operations.name_recipients(lot, [cast.household()], by=cast.lin)
        cast.delivery(lot, state="confirmed")
        return lot
    if state == "expired":
        lot = cast.lot(3, latest_day=cast.today + timedelta(days=1))
        clock.sweep(now + timedelta(days=3))
        return lot
    lot = cast.lot(3, "draft" if state in ("draft", "withdrawn") else "submitted" if state in ("submitted", "returned") else "open")
    if state == "returned":
        posting_operations.send_back(lot, "text", by=cast.zhou)
    if state == "withdrawn":
        posting_operations.withdraw(lot, by=cast.lin)
    if step == "unname":
        _named(cast, lot)
    return lot


def _named(cast: Cast, lot: Posting) -> None:
    if lot.state in lifecycle.find("posting", "name").sources:
        posting_operations.name_recipients(lot, [cast.household()], by=cast.lin)


def make_claim(cast: Cast, state: str, _step: str) -> Claim:
    """A claim of a wish by zhao, taken over by chen."""
    wish = cast.wish()
    if state == "waiting":
        cast.claim(wish, by="sun")
        return claiming.wait(wish, 1, by=cast.zhao)
    if state == "fulfilled":
        return cast.delivery(wish, state="confirmed").claim
    row = cast.claim(wish, state=state if state in ("ready", "handed_over") else "active")
    if state in ("released", "lapsed", "revoked"):
        end = {"released": claiming.release, "revoked": claiming.revoke}.get(state)
        end(row, "原因", by=cast.zhao) if end else claiming.lapse(row)
    return row


def make_delivery(cast: Cast, state: str, _step: str) -> Delivery:
    """A delivery of a wish; where it is signed, chen has delivered it; where confirmed, li has confirmed it."""
    row = cast.delivery(state=state if state in ("signed", "confirmed") else "planned")
    if state == "delivered":
        delivering.deliver(row, by=cast.chen)
    if state == "failed":
        delivering.miss(row, "not_home", cast.today, by=cast.chen)
    if state == "reversed":
        delivering.sign(row, cast.facts(row), by=cast.chen)
        delivering.reverse(row, "签错人", by=cast.li)
    return row


MAKE: dict[str, Callable[[Cast, str, str], Any]] = {"posting": make_posting, "claim": make_claim, "delivery": make_delivery}


def _unname(cast: Cast, lot: Posting, by: Actor) -> None:
    named = db.session.scalars(select(posting_operations.Recipient).where(posting_operations.Recipient.posting_id == lot.id)).first()
    posting_operations.unname_recipient(lot, named.household if named else cast.household(), by=by)


OPERATIONS: dict[str, Callable[[Cast, Any, Actor], object]] = {
    "posting.amend": lambda cast, row, by: posting_operations.amend(row, cast.draft(title="米面油组合", category="pack", quantity=3), by=by),
    "posting.submit": lambda cast, row, by: posting_operations.submit(row, by=by),
    "posting.approve": lambda cast, row, by: posting_operations.approve(row, by=by),
    "posting.return": lambda cast, row, by: posting_operations.send_back(row, "text", by=by),
    "posting.withdraw": lambda cast, row, by: posting_operations.withdraw(row, by=by),
    "posting.name": lambda cast, row, by: posting_operations.name_recipients(row, [cast.household()], by=by),
    "posting.unname": _unname,
    "claim.ready": lambda cast, row, by: claiming.ready(row, by=by),
    "claim.hand_over": lambda cast, row, by: delivering.hand_over(row, by=by),
    "claim.refuse_goods": lambda cast, row, by: delivering.refuse_goods(row, "包装破损", by=by),
    "claim.release": lambda cast, row, by: claiming.release(row, "备不齐", by=by),
    "claim.revoke": lambda cast, row, by: claiming.revoke(row, "联系不上", by=by),
    "delivery.deliver": lambda cast, row, by: delivering.deliver(row, by=by),
    "delivery.fail": lambda cast, row, by: delivering.miss(row, "not_home", cast.today, by=by),
    "delivery.sign": lambda cast, row, by: delivering.sign(row, cast.facts(row), by=by),
    "delivery.confirm": lambda cast, row, by: delivering.confirm(row, by=by),
    "delivery.reverse": lambda cast, row, by: delivering.reverse(row, "签错人", by=by),
}


# -- what should happen, read off the tables ----------------------------------------------------------------------------------------


def expected(cast: Cast, step: lifecycle.Step, state: str, row: Any, by: Actor) -> str:
    """ "forbidden", "hidden", a refusal's code, or "done"."""
    if not policy.PERMISSIONS[step.permission] & by.roles:
        return "forbidden"
    if not _reaches(cast, row, by):
        return "hidden"
    if state not in step.sources:
        return "in_flight" if (step.name, state) == ("release", "handed_over") else "stale_step"
    return "same_person" if by.id in [_parts(cast, row)[part] for part in step.not_by] else "done"


def _reaches(cast: Cast, row: Any, by: Actor) -> bool:
    if by.enterprise_id:
        return isinstance(row, Claim) and row.enterprise_id == by.enterprise_id
    return cast.units["luqiao"].path.startswith(by.unit_path)


def _parts(cast: Cast, row: Any) -> dict[str, int | None]:
    """Who has played which part, as the makers above have cast them."""
    signed = isinstance(row, Delivery) and row.state in ("signed", "confirmed", "reversed")
    return {"poster": cast.lin.id, "reviewer": cast.zhou.id, "inspector": cast.chen.id, "deliverer": cast.chen.id if signed else None}


# -- what does happen ---------------------------------------------------------------------------------------------------------------


def found(cast: Cast, step: lifecycle.Step, row: Any, by: Actor) -> str:
    """The same answers, from the permission table's function, the scoped query and the operation."""
    if not policy.allowed(step.permission, by.roles, True):
        return "forbidden"
    if _scoped(by, row) is None:
        return "hidden"
    try:
        OPERATIONS[step.event](cast, row, by)
    except Refused as refused:
        return refused.code
    return "done"


def _scoped(by: Actor, row: Any) -> Any:
    if isinstance(row, Posting):
        return queries.posting_for_staff(by, row.code)
    if isinstance(row, Claim):
        return queries.claim_of(by, row.code) if by.enterprise_id else queries.claim_for_staff(by, row.code)
    return queries.delivery_for_staff(by, row.code)


@dataclass
class Print:
    """What a refused step must leave as it was."""

    events: int
    state: str

    @classmethod
    def of(cls, row: Any) -> Print:
        db.session.expire_all()
        return cls(db.session.scalar(select(func.count()).select_from(Event)) or 0, row.state)


def _try(cast: Cast, step: lifecycle.Step, state: str, people: list[str]) -> None:
    """Everybody who is refused tries on one thing, which must stay as it was; everybody who may gets one of their own."""
    refused_by = make(cast, step, state)
    for person in people:
        by = cast.actors[person]
        wanted = expected(cast, step, state, refused_by, by)
        row = make(cast, step, state) if wanted == "done" else refused_by
        before = Print.of(row)
        assert found(cast, step, row, by) == wanted, person
        after = Print.of(row)
        if wanted != "done":
            assert after == before, person
            continue
        last = db.session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one()
        assert (after.events - before.events, last.action, last.actor_id, last.thing_code) == (1, step.event, by.id, row.code), person
        assert after.state == (step.target or state), person


def make(cast: Cast, step: lifecycle.Step, state: str) -> Any:
    """The thing in the state, by the maker of its kind."""
    row = MAKE[step.thing](cast, state, step.name)
    assert row.state == state
    return row


@pytest.mark.parametrize("thing", ["posting", "claim", "delivery"])
def test_every_step_from_every_state_by_everybody(cast: Cast, engine: str, thing: str):
    for enterprise in cast.enterprises.values():
        enterprise.quota = 100_000
    db.session.commit()
    cases = [case for case in CASES if case[0].thing == thing]
    wrong = []
    for step, state in cases if engine == "sqlite" else cases[::SAMPLE]:
        try:
            _try(cast, step, state, list(PEOPLE))
        except AssertionError as problem:
            wrong.append(f"{step.event} from {state} by {str(problem).splitlines()[0]}")
        db.session.rollback()
    assert cases
    assert not wrong


def test_parts_are_more_than_one_person(cast: Cast):
    """A clerk who is also a reviewer may do everything by role; rule 6 alone stops them."""
    both = Actor(cast.chen.id, cast.chen.name, frozenset({"clerk", "reviewer"}), cast.chen.unit_id, cast.chen.unit_path)
    delivery = cast.delivery(state="signed")
    for step in ("confirm", "reverse"):
        with pytest.raises(Refused) as refused:
            OPERATIONS[f"delivery.{step}"](cast, delivery, both)
        assert refused.value.code == "same_person"
    poster = Actor(cast.lin.id, cast.lin.name, frozenset({"clerk", "reviewer"}), cast.lin.unit_id, cast.lin.unit_path)
    for step, state in (("approve", "submitted"), ("return", "open")):
        with pytest.raises(Refused) as refused:
            OPERATIONS[f"posting.{step}"](cast, cast.lot(2, state), poster)
        assert refused.value.code == "same_person"
    for person in (poster, Actor(cast.zhou.id, "周立", frozenset({"clerk", "reviewer"}), cast.zhou.unit_id, cast.zhou.unit_path)):
        with pytest.raises(Refused) as refused:
            OPERATIONS["delivery.sign"](cast, cast.delivery(), person)
        assert refused.value.code == "same_person"
        with pytest.raises(Refused) as refused:
            OPERATIONS["delivery.confirm"](cast, cast.delivery(state="signed"), person)
        assert refused.value.code == "same_person"


def test_who_must_be_somebody_else_is_as_the_union_wants_it():
    """Rule 6, said once more apart from the table, so that the table cannot forget it."""
    assert {step.event: set(step.not_by) for step in STEPS if step.not_by} == {
        "posting.approve": {"poster"},
        "posting.return": {"poster"},
        "delivery.sign": {"poster", "reviewer"},
        "delivery.confirm": {"poster", "reviewer", "inspector", "deliverer"},
        "delivery.reverse": {"deliverer"},
    }


# -- the table is whole -------------------------------------------------------------------------------------------------------------

NO_STEPS = {"posting.import"}
"""Acts on a campaign's postings that move none of them from state to state."""
SOURCES = (*sorted((Path(lifecycle.__file__).parent / "operations").glob("*.py")), Path(lifecycle.__file__).parent / "importing.py")


def _events_written() -> set[str]:
    """The names of events in the operations' source; ``posting.{step}`` stands for whatever its callers pass as ``step``."""
    found: set[str] = set()
    for file in SOURCES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        passed = {
            argument.value
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("_leave", "_end")
            for argument in call.args[1:2]
            if isinstance(argument, ast.Constant)
        }
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "event":
                name = call.args[0]
                if isinstance(name, ast.Constant):
                    found.add(name.value)
                elif isinstance(name, ast.JoinedStr) and isinstance(name.values[0], ast.Constant):
                    found |= {f"{name.values[0].value}{word}" for word in passed}
    return {name for name in found if name.partition(".")[0] in STATES}


def test_every_event_of_an_operation_is_in_the_table_and_the_other_way_round():
    assert _events_written() - NO_STEPS == {step.event for step in STEPS} - WITHIN_ANOTHER


def test_the_table_speaks_of_known_states_permissions_and_parts():
    for step in STEPS:
        states = {*STATES[step.thing], ""}
        assert {*step.sources, step.target} <= states, step
        assert step.permission == "system" or step.permission in policy.PERMISSIONS, step
        assert {*step.not_by} <= {"poster", "reviewer", "inspector", "deliverer"}, step
    assert len({step.event for step in STEPS}) == len(STEPS)
    reached = {thing: {step.target for step in STEPS if step.thing == thing} for thing in STATES}
    assert set(POSTING_STATES) - reached["posting"] == {"closed"}, "closed is what the last confirmation makes of a posting"
    assert set(CLAIM_STATES) - reached["claim"] == {"fulfilled"}, "fulfilled is what the last confirmation makes of a claim"
    assert set(DELIVERY_STATES) - reached["delivery"] == {"planned"}, "planned is how a delivery begins"


def test_nobody_presses_what_the_system_does(cast: Cast):
    for step in STEPS:
        if step.permission == "system":
            assert step.event in {"posting.expire", "claim.promote", "claim.lapse", "claim.dismiss"}
    row = cast.claim(cast.wish())
    claiming.lapse(row)
    assert db.session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one().actor_id is SYSTEM.id


def test_a_cover_is_the_unions_own(cast: Cast):
    row = covering.cover(cast.wish(), 1, by=cast.li)
    assert (row.unit_id, row.enterprise_id, row.state) == (cast.li.unit_id, None, "active")
    assert all(queries.claim_of(cast.actors[name], row.code) is None for name in ("zhao", "sun", "wu"))


def test_every_permission_of_the_table_guards_a_page_that_changes_something(app: Flask):
    posts = {app.view_functions[rule.endpoint].permission for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert {step.permission for step in STEPS} - {"system"} <= posts
