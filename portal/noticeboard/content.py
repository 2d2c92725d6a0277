"""What an issue of the public board holds: composed from the figures, with small cells merged, sealed when it is published."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from portal.noticeboard import figures
from portal.noticeboard.figures import KINDS, Count, Figures, Honour, Period
from portal.noticeboard.models import Publication
from portal.noticeboard.small_cells import Printed, mask, protect
from portal.wishes.categories import CATEGORIES
from portal.wishes.models import Campaign
from portal.wishes.queries import local_day

COLUMNS = ("published", "claimed", "fulfilled")
TABLES = {
    "category": tuple(f"wish_{name}" for name in COLUMNS),
    "town": tuple(f"{kind}_{name}" for kind in KINDS for name in COLUMNS),
}
"""The allow-list: the tables of an issue and their columns. Nothing else is ever printed, no row stands for a wish or a person."""
COUNTS = ("published", "claimed", "fulfilled", "covered", "covered_fulfilled")


def N_(text: str) -> str:
    """Mark a text for translation, under the name that the extraction of texts knows, and leave it as it is."""
    return text


SENTENCES = {
    "published": N_("本次活动共发布微心愿 %(wishes)s 个、年货礼包 %(packs)s 份。"),
    "period": N_("这一时段共发布微心愿 %(wishes)s 个、年货礼包 %(packs)s 份。"),
    "claimed": N_("%(firms)s 家爱心企业认领了其中 %(wishes)s 个心愿和 %(packs)s 份礼包。"),
    "claimed_both": N_("%(firms)s 家爱心企业和工会一共认领了其中 %(wishes)s 个心愿和 %(packs)s 份礼包。"),
    "covered": N_("工会兜底 %(wishes)s 个心愿和 %(packs)s 份礼包。"),
    "fulfilled": N_("%(wishes)s 个心愿、%(packs)s 份礼包已由职工本人或家属实名签收并经工会确认。"),
    "live_claimed": N_("现在已认领其中 %(wishes)s 个心愿和 %(packs)s 份礼包。"),
}
_COUNT_OF = {"period": "published", "claimed_both": "claimed", "live_claimed": "claimed"}
FEW = N_("少于 5")
Translate = Callable[[str], str]


def compose(campaign: Campaign, period: Period, at: datetime, earlier: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The content of an issue, counted at ``at``; ``earlier`` are the contents of issues that this one can be subtracted from."""
    counted = figures.count(campaign, period, at)
    content: dict[str, Any] = {
        "definitions": figures.VERSION,
        "campaign": {"code": campaign.code, "name": campaign.name},
        "whole": period.start is None or local_day(period.start) <= campaign.opens_on,
        "figures": _figures(counted),
        "tables": {name: _table(counted, name, earlier) for name in TABLES},
    }
    content["wall"] = _wall(figures.honours(campaign, period, at), content["figures"])
    content["sentence"] = sentence(content)
    return content


def _figures(counted: Count) -> dict[str, Any]:
    found: dict[str, Any] = {kind: _masked(counted.total(kind)) for kind in KINDS}
    fulfilled = counted.total("wish").fulfilled + counted.total("pack").fulfilled
    found["enterprises"] = counted.enterprises
    found["households"] = mask(counted.households)
    # A value of two or three gifts gives their number away.
    found["value_fen"] = counted.value_fen if mask(fulfilled) is not None else None
    return found


def _masked(total: Figures) -> dict[str, Any]:
    """Counts without small ones; a rate is left out when its parts are not both printed, for it would give the part away."""
    shown: dict[str, Any] = {name: mask(getattr(total, name)) for name in COUNTS}
    needs = {"claim": ("claimed", "published"), "fulfil": ("fulfilled", "published"), "keep": ("fulfilled", "claimed")}
    shown["rates"] = {name: value if None not in (shown[a] for a in needs[name]) else "" for name, value in total.rates().items()}
    shown["mixed"] = total.earlier > 0
    return shown


def table_rows(counted: Count, name: str) -> dict[str, tuple[int, ...]]:
    """The rows of a table as counted, by category (in the order of the list of categories) or by town."""
    place = 1 if name == "category" else 2
    found: dict[str, dict[str, int]] = {}
    for kind in KINDS if name == "town" else ("wish",):
        for label, cell in counted.by(place, kind).items():
            found.setdefault(label, {}).update({f"{kind}_{column}": getattr(cell, column) for column in COLUMNS})
    order = {code: number for number, code in enumerate(CATEGORIES)}
    return {
        label: tuple(found[label].get(column, 0) for column in TABLES[name])
        for label in sorted(found, key=lambda label: (order.get(label, 99), label))
    }


def _table(counted: Count, name: str, earlier: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    before = [Printed.from_json(content["tables"][name]) for content in earlier]
    return {"columns": list(TABLES[name])} | protect(table_rows(counted, name), before, len(TABLES[name])).as_json()


def _wall(found: Sequence[Honour], shown: Mapping[str, Any]) -> dict[str, Any]:
    """爱心榜: those who agreed by name, the others counted. The counts are the enterprises' own acts, so they may be small; they are left out
    where adding them up gives a hidden figure away: the total, or the union's own part of it.
    """
    everybody = all(one.public for one in found)
    hidden = {kind: shown[kind]["fulfilled"] is None or (everybody and shown[kind]["covered_fulfilled"] is None) for kind in KINDS}
    names = [
        {"name": one.name, "wishes": None if hidden["wish"] else one.wishes, "packs": None if hidden["pack"] else one.packs}
        for one in found
        if one.public
    ]
    return {"names": names, "others": sum(not one.public for one in found)}


def sentence(content: Mapping[str, Any], translate: Translate = str) -> list[list[Any]]:
    """The sentence with its numbers, as [text, is a number] pieces; in Chinese unless a translation is given."""
    shown = content["figures"]
    covered = any(shown[kind]["covered"] != 0 for kind in KINDS)
    keys = ["published" if content["whole"] else "period", *(("claimed_both", "covered") if covered else ("claimed",)), "fulfilled"]
    return _pieces(keys, shown, {"firms": shown["enterprises"]}, translate)


def live_sentence(totals: Mapping[str, Figures], translate: Translate = str) -> list[list[Any]]:
    """The sentence of the page that is always current."""
    return _pieces(["published", "live_claimed", "fulfilled"], {kind: _masked(totals[kind]) for kind in KINDS}, {}, translate)


def _pieces(keys: Sequence[str], shown: Mapping[str, Any], more: Mapping[str, Any], translate: Translate) -> list[list[Any]]:
    pieces: list[list[Any]] = []
    for key in keys:
        name = _COUNT_OF.get(key, key)
        values = {"wishes": shown["wish"][name], "packs": shown["pack"][name], **more}
        marked = {word: f"\x02{translate(FEW) if value is None else value}\x03" for word, value in values.items()}
        text = translate(SENTENCES[key]) % marked
        pieces += [[part, bool(place % 2)] for place, part in enumerate(re.split("[\x02\x03]", text)) if part]
    return pieces


def plain(pieces: Sequence[Sequence[Any]]) -> str:
    """The sentence as one string, for the sheet and the copy button."""
    return "".join(str(text) for text, _number in pieces)


def seal(row: Publication, year: int, number: int) -> str:
    """SHA-256 over everything the page of this issue shows; equal as long as nobody changed it."""
    whole = {
        "code": row.code, "unit": row.unit_id, "campaign": row.campaign_id, "year": year, "number": number, "title": row.title, "remark": row.remark,
        "from": row.from_at.isoformat(), "to": row.to_at.isoformat(), "data_at": row.data_at.isoformat(), "content": row.content,
    }  # fmt: skip
    return hashlib.sha256(json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def untouched(row: Publication) -> bool:
    """Whether a published issue still carries its seal."""
    return row.year is not None and row.number is not None and seal(row, row.year, row.number) == row.sha256
