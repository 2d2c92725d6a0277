"""Writes docs/lifecycle.md from the lifecycle table: `python tools/lifecycle_page.py > docs/lifecycle.md`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from portal.policy import PERMISSIONS
from portal.wishes.lifecycle import STEPS

TITLES = {"posting": "Posting (a wish, or a lot of packs)", "claim": "Claim", "delivery": "Delivery"}


def _who(permission: str) -> str:
    return "the clock, or another step" if permission == "system" else ", ".join(sorted(PERMISSIONS[permission]))


def _diagram(thing: str) -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2"]
    for step in (step for step in STEPS if step.thing == thing):
        for source in step.sources:
            lines.append(f"    {source or '[*]'} --> {step.target or source or '[*]'}: {step.name}")
    return [*lines, "```", ""]


def _table(thing: str) -> list[str]:
    lines = ["| step | from | to | who | leaves | not by |", "|---|---|---|---|---|---|"]
    for step in (step for step in STEPS if step.thing == thing):
        sources, target = ", ".join(source or "nothing" for source in step.sources), step.target or "stays"
        lines.append(f"| {step.name} | {sources} | {target} | {_who(step.permission)} | {step.leaves or 'event'} | {', '.join(step.not_by) or '—'} |")
    return [*lines, ""]


def page() -> str:
    """The whole page."""
    lines = [
        "# Every move there is",
        "",
        'Made from `portal/wishes/lifecycle.py`; a test keeps it so. "Not by": the part that the same person must not have played.',
        "",
    ]
    for thing, title in TITLES.items():
        lines += [f"## {title}", "", *_diagram(thing), *_table(thing)]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
