"""Refused: an act that the rules do not allow now, as a code that wording.py turns into a sentence."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The act is not allowed: by the lifecycle, by a lost race or by a rule. Nothing was changed.

    ``code`` names the reason (see ``wording.REFUSALS``), ``params`` fill its sentence; never personal data. ``field`` names the form field to mend, if there is one.
    """

    def __init__(self, code: str, field: str | None = None, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.params = params
