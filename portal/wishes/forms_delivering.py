"""What staff fill in between the station and the confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, DateField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from portal.web import PortalForm
from portal.wishes.delivery_models import MISS_REASONS, RELATIONS
from portal.wording import LABELS, _l

PLACES = ("home", "station", "work", "other")
TAKEN = "image/jpeg,image/png,image/webp"


def _choices(group: str, codes: tuple[str, ...], first: Any = None) -> list[SelectChoice]:
    words: Mapping[str, Any] = LABELS[group]
    return ([SelectChoice("", first)] if first is not None else []) + [SelectChoice(code, words[code]) for code in codes]


class ActForm(PortalForm):
    """A button that stands alone."""


class RefuseForm(PortalForm):
    """Goods sent back from the station."""

    reason = TextAreaField(_l("为什么不收"), [InputRequired(_l("请写明哪里不符，提供方要照着换。")), Length(max=200, message=_l("最多 200 个字。"))])


class SignForm(PortalForm):
    """The sign-off at the door. Whether the facts are a sign-off is decided by the operation, which tells all that is wrong at once."""

    goods_complete = BooleanField(_l("物品齐全、完好，在保质期内"))
    signer = RadioField(_l("谁来签收"), choices=_choices("signer", ("self", "proxy")), default="self")
    proxy_name = StringField(_l("代收人姓名"), [Length(max=40, message=_l("最多 40 个字。"))])
    proxy_relation = SelectField(_l("与本人的关系"), choices=_choices("relation", RELATIONS, _l("请选择")))
    proxy_reason = StringField(_l("本人不能签收的原因"), [Length(max=120, message=_l("最多 120 个字。"))])
    id_tail = StringField(_l("身份证后四位"))
    despite_id = BooleanField(_l("号码不符，仍要记录"))
    strokes = HiddenField()
    slip = MultipleFileField(_l("纸质签收单的照片"), [Optional()])
    photos = MultipleFileField(_l("物品照片"), [Optional()])
    place = RadioField(_l("签收地点"), choices=_choices("place", PLACES), validators=[InputRequired(_l("请选择在哪里签收。"))])
    witness = StringField(_l("见证人"), [Length(max=40, message=_l("最多 40 个字。"))])


class MissForm(PortalForm):
    """Nobody signed: why, and when somebody comes again."""

    reason = RadioField(_l("为什么没签成"), choices=_choices("miss", MISS_REASONS), validators=[InputRequired(_l("请选择原因。"))])
    note = StringField(_l("补充说明"), [Optional(), Length(max=120, message=_l("最多 120 个字。"))])
    next_on = DateField(_l("下次上门的日期"), [InputRequired(_l("请选择下次上门的日期。"))])


class ReverseForm(PortalForm):
    """A signed record that is wrong."""

    reason = TextAreaField(_l("为什么冲正"), [InputRequired(_l("请写明原因，冲正后不能改。")), Length(max=200, message=_l("最多 200 个字。"))])
