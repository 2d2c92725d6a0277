"""The agenda of the demo: acts with their moments, played in the order of time whatever story they belong to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Shanghai")


@dataclass
class Agenda:
    """Acts waiting for their moment. Nothing happens later than ``now``."""

    now: datetime
    random: Random
    acts: list[tuple[datetime, int, Callable[[datetime], Any]]] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The day of loading, where the union is."""
        return self.now.astimezone(LOCAL).date()

    def day(self, offset: int) -> date:
        """The day that is ``offset`` days from today."""
        return self.today + timedelta(days=offset)

    def strand(self) -> Strand:
        """A new story, whose acts follow each other."""
        return Strand(self)

    def play(self, done: Callable[[int], None]) -> None:
        """Do every act at its moment, the earliest first."""
        for moment, _, act in sorted(self.acts, key=lambda entry: entry[:2]):
            act(moment)
            done(1)


class Strand:
    """One story on the agenda: each act comes after the one before."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._last: datetime | None = None

    def at(self, day: int, hour: int, act: Callable[..., Any], *given: Any) -> None:
        """Put an act on the agenda: ``act(*given, moment)`` on a day relative to today, within the hour given."""
        random = self._agenda.random
        local = datetime.combine(self._agenda.day(day), time(hour, random.randrange(60), random.randrange(60)), LOCAL)
        moment = min(local, self._agenda.now - timedelta(minutes=5))
        if self._last is not None:
            moment = max(moment, self._last + timedelta(seconds=20))
        self._last = moment
        self._agenda.acts.append((moment, len(self._agenda.acts), partial(act, *given)))
