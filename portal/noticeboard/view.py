"""An issue made ready to be read: words and numbers for the page, the paper and the sheet, from its frozen content and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask_babel import get_locale

from portal.formats import wan
from portal.noticeboard.content import FEW, plain, sentence, untouched
from portal.noticeboard.figures import KINDS
from portal.noticeboard.models import Erratum, Publication
from portal.noticeboard.small_cells import OTHER
from portal.wishes.categories import CATEGORIES
from portal.wishes.queries import local_day
from portal.wording import _, label


def _english() -> bool:
    found = get_locale()
    return found is not None and found.language == "en"


def number(value: int | None) -> str:
    """A count with thousands, or the words for one that is too small to print."""
    return _(FEW) if value is None else f"{value:,}"


def rate(value: str) -> str:
    """A rate, or a dash where none was formed."""
    return f"{value}%" if value else "—"


def issue(row: Publication) -> dict[str, Any]:
    """Everything that may be shown of an issue."""
    content = row.content
    pieces = sentence(content, _) if _english() else content["sentence"]
    return {
        "code": row.code, "number": row.number, "year": row.year, "title": row.title, "remark": row.remark, "unit": row.unit.name,
        "state": row.state, "first": local_day(row.from_at), "last": local_day(row.to_at - timedelta(microseconds=1)), "data_at": row.data_at,
        "published_at": row.published_at, "sha256": row.sha256, "untouched": row.state != "published" or untouched(row),
        "definitions": content["definitions"], "pieces": pieces, "sentence": plain(pieces),
        "figures": _figures(content["figures"]), "rates": [_rates(kind, content["figures"][kind]) for kind in KINDS],
        "mixed": any(content["figures"][kind]["mixed"] for kind in KINDS),
        "tables": [_table(name, content["tables"][name]) for name in ("category", "town")], "chart": chart(content["tables"]["category"]),
        "wall": wall(content["wall"]), "errata": [erratum(one) for one in row.errata if one.state == "published"],
    }  # fmt: skip


def erratum(row: Erratum) -> dict[str, Any]:
    """A correction as shown; the people who signed it are named to staff only."""
    return {"code": row.code, "text": row.text, "before": row.before, "after": row.after, "at": row.published_at}


def _figures(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    value = shown["value_fen"]
    return [
        {"name": "fulfilled", "label": _("已圆梦"), "value": number(shown["wish"]["fulfilled"]), "unit": _("个")},
        {"name": "fulfilled", "label": _("礼包已签收"), "value": number(shown["pack"]["fulfilled"]), "unit": _("份")},
        {"name": "households", "label": _("受助家庭"), "value": number(shown["households"]), "unit": _("户")},
        {"name": "value", "label": _("参考价值"), "value": "—" if value is None else wan(value), "unit": _("万元")},
    ]


def _rates(kind: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The three rates together, with 工会兜底 apart: claimed and fulfilled."""
    found = {name: rate(value) for name, value in shown["rates"].items()}
    return {"label": label("kind", kind), **found, "covered": number(shown["covered"]), "covered_fulfilled": number(shown["covered_fulfilled"])}


def _label(name: str, code: str) -> str:
    if code == OTHER:
        return _("其他")
    return CATEGORIES[code].name("en" if _english() else "zh") if name == "category" else code


def _table(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    columns = [column.split("_", 1) for column in table["columns"]]
    heads = [{"name": figure, "label": _head(kind, figure, name == "town")} for kind, figure in columns]
    rows = [(_label(name, row["label"]), ["—" if cell is None else number(cell) for cell in row["cells"]]) for row in table["rows"]]
    return {
        "name": name, "caption": _("微心愿：按类别") if name == "category" else _("微心愿和年货礼包：按街道"), "head": _("类别") if name == "category" else _("街道"),
        "heads": heads, "rows": rows, "total": [number(cell) for cell in table["total"]], "merged": any(row["label"] == OTHER for row in table["rows"]),
        "hidden": any(None in row["cells"] for row in table["rows"]) or not table["rows"],
    }  # fmt: skip


def _head(kind: str, figure: str, both: bool) -> str:
    """The head of a column; a pack that is signed and confirmed is called 签收."""
    if not both:
        return label("figure", figure)
    return {
        ("wish", "published"): _("心愿发布"), ("wish", "claimed"): _("心愿认领"), ("wish", "fulfilled"): _("心愿圆梦"),
        ("pack", "published"): _("礼包发布"), ("pack", "claimed"): _("礼包认领"), ("pack", "fulfilled"): _("礼包签收"),
    }[kind, figure]  # fmt: skip


def chart(table: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(category, fulfilled, published) of the rows that print both; merged rows too."""
    rows = [(_label("category", row["label"]), row["cells"][2], row["cells"][0]) for row in table["rows"]]
    return [(name, done, of) for name, done, of in rows if done is not None and of is not None]


def wall(found: Mapping[str, Any]) -> dict[str, Any]:
    """爱心榜: (name, what was fulfilled in words); and how many others."""
    return {"names": [(one["name"], deeds(one["wishes"], one["packs"])) for one in found["names"]], "others": found["others"]}


def deeds(wishes: int | None, packs: int | None) -> str:
    """6 个心愿 · 20 份礼包; empty when the counts may not be shown."""
    found = [_("%(n)s 个心愿", n=wishes)] if wishes else []
    return " · ".join([*found, *([_("%(n)s 份礼包", n=packs)] if packs else [])])


def checklist(problems: Sequence[Any]) -> list[tuple[str, str]]:
    """The result of the check, for rec.checks(): what is good, what must change, what to remember. Never repeats the data itself."""
    groups = {
        "private": (_("没有发现个人信息。"), _("有个人信息")),
        "small": (_("没有小于 5 的格子，和前几期相减也算不出来。"), _("有小于 5 的格子")),
        "shape": (_("栏目和合计都对。"), _("栏目或合计对不上")),
    }  # fmt: skip
    found = []
    for kind, (good, bad) in groups.items():
        here = [problem for problem in problems if problem.kind == kind]
        found += [("x", f"{bad}{_('：')}{label('board_place', problem.where)}") for problem in here] or [("y", good)]
    if any(problem.kind == "difference" for problem in problems):
        found.append(("w", _("有的合计和前几期只差 1 到 4。合计不分类别和街道，可以发布；过几天再发会更稳妥。")))
    return found
