"""The privacy check: what in a public text would reveal a household. Pure; it marks and proposes, a reviewer decides (个保法 §§28–31).

What it knows by heart is in `words/*.txt`; what it knows of this household (names, schools, employers, addresses) is given to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from portal.codes import CodeError, resident_id, surname
from portal.wording import _l

Severity = Literal["block", "warn", "hint"]
HAN = "\u4e00-\u9fff"
WORDS = Path(__file__).with_name("words")

BLOCKING = frozenset({"id_no", "phone", "bank_card", "name"})
ADVICE: dict[str, Any] = {
    "id_no": _l("这里有身份证号。公开文字里不能有证件号，请删去。"),
    "phone": _l("这里有电话或联系账号。联系由工会转达，请删去。"),
    "bank_card": _l("这里有银行卡号，请删去。"),
    "name": _l("这里有姓名或称呼，会让人认出是谁。请删去，或写“本人”“家人”。"),
    "name_part": _l("这几个字像是名字或称呼。如果指的是人，请删去。"),
    "school": _l("这里有学校名称，会让人找到孩子。请只写“学校”，或删去。"),
    "address": _l("这里有住址或小区，会让人找到这户家庭。最多写到镇、街道。"),
    "employer": _l("这里有工作单位，会让人认出是谁。请删去，或只写行业。"),
    "health": _l("这里说到了病情、残疾或治疗，属于敏感个人信息。请只写需要的物品。"),
    "family": _l("这里说到了家庭境况。请只写需要的物品，不写家里的难处。"),
    "minor": _l("这里写到孩子，又有年龄、年级、学校、姓名或病情，会让人认出孩子。请删去这些细节。"),
    "child": _l("这里提到孩子。只写物品也能说清的话，可以不提。"),
    "birth": _l("这里有出生日期，请删去。"),
    "age": _l("这里有年龄，会让人认出是谁。请删去；衣物可写尺码。"),
}
REPLACEMENTS = {"name": "本人", "school": "学校", "employer": "单位", "minor": "家人", "child": "家人"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One marked place: `text[start:end]`. Block: cannot be submitted. Warn: a reviewer decides. Hint: only worth a look."""

    start: int
    end: int
    kind: str
    excerpt: str = field(repr=False)

    @property
    def severity(self) -> Severity:
        if self.kind in BLOCKING:
            return "block"
        return "hint" if self.kind == "child" else "warn"

    @property
    def advice(self) -> Any:
        """The sentence for this kind, translated when it is shown."""
        return ADVICE[self.kind]

    @property
    def replacement(self) -> str | None:
        """A neutral word to put here; None where the place is better left out."""
        return REPLACEMENTS.get(self.kind)


Span = tuple[int, int, str]

_DIGITS = r"(?<![0-9])[0-9](?:[ -]?[0-9Xx]){%s}(?![0-9])"
_ID_LIKE = re.compile(_DIGITS % "14" + "|" + _DIGITS % "17")
_CARD = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){15,18}(?![0-9])")
_NUMBERS = {
    "id_no": re.compile(r"(?:身份证|证件|残疾证|低保证)[号码尾后四位是为:： ]{0,6}[0-9][0-9Xx]{3,}"),
    "phone": re.compile(
        r"(?<![0-9])(?:\+?86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]){8}(?![0-9])|(?<![0-9])0[1-9][0-9]{1,2}[- ]?[2-9][0-9]{6,7}(?![0-9])"
        r"|(?:电话|手机|联系)[号码方式是为:： ]{0,5}[0-9]{7,8}(?![0-9])|[一二三四五六七八九零〇幺]{11}"
        r"|(?:微信|vx|VX|QQ|qq)[号码是为:： ]{0,3}[A-Za-z0-9][\w-]{4,}"
    ),
}
_AGE = re.compile(
    rf"(?<!适合)(?<![{HAN}0-9]至)(?<![0-9][-~—])(?:[0-9]{{1,3}}|[一二两三四五六七八九十百]{{1,4}})多?(?:周岁|岁|个月大)(?!以[上下])|刚?满周岁"
    r"|(?<=宝宝|孩子|女儿|儿子)[0-9一二两三四五六七八九十]{1,2}个月|年[近过逾][五六七八九]旬|[五六七八九]旬|年[近过逾][五六七八九]十|古稀|耄耋|花甲"
)
_UNDER_18 = re.compile(r"[0-9一二两三四五六七八九]岁|1[0-7]岁|十[一二三四五六七]?岁|[0-9一二两三四五六七八九十]+个月|刚?满周岁|刚?满岁")
_GRADE = re.compile(
    r"[一二三四五六七八九1-9]年级(?:[(（]?[0-9一二三四五六七八九十]{1,2}[)）]?班)?|(?<![最提升])[初高][一二三](?![次种件个米])|[大中小]班(?=[孩女儿])"
)
_BIRTH = re.compile(
    r"(?:生于|出生于?|生日[是为:： ]?)[0-9]{2,4}[年./-](?:[0-9]{1,2}[月./-]?(?:[0-9]{1,2}[日号]?)?)?"
    r"|[0-9]{2,4}[年./-](?:[0-9]{1,2}[月./-]?(?:[0-9]{1,2}[日号]?)?)?(?:出生|生人|生的)|生日[是为]?[0-9]{1,2}月[0-9]{1,2}[日号]?|属[鼠牛虎兔龙蛇马羊猴鸡狗猪](?!肉|年)"
)
_CHILD = re.compile(r"孩子|小孩|儿子|女儿|闺女|孙子|孙女|外孙|侄子|侄女|外甥|弟弟|妹妹|双胞胎|(?<![娃])娃(?![娃])|(?<!暖)宝宝|小朋友")
_STREET = re.compile(
    rf"(?:(?![住在到去寄])[{HAN}]){{1,6}}(?:路|街|巷|弄|大道|胡同)[0-9一二三四五六七八九十百]+(?:号|弄)?(?:院|楼)?|[0-9]+[- ]?(?:栋|幢|号楼|单元|号院|座(?=[0-9])|室)"
    r"(?:[0-9]+(?:栋|单元|室|号)?)*|[一二三四五六七八九十]{1,3}(?:栋|幢|号楼|单元)|[0-9]{1,2}-[0-9]{1,2}-[0-9]{3,4}"
)
# A proper name in front of the suffix makes it a place; these words in front are only grammar: 在学校, 我们小区, 离公司.
_GRAMMAR = re.compile(
    "就读于?|在读|位于|住在|[读上在去到给的离回是和想有进从来与跟为送往念考]|参加|附近|我们|他们|自己|这个|那个|一[所家个]|每[所家个]|本地|当地|"
    "需要|希望|家里|[，,。；;、！!？?：:（(）) ]"
)
_PLACES = {
    "school": re.compile(
        rf"([{HAN}0-9（）()、，,]{{2,10}}?)(?:小学(?!生)|中学(?!生)|[初高]中(?![生数语英物化政历地教课一二三])|幼儿园|职高|技校"
        "|中专|学校|学院|大学(?!新?生))"
    ),
    "address": re.compile(rf"([{HAN}0-9、，,]{{2,8}}?)(?:小区|花园|家园|公寓|新村|社区|苑(?=[0-9，,。]|$)|宿舍|村(?![民级里庄]))"),
    "employer": re.compile(rf"([{HAN}0-9A-Za-z、，,]{{2,12}}?)(?:有限公司|有限责任公司|公司|集团|工厂|[机电纺食化服鞋木印]\w?厂|物业|环卫所)"),
}
_NOT_A_PLACE = frozenset("农 山 乡 城市 农民 特色 新农 电子 动物 植物 儿童 老年 开放".split())
_SHORT_SCHOOL = re.compile(
    r"(?:[市县区镇][一二三四五六七八九十]?|实验[一二三四五六]?|附)[小中](?=[，,。、\s的读上就]|$)|[一二三四五六七八九十]中(?=[上读念就])"
)
_SAID_NAME = re.compile(rf"(?:我叫|名叫|叫做|姓名[是为:： ]?)([{HAN}·]{{2,4}}?)(?=[，,。、；;\s（(今在是想]|$)")
# A surname we were not told of, with a form of address: perhaps a neighbour, so a warning.
_ADDRESSED = re.compile(
    "[王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚"
    "方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万顾赖武康贺严尹钱施牛洪龚](?:女士|先生|师傅|大姐|大哥|阿姨|叔叔|大爷|大妈|奶奶|爷爷)"
)
_TITLES = "女士|先生|师傅|大姐|大哥|阿姨|叔叔|大爷|大妈|大娘|大叔|奶奶|爷爷|婆婆|老师|同学|某某|某|家|嫂|婶|伯|姐|哥|工"
# Digits, letters and dashes only, one for one, so that places stay the same; Chinese punctuation keeps its meaning.
_FULL_WIDTH = {code: code - 0xFEE0 for code in (0xFF0B, 0xFF0D, *range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}


@cache
def _words(name: str) -> re.Pattern[str]:
    """One pattern of all words of a file in words/, longest first."""
    lines = (WORDS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    words = {word for line in lines if not line.startswith("#") for word in line.split()}
    return re.compile("|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word)))))


def check(
    text: str, *, names: Iterable[str] = (), schools: Iterable[str] = (), employers: Iterable[str] = (), addresses: Iterable[str] = ()
) -> list[Finding]:
    """Every place in a public text that would reveal a household, in order and without overlaps.

    The four lists are what its file says in clear: full names, school names, employers, addresses.
    """
    plain = text.translate(_FULL_WIDTH)
    products = [match.span() for match in _words("products").finditer(plain)]
    spans = [
        *_numbers(plain), *_names(plain, names), *_known(plain, "school", schools), *_known(plain, "employer", employers),
        *_known_addresses(plain, addresses), *_patterns(plain), *_places(plain),
        *(span for span in _dictionary(plain) if not any(start <= span[0] and span[1] <= end for start, end in products)),
    ]  # fmt: skip
    chosen = _without_overlaps(spans)
    return [Finding(start, end, _raised(plain, (start, end, kind), chosen), text[start:end]) for start, end, kind in chosen]


def _without_overlaps(spans: list[Span]) -> list[Span]:
    """What blocks wins over what warns, then the longer; the rest in order of the text."""
    chosen: list[Span] = []
    for span in sorted(set(spans), key=lambda span: (span[2] not in BLOCKING, span[2] == "child", span[0] - span[1], span[0])):
        if all(span[1] <= other[0] or other[1] <= span[0] for other in chosen):
            chosen.append(span)
    return sorted(chosen)


def _numbers(text: str) -> Iterator[Span]:
    for match in _ID_LIKE.finditer(text):
        try:
            resident_id(match[0])
        except CodeError as error:
            if error.reason != "id_check" and len(re.sub("[ -]", "", match[0])) != 18:
                continue
        yield *match.span(), "id_no"
    yield from ((*match.span(), "bank_card") for match in _CARD.finditer(text))
    for kind, pattern in _NUMBERS.items():
        yield from ((*match.span(), kind) for match in pattern.finditer(text))


def _names(text: str, names: Iterable[str]) -> Iterator[Span]:
    """Full names (also spaced), 周女士, 小周, 小明, 明明; given names alone only as a warning, for many are common words."""
    yield from ((*match.span(1), "name") for match in _SAID_NAME.finditer(text))
    yield from ((*match.span(), "name_part") for match in _ADDRESSED.finditer(text))
    for name in {name.strip() for name in names if len(name.strip()) > 1}:
        family, given = surname(name), name[len(surname(name)) :]
        last = re.escape(name[-1])
        forms = [r"\s*".join(map(re.escape, name)), f"{re.escape(family)}(?:{_TITLES})", f"[小老阿]{re.escape(family)}", f"[小阿]{last}", last * 2]
        for match in re.finditer("|".join(forms), text):
            yield *match.span(), "name"
        if len(given) > 1:
            yield from ((*match.span(), "name_part") for match in re.finditer(re.escape(given), text))


def _known(text: str, kind: str, known: Iterable[str]) -> Iterator[Span]:
    """A known school or employer, in full or without its town and legal form."""
    for name in {name.strip() for name in known if name.strip()}:
        core = re.sub(r"(?:股份|责任)?(?:有限)?(?:责任)?公司$|集团$", "", re.sub(rf"^[{HAN}]{{2,7}}?[省市区县]", "", name))
        forms = [re.escape(form) for form in sorted({name, core}, key=len, reverse=True) if len(form) > 1]
        yield from ((*match.span(), kind) for match in re.finditer("|".join(forms) or "(?!)", text))


def _known_addresses(text: str, addresses: Iterable[str]) -> Iterator[Span]:
    """The parts of a known address below the town: road, village, estate, building."""
    for address in addresses:
        below = re.split(r"街道|[镇乡](?![市区县])|(?<![小社])区|县", address)[-1]
        for part in re.findall(rf"[{HAN}]{{2,8}}?(?:路|街|巷|弄|村|小区|社区|花园|家园|苑|新村|公寓)", below):
            yield from ((*match.span(), "address") for match in re.finditer(re.escape(part), text))


def _patterns(text: str) -> Iterator[Span]:
    for kind, pattern in (("birth", _BIRTH), ("age", _AGE), ("minor", _GRADE), ("child", _CHILD), ("address", _STREET), ("school", _SHORT_SCHOOL)):
        yield from ((*match.span(), kind) for match in pattern.finditer(text))


def _places(text: str) -> Iterator[Span]:
    """Names of schools, estates and firms nobody told us of: a suffix with a proper name before it."""
    for kind, pattern in _PLACES.items():
        for match in pattern.finditer(text):
            proper = _GRAMMAR.split(match[1])[-1]
            if len(proper) > 1 and proper not in _NOT_A_PLACE and not _CHILD.fullmatch(proper):
                yield match.end(1) - len(proper), match.end(), kind


def _dictionary(text: str) -> Iterator[Span]:
    for file, kind in (("illness", "health"), ("disability", "health"), ("treatment", "health"), ("mind", "health"), ("family", "family")):
        yield from ((*match.span(), kind) for match in _words(file).finditer(text))


def _raised(text: str, span: Span, all_spans: list[Span]) -> str:
    """A child with age, grade, school, name or illness in the same clause is a minor who can be found; an age under 18 too."""
    start, end, kind = span
    if kind == "age" and _UNDER_18.match(text[start:end].replace("周岁", "岁")):
        return "minor"
    if kind != "child":
        return kind
    left = max(text.rfind(mark, 0, start) for mark in "，。；,;（(") + 1
    ends = [place for mark in "，。；,;）)" if (place := text.find(mark, end)) >= 0]
    right = min(ends, default=len(text))
    telling = {"age", "minor", "school", "name", "health", "birth"}
    return "minor" if any(other[2] in telling and left <= other[0] < right for other in all_spans) else "child"


_WISH = re.compile(r"(?:很|特别|只|也|就|都|急|迫切)?(?:希望|想要|想有|想买|需要|急需|渴望|盼望|盼着|想)")
_FOR_SOMEONE = re.compile(
    rf"^(?:很?想|希望能?|想要|要)?(?:给|为|帮)(?:我|自己|家里)?(?:的|每个|两个|一个)?(?:{_CHILD.pattern}|本人|家人)们?(?:买|送|准备|添置?|换|配|订)?(?=[{HAN}0-9])"
)
_MEASURE = "[台个辆件套双张把床袋桶副部本箱盒支只瓶条口块架根批份床款]"
_HAS_NUMBER = re.compile(rf"^(?:[一二两三四五六七八九十几0-9]|{_MEASURE}(?=[{HAN}]))")
# What is left hanging when the illness behind a purpose is cut off: 养生壶[煮水煎药], 轮椅[去看病].
_HANGING = re.compile(r"(?:煮水|熬|煮|用来|用于|方便|可以|便于|好|来|去|给|因|因为|患|有|做|的)+$")


def suggest(text: str, findings: Iterable[Finding]) -> str:
    """A neutral sentence that says the thing and not the household; empty where nothing neutral is left and a person must write it.

    丈夫风湿关节炎长期吃中药，希望有个多功能养生壶煮水煎药 → 希望有一个多功能养生壶
    """
    found = sorted(findings, key=lambda finding: finding.start)
    if not found:
        return text
    clauses = []
    for clause in re.finditer(r"[^，。；！？,;!?\n（()）]+", text):
        inside = [finding for finding in found if clause.start() <= finding.start < clause.end()]
        neutral = _neutral_clause(clause[0], [(one.start - clause.start(), one.end - clause.start(), one) for one in inside])
        # What the check would mark again is left out, so that a proposal is always clean.
        if neutral and not any(again.severity != "hint" for again in check(neutral)):
            clauses.append(neutral)
    if not clauses and all(finding.severity == "hint" for finding in found):
        return text
    return "，".join(clauses)


def _neutral_clause(clause: str, inside: list[tuple[int, int, Finding]]) -> str:
    """One clause without its findings: from the wish on if it has one, else nothing."""
    if not inside:
        return clause.strip()
    for_someone = _FOR_SOMEONE.match(clause)
    if for_someone and all(end <= for_someone.end() for _, end, _ in inside):
        return _with_number("想要", clause[for_someone.end() :])
    wish = next((match for match in _WISH.finditer(clause) if match.start() >= inside[0][1]), None) or _WISH.search(clause)
    if not wish:
        return ""
    kept, place = "", wish.start()
    for start, end, finding in inside:
        if start >= place:
            kept += clause[place:start] + (finding.replacement or "")
            place = end
            if not finding.replacement:
                kept = _HANGING.sub("", kept)
    kept += clause[place:]
    verb, thing = wish[0], kept[len(wish[0]) :]
    return _with_number(f"{verb}有", thing[1:]) if thing.startswith("有") else verb + thing if thing.strip("有一个 ") else ""


def _with_number(verb: str, thing: str) -> str:
    """想要 + 新书包 → 想要一个新书包; 希望有 + 个养生壶 → 希望有一个养生壶."""
    thing = thing.strip()
    if not thing:
        return ""
    number = _HAS_NUMBER.match(thing)
    return verb + ("" if number and not re.match(_MEASURE, thing) else "一" if number else "一个") + thing
