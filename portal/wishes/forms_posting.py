"""What the posting pages accept."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from wtforms import BooleanField, FieldList, FormField, HiddenField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from portal import codes
from portal.fields import ChoiceField, CodeField, CountField, DayField, Row, YuanField, choices
from portal.formats import ZONE
from portal.households.operations import CHANNELS
from portal.web import PortalForm
from portal.wishes.categories import CATEGORIES, WISH_CATEGORIES
from portal.wishes.operations.posting import Draft, Item
from portal.wording import LABELS, _l

LONG = _l("最多 %(max)d 个字")
MOST_PACKS = 5_000
MOST_DAYS = 3_650


def today() -> date:
    """The calendar day in China."""
    return datetime.now(ZONE).date()


class DeliveryPart(PortalForm):
    """What wishes and packs have in common: until when, and where it is handed over."""

    latest_day = DayField(_l("最迟送达日"), [InputRequired(_l("请写最迟送达日"))])
    mode = RadioField(_l("交付方式"), choices=choices("mode"), default="station", validate_choice=False)
    point = StringField(_l("交接点"), [Length(max=80, message=LONG)], description=_l("送到工会服务站的，写服务站名称。不写家庭住址。"))

    def validate_mode(self, field: RadioField) -> None:
        """One of the three ways."""
        if field.data not in LABELS["mode"]:
            raise ValidationError(_l("请选交付方式"))

    def validate_point(self, field: StringField) -> None:
        """What is brought to a station needs to know which."""
        if self.mode.data == "station" and not field.data:
            raise ValidationError(_l("请写交接点"))


class WishForm(DeliveryPart):
    """A wish of one household. The consent part is only asked while the file has no consent."""

    household = HiddenField()
    title = StringField(_l("想要的物品或服务"), [InputRequired(_l("请写想要的物品或服务")), Length(max=60, message=LONG)],
                        description=_l("名称和数量，例如：取暖器一台。"))  # fmt: skip
    spec = StringField(_l("规格"), [Optional(), Length(max=200, message=LONG)], description=_l("尺码、功率、型号等，能说清就行。"))
    public_text = TextAreaField(
        _l("公开的说明"), [Optional(), Length(max=300, message=LONG)], description=_l("写需要，不写苦难。认领企业会看到这段话。")
    )
    category = ChoiceField(_l("类别"))
    value = YuanField(_l("参考价值"), description=_l("按市场价估一个数。服务类可以不填。"))
    consent = BooleanField(_l("本人已经同意匿名发布心愿"))
    channel = RadioField(_l("怎样同意的"), choices=choices("channel", *CHANNELS), default="paper", validate_choice=False)

    def __init__(self, *args: Any, lang: str = "zh", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.category.choices = [SelectChoice(row.code, row.name(lang)) for row in WISH_CATEGORIES.values()]

    def validate_value(self, field: YuanField) -> None:
        """Goods have a reference value; a service may have none."""
        row = CATEGORIES.get(self.category.data or "")
        if row and row.kind == "goods" and not field.data and not field.errors:
            raise ValidationError(_l("请写参考价值"))

    def draft(self) -> Draft:
        """What was typed; where a field is still empty or wrong, something harmless stands for it (for the preview)."""
        return Draft(
            title=(self.title.data or "")[:60], spec=(self.spec.data or "")[:200], public_text=(self.public_text.data or "")[:300],
            category=self.category.data or next(iter(WISH_CATEGORIES)), value_fen=self.value.data or 0, latest_day=self.latest_day.data or today(),
            mode=self.mode.data or "station", point=(self.point.data or "")[:80],
        )  # fmt: skip


class ItemRow(Row):
    """One article of a pack. Food has every fact of its label (食品安全法 §67)."""

    name = StringField(_l("物品"), [Length(max=40, message=LONG)])
    amount = StringField(_l("数量或规格"), [Optional(), Length(max=40, message=LONG)])
    food = BooleanField(_l("这是食品"))
    licence = CodeField(_l("生产许可证编号"), read=codes.food_licence)
    producer = StringField(_l("生产者"), [Length(max=80, message=LONG)])
    batch = StringField(_l("生产批号"), [Length(max=40, message=LONG)])
    produced_on = DayField(_l("生产日期"))
    shelf_days = StringField(_l("保质期（天）"))

    def empty(self) -> bool:
        """Whether nothing stands in the row."""
        return not any(field.data for field in self)

    def validate_name(self, field: StringField) -> None:
        """A row in which something stands needs a name."""
        if not field.data and not self.empty():
            raise ValidationError(_l("请写物品名称，或把这一行清空"))

    def _for_food(self, field: Any, sentence: Any) -> None:
        if self.food.data and not field.data and not field.errors:
            raise ValidationError(sentence)

    def validate_licence(self, field: CodeField) -> None:
        """Rule 9."""
        self._for_food(field, _l("食品要写生产许可证编号"))

    def validate_producer(self, field: StringField) -> None:
        """Rule 9."""
        self._for_food(field, _l("食品要写生产者"))

    def validate_batch(self, field: StringField) -> None:
        """Rule 9: one query finds everybody who got a batch."""
        self._for_food(field, _l("食品要写生产批号"))

    def validate_produced_on(self, field: DayField) -> None:
        """Rule 9; nothing is produced tomorrow."""
        self._for_food(field, _l("食品要写生产日期"))
        if field.data and field.data > today():
            raise ValidationError(_l("生产日期不能在今天以后"))

    def validate_shelf_days(self, field: StringField) -> None:
        """Rule 9, in days."""
        self._for_food(field, _l("食品要写保质期"))
        if field.data and not (str(field.data).isdecimal() and 1 <= int(field.data) <= MOST_DAYS):
            raise ValidationError(_l("保质期请写天数，例如 365"))

    def item(self) -> Item:
        """What was typed; the facts of a label only for food."""
        if not self.food.data:
            return Item(self.name.data or "", self.amount.data or "")
        days = int(self.shelf_days.data) if str(self.shelf_days.data or "").isdecimal() else 0
        return Item(
            self.name.data or "", self.amount.data or "", True, self.licence.data or "", self.producer.data or "", self.batch.data or "",
            self.produced_on.data, days,
        )  # fmt: skip


class PackForm(DeliveryPart):
    """A lot of equal packs."""

    title = StringField(_l("礼包名称"), [InputRequired(_l("请写礼包名称")), Length(max=60, message=LONG)], description=_l("例如：米面油组合。"))
    public_text = TextAreaField(_l("公开的说明"), [Optional(), Length(max=300, message=LONG)])
    contents = FieldList(FormField(ItemRow), min_entries=3)
    value = YuanField(_l("每份参考价值"), [InputRequired(_l("请写每份参考价值"))])
    quantity = CountField(_l("份数"), most=MOST_PACKS)

    def validate_contents(self, field: FieldList) -> None:
        """A pack holds something."""
        if not any(row.form.name.data for row in field) and not any(row.errors for row in field):
            self.contents[0].form.name.errors = [_l("请至少写一样物品")]
            raise ValidationError(_l("请至少写一样物品"))

    def draft(self) -> Draft:
        """What was typed, with the rows in which a name stands."""
        return Draft(
            title=(self.title.data or "")[:60], public_text=(self.public_text.data or "")[:300], category="pack", value_fen=self.value.data or 0,
            quantity=self.quantity.data or 1, latest_day=self.latest_day.data or today(), mode=self.mode.data or "station",
            point=(self.point.data or "")[:80], items=tuple(row.form.item() for row in self.contents if row.form.name.data),
        )  # fmt: skip


class WithdrawForm(PortalForm):
    """Why a posting is taken back."""

    note = StringField(_l("撤回的原因"), [Optional(), Length(max=200, message=LONG)], description=_l("写事情，不写家庭的情况。"))


class PickForm(PortalForm):
    """Files for the list of a lot: ticked ones, or a pasted list of codes."""

    household = SelectMultipleField(_l("档案"), validate_choice=False)
    pasted = TextAreaField(_l("粘贴档案编号"), [Length(max=200_000)], description=_l("一行一个，或用空格、逗号隔开。可以从 Excel 里整列复制。"))
