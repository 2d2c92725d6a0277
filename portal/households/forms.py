"""What the pages of the files accept."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from wtforms import BooleanField, FieldList, FormField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from portal import codes
from portal.fields import ChoiceField, CodeField, CountField, DayField, Row, choices
from portal.formats import ZONE
from portal.households.operations import CHANNELS, PURPOSES, Facts, Relative
from portal.web import PortalForm
from portal.wording import _l, label

FAMILY = ("spouse", "parent", "child", "sibling", "relative", "other")
CAUSES = ("illness", "family_illness", "school", "disaster", "low_income", "no_job", "disability", "other")
LONG = _l("最多 %(max)d 个字")


def today() -> date:
    """The calendar day in China."""
    return datetime.now(ZONE).date()


class MemberRow(Row):
    """One member of the family; a row without a name and without anything else is left out."""

    name = StringField(_l("姓名"), [Length(max=40, message=LONG)])
    relation = ChoiceField(_l("与本人关系"), choices=choices("relation", *FAMILY), default="spouse")
    birth_year = StringField(_l("出生年份"), [Optional()])
    school = StringField(_l("学校"), [Optional(), Length(max=80, message=LONG)])
    employer = StringField(_l("工作单位"), [Optional(), Length(max=80, message=LONG)])
    employer_credit_code = CodeField(_l("单位的统一社会信用代码"), [Optional()], read=codes.credit_code)

    def validate_birth_year(self, field: StringField) -> None:
        """Four digits that can be a living person's year of birth."""
        if field.data and not (field.data.isdecimal() and 1900 <= int(field.data) <= today().year):
            raise ValidationError(_l("出生年份请写四位数字，例如 2015"))

    def validate_name(self, field: StringField) -> None:
        """A row in which something stands needs a name."""
        if not field.data and (self.birth_year.data or self.school.data or self.employer.data or self.employer_credit_code.data):
            raise ValidationError(_l("请写家庭成员的姓名，或把这一行清空"))

    def relative(self) -> Relative:
        """What was typed, for the operation."""
        year = int(self.birth_year.data) if self.birth_year.data else None
        return Relative(
            self.name.data or "", self.relation.data, year, self.school.data or "", self.employer.data or "", self.employer_credit_code.data or ""
        )


class MemberForm(MemberRow, PortalForm):
    """A member added to a file that exists."""

    class Meta(PortalForm.Meta):
        """A form of its own again."""

        csrf = True

    def validate_name(self, field: StringField) -> None:
        """Here the name is what makes the row."""
        if not field.data:
            raise ValidationError(_l("请写家庭成员的姓名"))


class FileForm(PortalForm):
    """The thin file. ``kept`` holds what the file has already: such a field may stay empty, and then keeps its value."""

    name = StringField(_l("姓名"), [Length(max=40, message=LONG)])
    sex = RadioField(_l("性别"), choices=choices("sex"), validate_choice=False)
    id_no = CodeField(_l("身份证号"), description=_l("15 位或 18 位，最后一位可以是 X。"), read=codes.normalise_resident_id)
    phone = CodeField(_l("联系电话"), description=_l("手机号，或带区号的固定电话。"), read=codes.phone)
    address = StringField(_l("家庭住址"), [Length(max=120, message=LONG)], description=_l("写到门牌号。企业和公众看不到。"))
    town = ChoiceField(_l("所在镇、街道"), description=_l("认领企业看到的只有这一项。"))
    bank_card = CodeField(_l("银行卡号"), [Optional()], read=codes.bank_card)
    employer = StringField(_l("工作单位"), [Optional(), Length(max=80, message=LONG)])
    employer_credit_code = CodeField(
        _l("单位的统一社会信用代码"), [Optional()], description=_l("用来避开利害关系：单位不能认领自己职工家庭的心愿。"), read=codes.credit_code
    )
    hardship = ChoiceField(_l("困难类别"), choices=choices("hardship", blank=_l("请选择")))
    cause = ChoiceField(_l("致困主要原因"), choices=choices("cause", *CAUSES, blank=_l("请选择")))
    people = CountField(_l("家庭人口"), most=20)
    visited_on = DayField(_l("最近一次入户核实"), [Optional()])
    state = ChoiceField(_l("建档情况"), choices=choices("household", "filed", "emergency"), default="filed")
    emergency_due = DayField(_l("手续补齐的期限"), description=_l("只在紧急帮扶时填写。过了期限还没补齐，就不能再发心愿。"))
    members = FieldList(FormField(MemberRow), min_entries=2)

    def __init__(self, *args: Any, towns: list[str], kept: Facts | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept
        self.town.choices = [SelectChoice(town) for town in dict.fromkeys([*([kept.town] if kept else []), *towns])]

    def _needed(self, name: str, sentence: Any) -> None:
        if not self[name].data and not (self.kept and getattr(self.kept, name)):
            raise ValidationError(sentence)

    def validate_name(self, field: StringField) -> None:
        """A file has a name."""
        self._needed("name", _l("请写姓名"))

    def validate_id_no(self, field: StringField) -> None:
        """A file has an ID number: 实名制."""
        self._needed("id_no", _l("请写身份证号"))

    def validate_phone(self, field: StringField) -> None:
        """Without a phone nobody can be told."""
        self._needed("phone", _l("请写联系电话"))

    def validate_address(self, field: StringField) -> None:
        """The address is where a visit goes."""
        self._needed("address", _l("请写家庭住址"))

    def validate_sex(self, field: RadioField) -> None:
        """What is chosen agrees with the 17th digit of the ID number."""
        if field.data not in ("f", "m"):
            raise ValidationError(_l("请选性别"))
        number = self.id_no.data if self.id_no.data and not self.id_no.process_errors else (self.kept.id_no if self.kept else "")
        if number and {"male": "m", "female": "f"}[codes.resident_id(number).sex] != field.data:
            raise ValidationError(_l("性别和身份证号不一致，请核对"))

    def validate_visited_on(self, field: DayField) -> None:
        """A visit lies in the past."""
        if field.data and field.data > today():
            raise ValidationError(_l("入户核实的日期不能在今天以后"))

    def validate_emergency_due(self, field: DayField) -> None:
        """An emergency has a due date for its paperwork (rule 1, 先建档、后帮扶); one that has passed may stay, but not be set anew."""
        if self.state.data != "emergency" or field.errors:
            return
        if field.data is None:
            raise ValidationError(_l("紧急帮扶要写明手续补齐的期限"))
        if field.data < today() and not (self.kept and self.kept.emergency_due == field.data):
            raise ValidationError(_l("手续补齐的期限要在今天或以后"))

    def facts(self) -> Facts:
        """What was typed; what was left empty and is kept comes from the file."""
        kept = self.kept
        sealed = {name: self[name].data or (getattr(kept, name) if kept else "") for name in ("name", "id_no", "phone", "address", "bank_card")}
        return Facts(
            **sealed, sex=self.sex.data, town=self.town.data, hardship=self.hardship.data, cause=self.cause.data, people=self.people.data or 1,
            employer=self.employer.data or "", employer_credit_code=self.employer_credit_code.data or "", state=self.state.data,
            emergency_due=self.emergency_due.data, visited_on=self.visited_on.data,
        )  # fmt: skip

    def relatives(self) -> tuple[Relative, ...]:
        """The rows in which a name stands."""
        return tuple(row.form.relative() for row in self.members if row.form.name.data)


class AmendForm(FileForm):
    """Change a file. Members are added and taken out on the file's own page."""

    members = None
    state = ChoiceField(_l("建档情况"), choices=choices("household"))
    drop_card = BooleanField(_l("删去档案里的银行卡号"))


class ConsentForm(PortalForm):
    """Record a consent."""

    channel = RadioField(_l("怎样同意的"), choices=choices("channel", *CHANNELS), default="paper")


class RevealForm(PortalForm):
    """Look at what is masked: one field, or one member of the family, and what for."""

    what = ChoiceField(_l("查看哪一项"))
    purpose = ChoiceField(_l("查看用途"), choices=choices("purpose", *PURPOSES, blank=_l("请选择")))

    def __init__(self, file: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        there = [name for name in ("id_no", "phone", "address", "bank_card") if file[name]]
        relatives = [SelectChoice(f"member:{one['code']}", f"{label('relation', one['relation'])} {one['name']}") for one in file["members"]]
        self.what.choices = [*choices("revealed", *there, blank=_l("请选择")), *relatives]


class FindForm(PortalForm):
    """Find one file by its code or by the whole ID number."""

    q = StringField(_l("找档案"), [InputRequired(_l("请填档案编号，或完整的身份证号"))])
