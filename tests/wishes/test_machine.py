"""Hypothesis plays the campaign in any order, with wrong people, wrong moments and time passing; after each step everything must still agree.

PORTAL_MACHINE_STEPS says how many steps are played on both engines together (10,000); with PORTAL_MACHINE_SHRINK=1 what is found is made short,
which takes minutes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select, text

from portal import policy
from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.journal import Actor, Event
from portal.refusal import Refused
from portal.wishes import lifecycle, shelf
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Claim, Posting
from portal.wishes.operations import claiming, clock, covering, delivering
from portal.wishes.operations import posting as posting_operations
from portal.wishes.queries import local_day
from tests.cast import Cast, make_cast
from tests.conftest import Stage

STEPS = int(os.environ.get("PORTAL_MACHINE_STEPS", "10000"))
LENGTH = 60
SHARE = {"sqlite": 0.7, "postgresql": 0.3}
"""Every step asks for everything again, and PostgreSQL takes longer to answer."""
STAFF = ("lin", "chen", "zhou", "li")
FIRMS = ("zhao", "sun", "wu")
REFUSALS = {
    "stale_step", "same_person", "in_flight", "live_claims", "frozen", "already_claimed", "pack_short", "pack_gone", "not_open", "too_late",
    "campaign_over", "own_employee", "not_approved", "suspended", "quota", "nothing_to_wait", "already_waiting", "already_yours",
    "recipient_twice", "too_many_recipients", "recipient_served", "past_day",
}  # fmt: skip

WRONG = """
select 'a wish with two live claims', count(*) from (
    select posting_id from claim where kind = 'wish' and state in ('active','ready','handed_over','fulfilled') group by posting_id having count(*) > 1) x
union all select 'claimed is not the sum of what is held', count(*) from posting p where p.claimed > p.quantity or p.claimed <>
    (select coalesce(sum(c.quantity), 0) from claim c where c.posting_id = p.id and c.state in ('active','ready','handed_over','fulfilled'))
union all select 'open claims are not those active and ready', count(*) from enterprise e where e.open_claims <>
    (select coalesce(sum(c.quantity), 0) from claim c where c.enterprise_id = e.id and c.state in ('active','ready'))
union all select 'fulfilled is not what was confirmed', count(*) from posting p where p.fulfilled <>
    (select count(*) from delivery d where d.posting_id = p.id and d.state = 'confirmed')
union all select 'a claim does not count what was confirmed', count(*) from claim c where
    c.delivered <> (select count(*) from delivery d where d.claim_id = c.id and d.state = 'confirmed')
    or (c.state = 'fulfilled') <> (c.delivered = c.quantity)
union all select 'closed is not all fulfilled', count(*) from posting p where (p.state = 'closed' and p.fulfilled < p.quantity)
    or (p.state = 'open' and p.fulfilled = p.quantity)
union all select 'signed without a sign-off, or the other way round', count(*) from delivery d where
    (d.state in ('signed', 'confirmed') and not exists (select 1 from sign_off s where s.delivery_id = d.id))
    or (d.state in ('planned', 'delivered', 'failed') and exists (select 1 from sign_off s where s.delivery_id = d.id))
union all select 'a delivery of goods that were never taken over', count(*) from delivery d join claim c on c.id = d.claim_id
    where c.state not in ('handed_over', 'fulfilled') or not exists (select 1 from inspection i where i.claim_id = c.id and i.accepted)
union all select 'more deliveries than units', count(*) from claim c where c.quantity <
    (select count(*) from delivery d where d.claim_id = c.id and d.state <> 'reversed')
union all select 'a household served twice', count(*) from (
    select posting_id from delivery where state <> 'reversed' group by posting_id, household_id having count(*) > 1) x
union all select 'the poster has reviewed', count(*) from posting p where p.posted_by = p.reviewed_by
union all select 'the poster or the reviewer has delivered', count(*) from sign_off s join delivery d on d.id = s.delivery_id
    join posting p on p.id = d.posting_id where s.deliverer_id in (p.posted_by, p.reviewed_by)
union all select 'somebody has confirmed their own part', count(*) from delivery d join posting p on p.id = d.posting_id join claim c on c.id = d.claim_id
    join sign_off s on s.delivery_id = d.id where d.confirmed_by in (p.posted_by, p.reviewed_by, c.inspected_by, s.deliverer_id)
union all select 'an own employee is served', count(*) from delivery d join claim c on c.id = d.claim_id join enterprise e on e.id = c.enterprise_id
    join household h on h.id = d.household_id where h.employer_credit_code = e.credit_code
union all select 'more recipients than packs', count(*) from posting p where p.kind = 'pack'
    and p.quantity < (select count(*) from recipient r where r.posting_id = p.id)
"""

numbers = st.integers(0, 99)


class Campaign(RuleBasedStateMachine):
    """The campaign; ``stage`` is given by the test, which makes a subclass for its engine."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.stage.renew()
        self.context = self.stage.app.app_context()
        self.context.push()
        if db.engine.dialect.name == "sqlite":
            with contextlib.closing(db.engine.raw_connection()) as connection:
                connection.cursor().execute("pragma synchronous = off")  # what a power cut would lose is not asked here
        self.cast: Cast = make_cast()
        self.now = utcnow()
        self.lost: set[tuple[str, str]] = set()
        self.homes = [self.cast.household() for _ in range(4)]
        employee = self.cast.household(employer_credit_code=self.cast.enterprises["zhao"].credit_code)
        self.homes.append(employee)
        self.firms = {name: row.id for name, row in self.cast.enterprises.items()}
        self.units = {key: (row.id, row.town) for key, row in self.cast.units.items()}

    def teardown(self) -> None:
        db.session.remove()
        self.context.pop()

    # -- help -------------------------------------------------------------------------------------------------------------------

    def actor(self, name: str) -> Actor:
        """Somebody with the roles that are left to them; everybody of the staff has both roles, so that only rule 6 keeps them apart."""
        person = self.cast.actors[name]
        roles = {"clerk", "reviewer"} if name in STAFF else set(person.roles)
        return replace(person, roles=frozenset(role for role in roles if (name, role) not in self.lost))

    def events(self) -> int:
        return db.session.scalar(select(func.count()).select_from(Event)) or 0

    @contextlib.contextmanager
    def counted(self, wanted: int = 1) -> Iterator[None]:
        """What succeeds leaves one event, what is refused leaves none."""
        before = self.events()
        try:
            yield
        except Refused as refused:
            db.session.rollback()
            assert refused.code in REFUSALS, refused.code
            assert self.events() == before, f"{refused.code} left an event"
        else:
            db.session.expire_all()
            assert self.events() == before + wanted

    def some(self, model: Any, number: int, step: str = "") -> Any:
        """One of the newest rows; four times in five one from which the step may be taken, if there is one."""
        query = select(model).order_by(model.id.desc()).limit(8)
        if step and number % 5:
            query = query.where(model.state.in_(lifecycle.find(*step.split(".")).sources))
        rows = db.session.scalars(query).all()
        return rows[number % len(rows)] if rows else None

    def step(self, name: str, row: Any, by: Actor, act: Callable[[], object]) -> None:
        """A step as a page takes it: who may not is turned away, and the table foretells what comes of it."""
        rule_of = lifecycle.find(*name.split("."))
        if row is None or not policy.allowed(rule_of.permission, by.roles, True):
            return
        was = row.state
        with self.counted():
            act()
            assert was in rule_of.sources, f"{name} was possible from {was}"
            db.session.refresh(row)
            assert row.state == (rule_of.target or was), name

    # -- postings ---------------------------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """Two wishes and a lot are in the hall already, one is fulfilled, so that there is something to do."""
        for _ in range(2):
            self.create("wish", 0, 1, 15)
        self.create("pack", 0, 3, 15)
        for posting in db.session.scalars(select(Posting)).all():
            posting_operations.submit(posting, by=self.cast.lin, now=self.now)
            posting_operations.approve(posting, by=self.cast.zhou, now=self.now)
        lot = db.session.scalars(select(Posting).where(Posting.kind == "pack")).one()
        posting_operations.name_recipients(lot, [self.homes[0], self.homes[4]], by=self.cast.lin, now=self.now)
        claiming.claim(db.session.scalars(select(Posting).where(Posting.kind == "wish")).first(), 1, by=self.cast.sun, now=self.now)
        self.all_goes_well()

    @rule(kind=st.sampled_from(("wish", "pack")), home=numbers, quantity=st.integers(1, 4), days=st.integers(1, 25))
    def create(self, kind: str, home: int, quantity: int, days: int) -> None:
        values: dict[str, Any] = {"latest_day": local_day(self.now) + timedelta(days=days)}
        if kind == "pack":
            values |= {"category": "pack", "quantity": quantity, "value_fen": 10_000}
        unit_id, town = self.units["luqiao"]
        household = self.homes[home % len(self.homes)] if kind == "wish" else None
        with self.counted():
            posting_operations.create(
                kind, self.cast.draft(**values), self.cast.campaign, household, unit_id=unit_id, town=town, by=self.cast.lin, now=self.now
            )

    @rule(number=numbers, who=st.sampled_from(STAFF))
    def submit(self, number: int, who: str) -> None:
        row, by = self.some(Posting, number, "posting.submit"), self.actor(who)
        self.step("posting.submit", row, by, lambda: posting_operations.submit(row, by=by, now=self.now))

    @rule(number=numbers, who=st.sampled_from(STAFF))
    def approve(self, number: int, who: str) -> None:
        row, by = self.some(Posting, number, "posting.approve"), self.actor(who)
        self.step("posting.approve", row, by, lambda: posting_operations.approve(row, by=by, now=self.now))

    @rule(number=numbers, who=st.sampled_from(STAFF))
    def send_back(self, number: int, who: str) -> None:
        row, by = self.some(Posting, number, "posting.return"), self.actor(who)
        self.step("posting.return", row, by, lambda: posting_operations.send_back(row, "text", by=by, now=self.now))

    @rule(number=numbers, who=st.sampled_from(STAFF))
    def withdraw(self, number: int, who: str) -> None:
        row, by = self.some(Posting, number, "posting.withdraw"), self.actor(who)
        self.step("posting.withdraw", row, by, lambda: posting_operations.withdraw(row, by=by, now=self.now))

    @rule(number=numbers, value=st.sampled_from((0, 9_900, 28_000, 60_000)), quantity=st.integers(2, 5), mode=st.sampled_from(("station", "visit")))
    def amend(self, number: int, value: int, quantity: int, mode: str) -> None:
        row, by = self.some(Posting, number, "posting.amend"), self.actor("lin")
        if row is None:
            return
        count = quantity if row.kind == "pack" else 1
        draft = self.cast.draft(
            latest_day=max(row.latest_day, local_day(self.now)), value_fen=value, quantity=count, mode=mode, category=row.category
        )
        self.step("posting.amend", row, by, lambda: posting_operations.amend(row, draft, by=by, now=self.now))

    @rule(number=numbers, home=numbers)
    def name(self, number: int, home: int) -> None:
        row, by = self.some(Posting, number, "posting.name"), self.actor("lin")
        if row is not None and row.kind == "pack":
            household = self.homes[home % len(self.homes)]
            self.step("posting.name", row, by, lambda: posting_operations.name_recipients(row, [household], by=by, now=self.now))

    @rule(number=numbers, home=numbers)
    def unname(self, number: int, home: int) -> None:
        row, by = self.some(Posting, number, "posting.unname"), self.actor("lin")
        if row is not None and row.kind == "pack":
            household = self.homes[home % len(self.homes)]
            self.step("posting.unname", row, by, lambda: posting_operations.unname_recipient(row, household, by=by))

    # -- claims -----------------------------------------------------------------------------------------------------------------

    @rule(number=numbers, who=st.sampled_from(FIRMS), quantity=st.integers(1, 3))
    def claim(self, number: int, who: str, quantity: int) -> None:
        row, by = self.some(Posting, number), self.actor(who)
        if row is not None:
            with self.counted():
                made = claiming.claim(row, quantity if row.kind == "pack" else 1, by=by, now=self.now)
                assert (made.state, made.enterprise_id) == ("active", by.enterprise_id)

    @rule(number=numbers, who=st.sampled_from(FIRMS), quantity=st.integers(1, 3))
    def wait(self, number: int, who: str, quantity: int) -> None:
        row, by = self.some(Posting, number), self.actor(who)
        if row is not None:
            with self.counted():
                claiming.wait(row, quantity if row.kind == "pack" else 1, by=by, now=self.now)

    @rule(number=numbers)
    def cover(self, number: int) -> None:
        row = self.some(Posting, number)
        if row is not None:
            with self.counted():
                covering.cover(row, 1, by=self.cast.li, now=self.now)

    @rule(number=numbers)
    def ready(self, number: int) -> None:
        row = self.some(Claim, number, "claim.ready")
        if row is not None and row.enterprise_id:
            by = self._contact(row)
            self.step("claim.ready", row, by, lambda: claiming.ready(row, by=by, now=self.now))

    @rule(number=numbers)
    def release(self, number: int) -> None:
        row = self.some(Claim, number, "claim.release")
        if row is not None and row.enterprise_id:
            by = self._contact(row)
            self.step("claim.release", row, by, lambda: claiming.release(row, "备不齐", by=by, now=self.now))

    def _contact(self, row: Claim) -> Actor:
        return next(self.actor(name) for name, firm in self.firms.items() if firm == row.enterprise_id)

    @rule(number=numbers, who=st.sampled_from(STAFF))
    def revoke(self, number: int, who: str) -> None:
        row, by = self.some(Claim, number, "claim.revoke"), self.actor(who)
        self.step("claim.revoke", row, by, lambda: claiming.revoke(row, "联系不上", by=by, now=self.now))

    @rule(number=numbers, who=st.sampled_from(STAFF))
    def hand_over(self, number: int, who: str) -> None:
        row, by = self.some(Claim, number, "claim.hand_over"), self.actor(who)
        self.step("claim.hand_over", row, by, lambda: delivering.hand_over(row, by=by, now=self.now))

    @rule(number=numbers)
    def refuse_goods(self, number: int) -> None:
        row, by = self.some(Claim, number, "claim.refuse_goods"), self.actor("chen")
        self.step("claim.refuse_goods", row, by, lambda: delivering.refuse_goods(row, "破损", by=by, now=self.now))

    # -- deliveries -------------------------------------------------------------------------------------------------------------

    @rule(number=numbers)
    def deliver(self, number: int) -> None:
        row, by = self.some(Delivery, number, "delivery.deliver"), self.actor("chen")
        self.step("delivery.deliver", row, by, lambda: delivering.deliver(row, by=by, now=self.now))

    @rule(number=numbers)
    def miss(self, number: int) -> None:
        row, by = self.some(Delivery, number, "delivery.fail"), self.actor("chen")
        day = local_day(self.now) + timedelta(days=1)
        self.step("delivery.fail", row, by, lambda: delivering.miss(row, "not_home", day, by=by, now=self.now))

    @rule(number=numbers, who=st.sampled_from(("chen", *STAFF)))
    def sign(self, number: int, who: str) -> None:
        row, by = self.some(Delivery, number, "delivery.sign"), self.actor(who)
        self.step("delivery.sign", row, by, lambda: delivering.sign(row, self.cast.facts(row), by=by, now=self.now))

    @rule(number=numbers, who=st.sampled_from(("li", *STAFF)))
    def confirm(self, number: int, who: str) -> None:
        row, by = self.some(Delivery, number, "delivery.confirm"), self.actor(who)
        self.step("delivery.confirm", row, by, lambda: delivering.confirm(row, by=by, now=self.now))

    @rule(number=numbers, who=st.sampled_from(STAFF))
    def reverse(self, number: int, who: str) -> None:
        row, by = self.some(Delivery, number, "delivery.reverse"), self.actor(who)
        self.step("delivery.reverse", row, by, lambda: delivering.reverse(row, "签错人", by=by, now=self.now))

    @rule()
    def all_goes_well(self) -> None:
        """The way to the end needs many steps in one order: take the newest claim as far as it goes."""
        claim = db.session.scalars(select(Claim).where(Claim.state.in_(("active", "ready"))).order_by(Claim.id.desc())).first()
        if claim is not None:
            self.step("claim.hand_over", claim, self.cast.chen, lambda: delivering.hand_over(claim, by=self.cast.chen, now=self.now))
        row = db.session.scalars(select(Delivery).where(Delivery.state == "planned").order_by(Delivery.id.desc())).first()
        if row is not None:
            self.step("delivery.sign", row, self.cast.chen, lambda: delivering.sign(row, self.cast.facts(row), by=self.cast.chen, now=self.now))
            if row.state == "signed":
                self.step("delivery.confirm", row, self.cast.li, lambda: delivering.confirm(row, by=self.cast.li, now=self.now))

    @rule(who=st.sampled_from(("li", "zhou", "chen")))
    def second_thoughts(self, who: str) -> None:
        row = db.session.scalars(select(Delivery).where(Delivery.state == "confirmed").order_by(Delivery.id.desc())).first()
        by = self.actor(who)
        self.step("delivery.reverse", row, by, lambda: delivering.reverse(row, "签错人", by=by, now=self.now))

    # -- what happens around ----------------------------------------------------------------------------------------------------

    @rule(days=st.integers(1, 4))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def sweep(self) -> None:
        before = self.events()
        done = clock.sweep(self.now)
        db.session.expire_all()
        assert self.events() == before + done.lapsed + done.expired
        today = local_day(self.now)
        assert not claiming.overdue(self.now)
        left = select(func.count()).where(Posting.state == "open", Posting.claimed < Posting.quantity, Posting.latest_day < today)
        assert not db.session.scalar(left)
        assert vars(clock.sweep(self.now)) == {"lapsed": 0, "promoted": 0, "expired": 0, "dismissed": 0}

    @rule(
        who=st.sampled_from(FIRMS), state=st.sampled_from(("approved", "approved", "suspended", "pending")), quota=st.sampled_from((None, 0, 1, 2, 5))
    )
    def standing(self, who: str, state: str, quota: int | None) -> None:
        row = db.session.get_one(Enterprise, self.firms[who], populate_existing=True)
        row.state, row.quota = state, quota
        db.session.commit()

    @rule(who=st.sampled_from(STAFF), role=st.sampled_from(("clerk", "reviewer")))
    def roles(self, who: str, role: str) -> None:
        """Somebody loses a role, and whoever lost one before has it again."""
        self.lost = set() if (who, role) in self.lost else {(who, role)}

    # -- what is always true ----------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_wrong(self) -> None:
        db.session.rollback()
        if db.engine.dialect.name == "postgresql":
            db.session.execute(text("set local jit = off"))  # compiling this question takes much longer than answering it
        assert {what: count for what, count in db.session.execute(text(WRONG)) if count} == {}

    @invariant()
    def kept_figures_are_those_of_a_recount(self) -> None:
        assert shelf.kept(db.session) == shelf.recount(db.session)


def test_the_campaign_in_any_order(stage: Stage, engine: str):
    machine = type("Played", (Campaign,), {"stage": stage})
    examples = max(1, int(STEPS * SHARE[engine]) // LENGTH)
    phases = (Phase.generate, Phase.shrink) if os.environ.get("PORTAL_MACHINE_SHRINK") else (Phase.generate,)
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=examples, stateful_step_count=LENGTH, deadline=None, suppress_health_check=list(HealthCheck), phases=phases),
    )
