"""One line of the table: what, the goal, what was measured, whether it is met."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``better`` is "least" when the value must be at least the goal, "most" when at most, "" when it is only told."""

    what: str
    engine: str
    size: str
    value: float
    goal: float | None = None
    better: str = "most"
    unit: str = "×"

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.better == "least" else self.value <= self.goal

    def row(self) -> str:
        """The line of the Markdown table."""
        goal = "" if self.goal is None else f"{'≥' if self.better == 'least' else '≤'} {self.goal:g} {self.unit}"
        verdict = {True: "met", False: "**not met**", None: ""}[self.met]
        return f"| {self.what} | {self.engine} | {self.size} | {goal} | {self.value:.2f} {self.unit} | {verdict} |"


def thousands(size: int) -> str:
    """1 k, 100 k, 1 M."""
    return f"{size // 1_000_000} M" if size >= 1_000_000 else f"{size // 1_000} k"
