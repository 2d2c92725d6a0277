"""The lifecycle table: every move of a posting, a claim and a delivery. Buttons, guards, events and tests are derived from it."""

from __future__ import annotations

from dataclasses import dataclass

from portal.refusal import Refused

POSTING_STATES = ("draft", "submitted", "returned", "open", "closed", "withdrawn", "expired")
CLAIM_STATES = ("waiting", "active", "ready", "handed_over", "fulfilled", "released", "lapsed", "revoked")
DELIVERY_STATES = ("planned", "delivered", "failed", "signed", "confirmed", "reversed")

LIVE = ("active", "ready", "handed_over")
"""States in which a claim holds its units; with ``fulfilled`` they are what 认领数 counts."""
HOLDING = (*LIVE, "fulfilled")


@dataclass(frozen=True)
class Step:
    """One row: ``name`` moves ``thing`` from one of ``sources`` to ``target``.

    ``permission`` is who may ("system": nobody presses it). ``not_by`` names the earlier parts in the same wish that the actor must not have
    played (rule 6: different people post, review, deliver and confirm). ``leaves`` is the record besides the event.
    """

    thing: str
    name: str
    sources: tuple[str, ...]
    target: str
    permission: str
    leaves: str = ""
    not_by: tuple[str, ...] = ()

    @property
    def event(self) -> str:
        """Name of the event that this step leaves."""
        return f"{self.thing}.{self.name}"


STEPS = (
    Step("posting", "create", ("",), "draft", "posting.write", "posting"),
    Step("posting", "amend", ("draft", "returned"), "", "posting.write"),
    Step("posting", "submit", ("draft", "returned"), "submitted", "posting.write", "automatic checks"),
    Step("posting", "approve", ("submitted",), "open", "posting.review", "reviewer, text passed", ("poster",)),
    Step("posting", "return", ("submitted", "open"), "returned", "posting.review", "reason", ("poster",)),
    Step("posting", "withdraw", ("draft", "returned", "submitted", "open"), "withdrawn", "posting.write", "reason"),
    Step("posting", "name", ("draft", "returned", "submitted", "open"), "", "posting.write", "recipients"),
    Step("posting", "unname", ("draft", "returned", "submitted", "open"), "", "posting.write"),
    Step("posting", "expire", ("open",), "expired", "system"),
    Step("claim", "claim", ("",), "active", "claim.make", "claim with its two days"),
    Step("claim", "cover", ("",), "active", "claim.cover", "claim of the union"),
    Step("claim", "wait", ("",), "waiting", "claim.make", "place in line"),
    Step("claim", "promote", ("waiting",), "active", "system"),
    Step("claim", "ready", ("active",), "ready", "claim.own"),
    Step("claim", "hand_over", ("active", "ready"), "handed_over", "station.take", "inspection, planned deliveries"),
    Step("claim", "refuse_goods", ("active", "ready"), "active", "station.take", "inspection with reason"),
    Step("claim", "release", ("active", "ready", "waiting"), "released", "claim.own", "reason"),
    Step("claim", "dismiss", ("waiting",), "released", "system"),
    Step("claim", "lapse", ("active", "ready"), "lapsed", "system"),
    Step("claim", "revoke", ("active", "ready", "waiting"), "revoked", "claim.revoke", "reason"),
    Step("delivery", "deliver", ("planned", "failed"), "delivered", "delivery.sign"),
    Step("delivery", "fail", ("planned", "failed", "delivered"), "failed", "delivery.sign", "coded reason, new date"),
    Step("delivery", "sign", ("planned", "failed", "delivered"), "signed", "delivery.sign", "sign-off", ("poster", "reviewer")),
    Step("delivery", "confirm", ("signed",), "confirmed", "delivery.confirm", "confirmer", ("poster", "reviewer", "inspector", "deliverer")),
    Step("delivery", "reverse", ("signed", "confirmed"), "reversed", "delivery.reverse", "reason, new delivery", ("deliverer",)),
)
_TABLE = {(step.thing, step.name): step for step in STEPS}


def find(thing: str, name: str) -> Step:
    """The row of the table; KeyError for a step that does not exist."""
    return _TABLE[thing, name]


def steps_from(thing: str, state: str) -> tuple[Step, ...]:
    """The steps that may be taken from ``state``."""
    return tuple(step for step in STEPS if step.thing == thing and state in step.sources)


def require(thing: str, name: str, state: str) -> Step:
    """The row, when the step may be taken from ``state``; else Refused("stale_step")."""
    step = find(thing, name)
    if state not in step.sources:
        raise Refused("stale_step", thing=thing, step=name, state=state)
    return step


def public_state(kind: str, state: str, claim_state: str | None, delivery_state: str | None) -> str:
    """The word the public and the enterprises see of one wish (待认领 → 已认领 → 备货中 → 送达中 → 待确认 → 已圆梦).

    Without a claim that holds it, a wish shows its own state. Keys of ``wording.LABELS["progress"]``.
    """
    if claim_state == "fulfilled" or delivery_state == "confirmed":
        return "fulfilled"
    if delivery_state in ("signed",):
        return "to_confirm"
    if claim_state == "handed_over":
        return "to_sign" if delivery_state == "delivered" else "on_the_way"
    if claim_state in ("active", "ready"):
        return "claimed" if claim_state == "active" else "preparing"
    return state
