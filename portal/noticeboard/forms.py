"""What the pages of the public board accept."""

from __future__ import annotations

from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal.web import PortalForm
from portal.wording import _l


class IssueForm(PortalForm):
    """A new issue, or the changes to a draft (then the campaign stays)."""

    campaign = SelectField(_l("活动"), [InputRequired(_l("请选一个活动"))])
    title = StringField(_l("标题"), [InputRequired(_l("请填标题")), Length(max=80, message=_l("标题最多 80 个字"))])
    first = DateField(_l("从"), [InputRequired(_l("请填开始日期"))])
    last = DateField(_l("到"), [InputRequired(_l("请填结束日期"))], description=_l("这一天也算在内。"))
    remark = TextAreaField(_l("说明"), [Optional(), Length(max=300, message=_l("说明最多 300 个字"))])


class ErratumForm(PortalForm):
    """A correction of a published issue."""

    text = TextAreaField(
        _l("勘误"), [InputRequired(_l("请写清哪里不对、正确的是什么")), Length(max=500, message=_l("勘误最多 500 个字"))],
        description=_l("写清哪里不对、正确的是什么、为什么。不要写姓名、证件号、电话和住址。"),
    )  # fmt: skip
    before = StringField(_l("原来登的数"), [Optional(), Length(max=80)])
    after = StringField(_l("改正后的数"), [Optional(), Length(max=80)])
