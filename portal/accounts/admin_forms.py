"""What the pages for units and accounts accept."""

from __future__ import annotations

from typing import Any

from wtforms import SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from portal.accounts.admin_operations import STAFF_ROLES
from portal.accounts.models import LEVELS, UnionUnit
from portal.web import PortalForm
from portal.wording import _l, label


def unit_choices(units: list[UnionUnit]) -> list[tuple[str, str]]:
    """(code, name) of the units, in the order given."""
    return [(unit.code, unit.name) for unit in units]


class UnitForm(PortalForm):
    """A union unit and its service station."""

    name = StringField(_l("单位全称"), [DataRequired(_l("请填单位全称")), Length(max=80)])
    short_name = StringField(_l("简称"), [DataRequired(_l("请填简称")), Length(max=40)], description=_l("显示在页面和标签上，例如“潞桥街道”。"))
    level = SelectField(_l("层级"))
    town = StringField(_l("所在镇街"), [Optional(), Length(max=40)], description=_l("企业登记和认领大厅按它筛选。"))
    station = StringField(_l("服务站名称"), [Optional(), Length(max=80)], description=_l("企业把物品送到这里。"))
    station_address = StringField(_l("服务站地址"), [Optional(), Length(max=120)])
    station_phone = StringField(_l("服务站电话"), [Optional(), Length(max=40)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.level.choices = [(level, label("level", level)) for level in LEVELS]


class ParentForm(PortalForm):
    """Where a unit is put."""

    parent = SelectField(_l("上级单位"))

    def __init__(self, units: list[UnionUnit], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parent.choices = unit_choices(units)


class NewUnitForm(ParentForm, UnitForm):
    """A new unit, and under which one it stands."""


class RolesField(SelectMultipleField):
    """Roles as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class AccountForm(PortalForm):
    """A member of union staff: name, unit, roles."""

    name = StringField(_l("姓名"), [DataRequired(_l("请填姓名")), Length(max=40)])
    unit = SelectField(_l("单位"))
    roles = RolesField(_l("角色"), [InputRequired(_l("至少选一个角色。不再使用的账号请停用。"))])

    def __init__(self, units: list[UnionUnit], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unit.choices = unit_choices(units)
        self.roles.choices = [(role, label("role", role)) for role in STAFF_ROLES]


class NewAccountForm(AccountForm):
    """A new account; the portal makes its one-time password."""

    username = StringField(
        _l("用户名"), [DataRequired(_l("请填用户名")), Length(max=40)], description=_l("小写字母、数字、点或横线，登录时用，以后不能改。")
    )


class ContactForm(PortalForm):
    """The contact of an enterprise: only the name can be changed here."""

    name = StringField(_l("姓名"), [DataRequired(_l("请填姓名")), Length(max=40)])
