"""Codes are read in every spelling people type, refused with a stable reason, and masked in one way."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal import codes
from portal.codes import CodeError

TODAY = date(2026, 11, 23)


def refusal(function, *args, **kwargs) -> tuple[str, dict]:
    with pytest.raises(CodeError) as caught:
        function(*args, **kwargs)
    return caught.value.reason, caught.value.params


@st.composite
def resident_numbers(draw, earliest: date = date(1900, 1, 1)) -> str:
    province = draw(st.sampled_from(sorted(codes.PROVINCES)))
    born = draw(st.dates(earliest, TODAY))
    first17 = f"{province}{draw(st.integers(0, 9999)):04d}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first17 + codes.id_check_digit(first17)


# -- resident ID ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [
        ("11010519491231002X", date(1949, 12, 31), "female"),
        ("440524188001010014", date(1880, 1, 1), "male"),
    ],
)
def test_the_examples_of_the_standard_are_read(number, born, sex):
    person = codes.resident_id(number, today=TODAY)
    assert (person.number, person.born, person.sex) == (number, born, sex)


@pytest.mark.parametrize(
    "typed",
    [
        "11010519491231002x",
        " 110105 19491231 002X ",
        "110105-19491231-002X",
        "110105—19491231—002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "11010519491231002ｘ",
        "110105\u3000194912310\u00a002X",
        "110105491231002",
    ],
)
def test_every_spelling_is_one_person(typed):
    assert codes.resident_id(typed, today=TODAY).number == "11010519491231002X"
    assert codes.normalise_resident_id(typed) == "11010519491231002X"


@pytest.mark.parametrize(
    ("typed", "reason", "params"),
    [
        ("", "id_length", {"length": 0}),
        ("1101051949123100", "id_length", {"length": 16}),
        ("11010519491231002", "id_length", {"length": 17}),
        ("1101051949123100X2", "id_digits", {"position": 17}),
        ("11010549123100X", "id_digits", {"position": 15}),
        ("110105194912310²2X", "id_check", {}),
        ("00010519491231002X", "id_region", {}),
        ("110105194913310021", "id_date", {}),
        ("110105194902300021", "id_date", {}),
        ("110105177612310021", "id_date", {}),
        ("110105491331002", "id_date", {}),
        ("110105202612310029", "id_future", {}),
        ("110105194912310021", "id_check", {}),
        ("11010519491231002A", "id_check", {}),
    ],
)
def test_a_wrong_id_is_refused_with_its_reason(typed, reason, params):
    assert refusal(codes.resident_id, typed, today=TODAY) == (reason, params)


@given(resident_numbers(), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_never_passes(number, place, step):
    changed = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    assert refusal(codes.resident_id, changed, today=TODAY)[0] in {"id_check", "id_date", "id_region", "id_future"}


@given(resident_numbers(), st.integers(0, 15))
def test_two_neighbours_exchanged_never_pass(number, place):
    assume(number[place] != number[place + 1])
    changed = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert refusal(codes.resident_id, changed, today=TODAY)[0] in {"id_check", "id_date", "id_region", "id_future"}


@given(resident_numbers())
def test_fifteen_and_eighteen_digits_are_one_person(number):
    assume(number[6:8] == "19")
    short = number[:6] + number[8:17]
    assert codes.resident_id(short, today=TODAY) == codes.resident_id(number, today=TODAY)


@given(resident_numbers())
def test_birth_date_and_sex_come_out_of_the_number(number):
    person = codes.resident_id(number, today=TODAY)
    assert f"{person.born:%Y%m%d}" == number[6:14]
    assert (person.sex == "male") == (number[16] in "13579")


def test_an_id_of_tomorrow_is_refused_and_of_today_taken():
    def of(day: date) -> str:
        first17 = f"320402{day:%Y%m%d}001"
        return first17 + codes.id_check_digit(first17)

    assert codes.resident_id(of(TODAY), today=TODAY).born == TODAY
    assert refusal(codes.resident_id, of(TODAY + timedelta(days=1)), today=TODAY)[0] == "id_future"


def test_nothing_printed_shows_the_number():
    person = codes.resident_id("11010519491231002X", today=TODAY)
    assert "1949" not in repr(person)
    with pytest.raises(CodeError) as caught:
        codes.resident_id("110105194912310021", today=TODAY)
    assert "1949" not in f"{caught.value!r} {caught.value} {caught.value.params}"


# -- credit code, licence, bank card ----------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["91350100M000100Y43", "91350100m000100y43", "９１３５０１００Ｍ０００１００Ｙ４３", "9135 0100 M000 100Y 43"])
def test_the_example_credit_code_is_read(typed):
    assert codes.credit_code(typed) == "91350100M000100Y43"


@pytest.mark.parametrize(
    ("typed", "reason", "params"),
    [
        ("91350100M000100Y4", "credit_length", {"length": 17}),
        ("91350100M000100Y4I", "credit_char", {"position": 18}),
        ("9135O100M000100Y43", "credit_char", {"position": 5}),
        ("91350100M000100Y44", "credit_check", {}),
    ],
)
def test_a_wrong_credit_code_is_refused_with_its_reason(typed, reason, params):
    assert refusal(codes.credit_code, typed) == (reason, params)


@given(
    st.text(codes.CREDIT_ALPHABET, min_size=17, max_size=17),
    st.integers(0, 17),
    st.integers(1, 30),
)
def test_one_wrong_character_of_a_credit_code_never_passes(first17, place, step):
    code = first17 + codes.credit_check_digit(first17)
    assert codes.credit_code(code) == code
    other = codes.CREDIT_ALPHABET[(codes.CREDIT_ALPHABET.index(code[place]) + step) % 31]
    assert refusal(codes.credit_code, code[:place] + other + code[place + 1 :])[0] == "credit_check"


def test_a_union_is_known_by_its_credit_code():
    assert codes.is_union_credit_code("81320400000000000A")
    assert not codes.is_union_credit_code("91350100M000100Y43")


def test_a_food_licence_is_sc_and_fourteen_digits():
    assert codes.food_licence("sc 1013 2041 2005 56") == "SC10132041200556"
    for wrong in ("SC1013204120055", "SC101320412005566", "QS10132041200556", "10132041200556"):
        assert refusal(codes.food_licence, wrong) == ("licence_format", {})


def test_a_bank_card_is_read_and_its_check_digit_only_warns():
    assert codes.bank_card("6222 0212 3456 7890 128") == "6222021234567890128"
    assert codes.luhn_ok("4111111111111111")
    assert not codes.luhn_ok("4111111111111112")
    assert codes.bank_card("4111111111111112") == "4111111111111112"
    assert refusal(codes.bank_card, "622202123456789") == ("card_length", {"length": 15})
    assert refusal(codes.bank_card, "62220212345678901234") == ("card_length", {"length": 20})
    assert refusal(codes.bank_card, "62220212345678O0") == ("card_digits", {})


@given(st.text("0123456789", min_size=15, max_size=18), st.integers(1, 9))
def test_exactly_one_last_digit_satisfies_luhn(body, step):
    good = [digit for digit in "0123456789" if codes.luhn_ok(body + digit)]
    assert len(good) == 1


# -- phone ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("13812341234", "13812341234"),
        ("138 1234 1234", "13812341234"),
        ("138-1234-1234", "13812341234"),
        ("+86 138 1234 1234", "13812341234"),
        ("0086-13812341234", "13812341234"),
        ("8613812341234", "13812341234"),
        ("１３８１２３４１２３４", "13812341234"),
        ("0592-2234567", "0592-2234567"),
        ("（0592）2234567", "0592-2234567"),
        ("05922234567", "0592-2234567"),
        ("010-6512 3456", "010-65123456"),
        ("02165123456", "021-65123456"),
        ("021-6512-3456", "021-65123456"),
        ("0519—88123456", "0519-88123456"),
        ("0592-2234567-801", "0592-2234567-801"),
        ("0592-2234567转801", "0592-2234567-801"),
    ],
)
def test_phones_are_normalised(typed, read):
    assert codes.phone(typed) == read
    assert codes.phone(read) == read


@pytest.mark.parametrize(
    ("typed", "reason", "params"),
    [
        ("1381234123", "phone_length", {"length": 10}),
        ("138123412345", "phone_length", {"length": 12}),
        ("88123456", "phone_area", {}),
        ("2234567", "phone_area", {}),
        ("12351", "phone_format", {}),
        ("12812341234", "phone_format", {}),
        ("0592-1234567", "phone_format", {}),
        ("电话不详", "phone_format", {}),
        ("", "phone_format", {}),
    ],
)
def test_a_wrong_phone_is_refused_with_its_reason(typed, reason, params):
    assert refusal(codes.phone, typed) == (reason, params)


# -- public codes -----------------------------------------------------------------------------------------------------


def test_a_public_code_is_random_and_without_look_alikes():
    drawn = {codes.new_code("WX") for _ in range(2000)}
    assert len(drawn) > 1990
    assert all(re.fullmatch(r"WX-[2-9ACDEFGHJKMNPQRTUWXY]{6}", code) for code in drawn)
    assert set("".join(code[3:] for code in drawn)) == set(codes.CODE_ALPHABET)
    assert not set("01OILZSBV") & set(codes.CODE_ALPHABET)


@pytest.mark.parametrize("typed", ["WX-7F3K9Q", "wx-7f3k9q", "wx7f3k9q", " WX 7F3K9Q ", "ＷＸ－７Ｆ３Ｋ９Ｑ"])
def test_a_public_code_is_found_as_people_type_it(typed):
    assert codes.public_code(typed) == "WX-7F3K9Q"


@pytest.mark.parametrize("typed", ["WX-0318", "WX-7F3K9O", "7F3K9Q", "WX-7F3K9QQ", ""])
def test_what_is_no_public_code_is_refused(typed):
    assert refusal(codes.public_code, typed) == ("code_format", {})


# -- capitals ---------------------------------------------------------------------------------------------------------

CASES_OF_THE_BANK = [  # the examples of 正确填写票据和结算凭证的基本规定, first spelling of each
    (140_950, "壹仟肆佰零玖元伍角"),
    (600_714, "陆仟零柒元壹角肆分"),
    (168_032, "壹仟陆佰捌拾元零叁角贰分"),
    (10_700_053, "壹拾万零柒仟元零伍角叁分"),
    (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
    (32_504, "叁佰贰拾伍元零肆分"),
]


@pytest.mark.parametrize(
    ("fen", "written"),
    [
        *CASES_OF_THE_BANK,
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角"),
        (55, "伍角伍分"),
        (100, "壹元整"),
        (1_000, "壹拾元整"),
        (16_800, "壹佰陆拾捌元整"),
        (100_050, "壹仟元零伍角"),
        (1_000_000, "壹万元整"),
        (1_000_100, "壹万零壹元整"),
        (1_010_000, "壹万零壹佰元整"),
        (100_000_000, "壹佰万元整"),
        (10_000_000_100, "壹亿零壹元整"),
        (10_001_000_000, "壹亿零壹万元整"),
        (12_345_678_912, "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元壹角贰分"),
    ],
)
def test_amounts_in_capitals(fen, written):
    assert codes.capitals(fen) == written


def _read_capitals(written: str) -> int:
    """The value of an amount in capitals: the way back, written independently."""
    total = section = digit = fen = 0
    for char in written:
        if char in codes.CAPITALS:
            digit = codes.CAPITALS.index(char)
        elif char in "拾佰仟":
            section += digit * 10 ** ("拾佰仟".index(char) + 1)
            digit = 0
        elif char in "万亿元":
            total += (section + digit) * {"万": 10**4, "亿": 10**8, "元": 1}[char]
            section = digit = 0
        elif char in "角分":
            fen += digit * (10 if char == "角" else 1)
            digit = 0
    return total * 100 + fen


@given(st.integers(0, 10**14 - 1))
def test_capitals_read_back_to_the_same_amount(fen):
    written = codes.capitals(fen)
    assert _read_capitals(written) == fen
    assert "零零" not in written
    assert written.endswith("整") == (fen % 100 == 0)


@given(st.integers(0, codes.VOUCHER_LIMIT - 1))
def test_the_voucher_line_fills_every_place(fen):
    written = codes.voucher_capitals(fen)
    assert written[1::2] == "仟佰拾元角分"
    assert int("".join(str(codes.CAPITALS.index(char)) for char in written[::2])) == fen


def test_amounts_that_cannot_be_written_are_refused():
    assert codes.voucher_capitals(16_800) == "零仟壹佰陆拾捌元零角零分"
    assert refusal(codes.voucher_capitals, 1_000_000) == ("amount_too_large", {})
    assert refusal(codes.voucher_capitals, -1) == ("amount_negative", {})
    assert refusal(codes.capitals, -1) == ("amount_negative", {})
    assert refusal(codes.capitals, 10**14) == ("amount_too_large", {})


# -- masks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "masked"),
    [("张三", "张**"), ("欧阳修文", "欧阳**"), ("诸葛亮", "诸葛**"), ("买买提·艾力", "买**"), ("张", "张**"), (" 李 四", "李**"), ("", "")],
)
def test_names_are_masked_to_the_surname(name, masked):
    assert codes.mask_name(name) == masked


def test_numbers_are_masked():
    assert codes.mask_phone("13812341234") == "138****1234"
    assert codes.mask_phone("0592-2234567-801") == "0592-****67"
    assert codes.mask_phone("2234567") == "****"
    assert codes.mask_id_no("11010519491231002X") == "11*************02X"
    assert codes.mask_id_no("1101") == "****"
    assert codes.mask_bank_card("6222021234567890128") == "****0128"
    assert codes.mask_bank_card("1234") == "****"


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("云湖经济开发区潞桥街道学府路58号3栋2单元501", "云湖经济开发区潞桥街道"),
        ("江苏省镇江市丹徒区谷阳镇槐荫村12号", "江苏省镇江市丹徒区谷阳镇"),
        ("河南省新乡市红旗区向阳路1号", "河南省新乡市红旗区"),
        ("宁波市镇海区招宝山街道胜利路2号", "宁波市镇海区招宝山街道"),
        ("福建省厦门市思明区湖滨南路80号", "福建省厦门市思明区"),
        ("张家港市凤凰镇 双龙村", "张家港市凤凰镇"),
        ("苏州市姑苏区平江街道大儒巷", "苏州市姑苏区平江街道"),
        ("幸福小区3栋501", ""),
        ("李家村五组", ""),
        ("", ""),
    ],
)
def test_addresses_are_masked_to_the_town(address, masked):
    assert codes.mask_address(address) == masked


@given(resident_numbers())
def test_a_masked_id_keeps_five_characters(number):
    masked = codes.mask_id_no(number)
    assert len(masked) == 18 and masked.count("*") == 13
