"""Codes of persons, enterprises and records: read, checked, written out in capitals, masked. Pure."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Literal

CHINA = timezone(timedelta(hours=8))
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS = "10X98765432"
# Only the province is checked: counties are merged and renamed, and an old code stays valid for life.
PROVINCES = frozenset("11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split())
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
# Public codes are read aloud on the phone and copied from paper: no 0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V pairs.
CODE_ALPHABET = "23456789ACDEFGHJKMNPQRTUWXY"
CODE_LENGTH = 6
CAPITALS = "零壹贰叁肆伍陆柒捌玖"
VOUCHER_LIMIT = 1_000_000
COMPOUND_SURNAMES = frozenset(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 "
    "仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 "
    "段干 百里 呼延 东郭 南门 羊舌 微生 公户 公玉 梁丘 左丘 东门 西门 南荣 第五 爱新觉罗".split()
)


class CodeError(ValueError):
    """A code was refused: `reason` is stable and becomes a sentence in `portal.wording`; the value itself is never kept."""

    def __init__(self, reason: str, **params: int | str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.params = params


@dataclass(frozen=True, slots=True)
class ResidentId:
    """A checked resident ID: always 18 characters, whatever was typed."""

    number: str = field(repr=False)
    born: date = field(repr=False)
    sex: Literal["male", "female"]


def _bare(text: str) -> str:
    """Half-width capitals without spaces and hyphens (full-width digits and long dashes are what phones type)."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return re.sub(r"[\s\-‐‑‒–—―−_·]", "", folded)


def id_check_digit(first17: str) -> str:
    """The 18th character for 17 digits (GB 11643-1999)."""
    return ID_CHECKS[sum(int(digit) * weight for digit, weight in zip(first17, ID_WEIGHTS, strict=True)) % 11]


def resident_id(text: str, *, today: date | None = None) -> ResidentId:
    """Read a resident ID of 15 or 18 digits (GB 11643-1999; the Xiamen 2012 form accepts both).

    Errors: id_length(length), id_digits(position), id_region, id_date, id_future, id_check.
    """
    number = _bare(text)
    if len(number) not in (15, 18):
        raise CodeError("id_length", length=len(number))
    digits = number if len(number) == 15 else number[:17]
    for position, char in enumerate(digits, start=1):
        if char not in "0123456789":
            raise CodeError("id_digits", position=position)
    if number[:2] not in PROVINCES:
        raise CodeError("id_region")
    if len(number) == 15:
        first17 = number[:6] + "19" + number[6:]
        number = first17 + id_check_digit(first17)
    born = _birth_date(number[6:14], today or datetime.now(CHINA).date())
    if id_check_digit(number[:17]) != number[17]:
        raise CodeError("id_check")
    return ResidentId(number, born, "male" if int(number[16]) % 2 else "female")


def normalise_resident_id(text: str) -> str:
    """The one spelling of a resident ID, of 18 characters: what the blind index is made of. Errors as `resident_id`."""
    return resident_id(text).number


def _birth_date(eight: str, today: date) -> date:
    try:
        born = date(int(eight[:4]), int(eight[4:6]), int(eight[6:]))
    except ValueError:
        raise CodeError("id_date") from None
    if born > today:
        raise CodeError("id_future")
    if born.year < 1880:
        raise CodeError("id_date")
    return born


def credit_check_digit(first17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015)."""
    total = sum(CREDIT_ALPHABET.index(char) * weight for char, weight in zip(first17, CREDIT_WEIGHTS, strict=True))
    return CREDIT_ALPHABET[(31 - total % 31) % 31]


def credit_code(text: str) -> str:
    """Read a unified social credit code (GB 32100-2015). Errors: credit_length(length), credit_char(position), credit_check."""
    code = _bare(text)
    if len(code) != 18:
        raise CodeError("credit_length", length=len(code))
    for position, char in enumerate(code, start=1):
        if char not in CREDIT_ALPHABET:
            raise CodeError("credit_char", position=position)
    if credit_check_digit(code[:17]) != code[17]:
        raise CodeError("credit_check")
    return code


def is_union_credit_code(code: str) -> bool:
    """Whether a checked credit code belongs to a trade union (registered by the ACFTU: begins with 81)."""
    return code.startswith("81")


def food_licence(text: str) -> str:
    """Read a food production licence: SC and 14 digits (食品生产许可管理办法; the format only). Error: licence_format."""
    licence = _bare(text)
    if not re.fullmatch(r"SC[0-9]{14}", licence):
        raise CodeError("licence_format")
    return licence


def bank_card(text: str) -> str:
    """Read a bank card number of 16–19 digits. Errors: card_digits, card_length(length).

    A wrong check digit is only a warning (some local banks never used one): ask `luhn_ok`.
    """
    number = _bare(text)
    if not re.fullmatch(r"[0-9]*", number):
        raise CodeError("card_digits")
    if not 16 <= len(number) <= 19:
        raise CodeError("card_length", length=len(number))
    return number


def luhn_ok(number: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others (ISO/IEC 7812-1)."""
    digits = [int(char) for char in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def phone(text: str) -> str:
    """Read a Chinese phone number: mobile as 11 digits, landline as 0592-1234567 or 0592-1234567-801 with an extension.

    Errors: phone_length(length) for a mobile of the wrong length, phone_area for a landline without area code, phone_format.
    """
    folded = re.sub(r"[\s()./·]", "", unicodedata.normalize("NFKC", text))
    folded = re.sub(r"[‐‑‒–—―−_]", "-", folded)
    folded = re.sub(r"^(?:\+86|0086|86(?=-?1[3-9][0-9-]{9,}$))-?", "", folded)
    digits = folded.replace("-", "")
    if re.fullmatch(r"1[3-9][0-9]{9}", digits):
        return digits
    landline = re.fullmatch(r"(010|02[0-9]|0?[3-9][0-9]{2})-?([2-9][0-9]{6,7})(?:(?:-|转|分机)([0-9]{1,5}))?", folded) or re.fullmatch(
        r"(010|02[0-9]|0[3-9][0-9]{2})([2-9][0-9]{6,7})()", digits
    )
    if landline and landline[1].startswith("0"):
        return "-".join(part for part in landline.groups() if part)
    if re.fullmatch(r"1[3-9][0-9]*", digits):
        raise CodeError("phone_length", length=len(digits))
    raise CodeError("phone_area" if re.fullmatch(r"[2-9][0-9]{6,7}", digits) else "phone_format")


def new_code(prefix: str) -> str:
    """A random public code such as WX-7F3K9Q: it tells nothing about how many there are or which came before."""
    return f"{prefix}-" + "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def public_code(text: str) -> str:
    """Read a public code as typed or scanned (wx7f3k9q, ＷＸ－７Ｆ３Ｋ９Ｑ) back to WX-7F3K9Q. Error: code_format."""
    match = re.fullmatch(rf"([A-Z]{{2}})([{CODE_ALPHABET}]{{{CODE_LENGTH}}})", _bare(text))
    if not match:
        raise CodeError("code_format")
    return f"{match[1]}-{match[2]}"


def _group_capitals(group: int) -> str:
    """0–9999 as 仟佰拾 without leading zeros, inner zeros as one 零."""
    written = ""
    for digit, unit in zip(f"{group:04d}", ("仟", "佰", "拾", ""), strict=True):
        written += CAPITALS[int(digit)] + (unit if digit != "0" else "")
    return re.sub("零+", "零", written).strip("零")


def capitals(fen: int) -> str:
    """An amount in fen as the general financial form: 100050 → 壹仟元零伍角, 16800 → 壹佰陆拾捌元整.

    Source: 中国人民银行《正确填写票据和结算凭证的基本规定》 §§1–3. Errors: amount_negative, amount_too_large (from 1 万亿元).
    """
    if fen < 0:
        raise CodeError("amount_negative")
    yuan, rest = divmod(fen, 100)
    if yuan >= 10**12:
        raise CodeError("amount_too_large")
    written = ""
    for scale, unit in ((10**8, "亿"), (10**4, "万"), (1, "")):
        group = yuan // scale % 10_000
        if written and group and (group < 1000 or yuan // scale // 10_000 % 10 == 0) and not written.endswith("零"):
            written += "零"
        written += _group_capitals(group) + (unit if group else "")
    jiao, cents = divmod(rest, 10)
    written += "元" if yuan or not rest else ""
    if not rest:
        return (written if yuan else "零元") + "整"
    if yuan and (not jiao or yuan % 10 == 0):
        written += "零"
    return written + (f"{CAPITALS[jiao]}角" if jiao else "") + (f"{CAPITALS[cents]}分" if cents else "")


def voucher_capitals(fen: int) -> str:
    """An amount in fen on the printed line 仟佰拾元角分 of the Xiamen 2012 voucher, every place filled: 零仟壹佰陆拾捌元零角零分.

    Errors: amount_negative, amount_too_large (from 10,000 yuan: the line has no place for it).
    """
    if fen < 0:
        raise CodeError("amount_negative")
    if fen >= VOUCHER_LIMIT:
        raise CodeError("amount_too_large")
    return "".join(CAPITALS[int(digit)] + unit for digit, unit in zip(f"{fen:06d}", "仟佰拾元角分", strict=True))


def surname(name: str) -> str:
    """The family name of a Chinese name; the first character where it is not known (also for names with a middle dot)."""
    name = name.strip()
    return next((name[:n] for n in (4, 2) if name[:n] in COMPOUND_SURNAMES), name[:1])


def mask_name(name: str) -> str:
    """张** or 欧阳**; always two stars, so that the length tells nothing."""
    return f"{surname(name)}**" if name.strip() else ""


def mask_phone(number: str) -> str:
    """138****1234; of a landline the area and the last two digits."""
    if re.fullmatch(r"1[3-9][0-9]{9}", number):
        return f"{number[:3]}****{number[7:]}"
    area, _, local = number.partition("-")
    return f"{area}-****{local.partition('-')[0][-2:]}" if local else "****"


def mask_id_no(number: str) -> str:
    """For staff lists only: first two and last three characters. Outsiders get no digit at all."""
    return f"{number[:2]}{'*' * (len(number) - 5)}{number[-3:]}" if len(number) >= 15 else "****"


def mask_bank_card(number: str) -> str:
    """**** and the last four digits."""
    return f"****{number[-4:]}" if len(number) >= 16 else "****"


def mask_address(address: str) -> str:
    """The address down to town or street office; to the district where no town is named; else nothing."""
    text = re.split(r"[0-9０-９]", re.sub(r"\s", "", address))[0]
    # 镇江市, 新乡市, 镇海区 … are not towns: the look-ahead refuses them.
    town = re.match(r".{2,}?(?:街道|苏木|[镇乡](?!.{0,2}[市区县]))", text)
    district = re.match(r"[^路巷弄村]*?(?:(?<![小社园厂校院])区|县|旗(?!区))", text) or re.match(r"[^路巷弄村]*?市", text)
    found = town or district
    return found[0] if found else ""
