"""What a posting would look like and what the portal would say of it, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from portal.accounts.models import UnionUnit
from portal.households.models import Household
from portal.wishes import cards, privacy
from portal.wishes.models import Campaign, PackItem, Posting, value_band
from portal.wishes.operations import checking
from portal.wishes.operations.posting import Draft

FIELDS = ("title", "spec", "public_text")
UNWRITTEN = {"wish": "WX-······", "pack": "NH-······"}


@dataclass
class Report:
    """The privacy check as a page shows it, the soft reminders, and the card an enterprise would see."""

    card: dict[str, Any]
    marked: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    """(field, pieces): each piece is (text, severity), severity empty for what is plain. Only fields in which something was found."""
    advice: list[tuple[str, str, Any]] = field(default_factory=list)
    """(severity, the words meant, the sentence), worst first."""
    reminders: list[str] = field(default_factory=list)
    """Codes of LABELS["check"] that do not block: over_ceiling, visit_old, second_wish."""
    suggestion: str = ""
    blocked: bool = False


def unwritten(kind: str, draft: Draft, campaign: Campaign, household: Household | None, unit: UnionUnit, code: str = "") -> Posting:
    """A posting that is in no session: only to look at."""
    plain = {name: getattr(draft, name) for name in Draft.__dataclass_fields__ if name != "items"}
    row = Posting(
        **plain, code=code or UNWRITTEN[kind], kind=kind, state="open", claimed=0, fulfilled=0, campaign_id=campaign.id, campaign=campaign,
        unit_id=unit.id, town=household.town if household else unit.town, band=value_band(draft.value_fen),
        household_id=household.id if household else None, household=household,
    )  # fmt: skip
    row.items = [PackItem(**vars(item)) for item in draft.items]
    return row


def report(row: Posting, today: date, lang: str) -> Report:
    """Everything the panel beside the form says of a posting, written or not."""
    made = Report(cards.card(row, today, lang))
    seen: dict[tuple[str, str], list[str]] = {}
    sentences: dict[tuple[str, str], Any] = {}
    for name in FIELDS:
        text = getattr(row, name)
        found = checking.findings(row.household, text)
        if found:
            made.marked.append((name, pieces(text, found)))
        for finding in found:
            key = (finding.severity, finding.kind)
            seen.setdefault(key, []).append(finding.excerpt)
            sentences[key] = finding.advice
        if name == "public_text" and any(finding.severity != "hint" for finding in found):
            proposed = privacy.suggest(text, found)
            made.suggestion = proposed if proposed != text else ""
    order = ("block", "warn", "hint")
    for severity, kind in sorted(seen, key=lambda key: order.index(key[0])):
        made.advice.append((severity, "、".join(dict.fromkeys(seen[severity, kind])), sentences[severity, kind]))
    made.blocked = any(severity == "block" for severity, _words, _sentence in made.advice)
    made.reminders = [code for code in checking.automatic_checks(row, today) if not code.startswith("privacy_")]
    return made


def pieces(text: str, findings: list[privacy.Finding]) -> list[tuple[str, str]]:
    """The text cut at the findings: (piece, severity), severity empty between them."""
    cut, place = [], 0
    for finding in sorted(findings, key=lambda one: one.start):
        cut += [(text[place : finding.start], ""), (text[finding.start : finding.end], finding.severity)]
        place = finding.end
    return [(piece, severity) for piece, severity in [*cut, (text[place:], "")] if piece]
