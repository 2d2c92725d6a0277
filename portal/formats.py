"""How days, moments and money are written on pages, in both languages."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask_babel import get_locale

ZONE = ZoneInfo("Asia/Shanghai")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def _english() -> bool:
    found = get_locale()
    return found is not None and found.language == "en"


def day(value: date | None, year: bool = False) -> str:
    """1月20日 / 20 Jan; with ``year`` 2027年1月20日 / 20 Jan 2027; a dash for nothing."""
    if value is None:
        return "—"
    if _english():
        return f"{value.day} {_MONTHS[value.month - 1]}" + (f" {value.year}" if year else "")
    return (f"{value.year}年" if year else "") + f"{value.month}月{value.day}日"


def moment(value: datetime | None, year: bool = False) -> str:
    """1月20日 14:30 in Chinese time; a dash for nothing."""
    if value is None:
        return "—"
    local = value.astimezone(ZONE)
    return f"{day(local.date(), year)} {local:%H:%M}"


def yuan(fen: int | None) -> str:
    """Fen as yuan: 280, 1,200, 99.50; a dash for nothing or none."""
    if not fen:
        return "—"
    amount = Decimal(fen) / 100
    return f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,.2f}"


def wan(fen: int) -> str:
    """Fen as 万元 with two decimals, as the printed forms have it."""
    return f"{Decimal(fen) / 1_000_000:,.2f}"


def percent(part: int, whole: int) -> str:
    """A rate with one decimal; a dash when there is nothing to divide by."""
    return f"{Decimal(part) * 100 / whole:.1f}%" if whole else "—"


FILTERS = {"day": day, "moment": moment, "yuan": yuan, "wan": wan}
