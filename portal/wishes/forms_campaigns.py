"""What the pages of campaigns accept."""

from __future__ import annotations

from typing import Any

from wtforms import StringField
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError

from portal.fields import CountField, DayField, YuanField
from portal.web import PortalForm
from portal.wording import _l


class CampaignForm(PortalForm):
    """A campaign: its days and its parameters."""

    name = StringField(_l("活动名称"), [DataRequired(_l("请填活动名称")), Length(max=60)], description=_l("例如“2027 年元旦春节送温暖”。"))
    opens_on = DayField(_l("开始日"), [InputRequired(_l("请填开始日"))])
    claims_until = DayField(_l("认领截止日"), [InputRequired(_l("请填认领截止日"))], description=_l("这一天以后不再接受认领。"))
    ends_on = DayField(_l("活动结束日"), [InputRequired(_l("请填活动结束日"))], description=_l("最迟送达日不能晚于这一天。"))
    ready_days = CountField(_l("备货天数"), least=1, most=60, description=_l("认领以后几天内备好货。"))
    deliver_days = CountField(_l("送达天数"), least=1, most=90, description=_l("认领以后几天内送到。"))
    remind_days = CountField(_l("提前提醒天数"), least=0, most=30, description=_l("到期前几天开始提醒。"))
    quota = CountField(_l("每家企业同时进行的认领上限"), least=1, most=10_000)
    ceiling_fen = YuanField(_l("单个心愿参考价值上限"), [InputRequired(_l("请填参考价值上限"))])

    def validate_ceiling_fen(self, field: Any) -> None:
        """A ceiling of nothing would let no goods through."""
        if field.data is not None and field.data <= 0:
            raise ValidationError(_l("参考价值上限要大于 0"))
