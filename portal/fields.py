"""Kinds of form fields that several capabilities use: a day, money, a checked code, a row of a table."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from wtforms import DateField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import StopValidation

from portal.codes import CodeError
from portal.web import PortalForm
from portal.wording import LABELS, _, code_fault


def choices(group: str, *codes: str, blank: Any = None) -> list[SelectChoice]:
    """The choices of a select from a group of LABELS: these codes, or all; ``blank`` is the word for nothing chosen yet."""
    found = [SelectChoice(code, LABELS[group][code]) for code in codes or LABELS[group]]
    return found if blank is None else [SelectChoice("", blank), *found]


class ChoiceField(SelectField):
    """A select that says in the portal's words that something has to be chosen."""

    def pre_validate(self, form: Any) -> None:
        if not self.data or self.data not in {choice[0] for choice in self.iter_choices()}:
            raise StopValidation(_("请选%(what)s", what=self.label.text))


class DayField(DateField):
    """A day, as a browser's date field sends it (2027-01-20); also 2027.1.20, 2027/1/20 and 20270120, as people type it."""

    def process_formdata(self, valuelist: list[str]) -> None:
        text = unicodedata.normalize("NFKC", valuelist[0]).strip() if valuelist else ""
        if not text:
            self.data = None
            return
        digits = text if not text.isdigit() or len(text) != 8 else f"{text[:4]}-{text[4:6]}-{text[6:]}"
        try:
            year, month, day = (
                int(part) for part in digits.replace("年", "-").replace("月", "-").rstrip("日").replace("/", "-").replace(".", "-").split("-")
            )
            self.data = date(year, month, day)
        except ValueError:
            self.data = None
            raise ValueError(_("%(what)s请写成 2027-01-20 这样的日期", what=self.label.text)) from None


class CountField(IntegerField):
    """A whole number between ``least`` and ``most``, both allowed; it has to be filled in."""

    def __init__(self, label: Any = None, validators: Any = None, *, least: int = 1, most: int, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.least, self.most = least, most

    def process_formdata(self, valuelist: list[str]) -> None:
        text = unicodedata.normalize("NFKC", valuelist[0]).strip() if valuelist else ""
        self.data = int(text) if text.isdecimal() and len(text) < 10 else None
        if self.data is None or not self.least <= self.data <= self.most:
            raise ValueError(_("%(what)s请写 %(least)s 到 %(most)s 的整数", what=self.label.text, least=self.least, most=self.most))


class YuanField(StringField):
    """An amount typed in yuan with up to two decimals; ``data`` is integer fen, None when left empty. ``most`` is in yuan."""

    def __init__(self, label: Any = None, validators: Any = None, most: int = 100_000, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.most = most

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{Decimal(self.data) / 100:f}".removesuffix(".00")

    def process_formdata(self, valuelist: list[str]) -> None:
        text = unicodedata.normalize("NFKC", valuelist[0]).strip().replace(",", "").removesuffix("元").strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            fen = Decimal(text) * 100
        except InvalidOperation:
            raise ValueError(_("%(what)s请写数字，例如 280 或 99.50", what=self.label.text)) from None
        if not fen.is_finite() or fen != fen.to_integral_value() or fen < 0:
            raise ValueError(_("%(what)s请写数字，例如 280 或 99.50", what=self.label.text))
        if fen > self.most * 100:
            raise ValueError(_("%(what)s最多 %(most)s 元", what=self.label.text, most=f"{self.most:,}"))
        self.data = int(fen)


class CodeField(StringField):
    """A code read by a function of ``portal.codes``: ``data`` is its one spelling, what was typed stays in the box when it is wrong."""

    def __init__(self, label: Any = None, validators: Any = None, *, read: Callable[[str], str], **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.read = read

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else super()._value()

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0].strip() if valuelist else ""
        if self.data:
            try:
                self.data = self.read(self.data)
            except CodeError as error:
                raise ValueError(code_fault(error.reason, error.params)) from None


class Row(PortalForm):
    """A row of a table inside a form: no token and no key of its own."""

    idem = None

    class Meta(PortalForm.Meta):
        """The form around it carries the token."""

        csrf = False
