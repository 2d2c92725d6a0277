"""What is a handwritten signature, and what is none: pure, no database."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.demo.data import signatures
from portal.refusal import Refused
from portal.wishes.signature import LEAST_INK, MOST_BYTES, MOST_POINTS, check_strokes, compact, read_strokes
from tests.cast import STROKES

NOT_STROKES = {
    "nothing": "",
    "no JSON": "周玉华",
    "null": "null",
    "a number": "5",
    "a text": '"[[[0.1,0.1],[0.9,0.3]]]"',
    "true": "true",
    "no strokes": "[]",
    "an empty stroke": "[[]]",
    "empty strokes": "[[],[],[]]",
    "points without strokes": "[[0.1,0.1],[0.9,0.3]]",
    "one nesting too deep": "[[[[0.1,0.1],[0.9,0.3]]]]",
    "a thousand nestings": "[" * 50_000 + "]" * 50_000,
    "unclosed nestings": "[" * 100_000,
    "three coordinates": "[[[0.1,0.1,0.1],[0.9,0.3,0.1]]]",
    "one coordinate": "[[[0.1],[0.9]]]",
    "texts as coordinates": '[[["0.1","0.1"],["0.9","0.3"]]]',
    "texts of two letters": '[["01","10"]]',
    "true as a coordinate": "[[[true,0.1],[false,0.3]]]",
    "null as a coordinate": "[[[null,0.1],[0.9,0.3]]]",
    "NaN": "[[[NaN,0.1],[0.9,0.3]]]",
    "Infinity": "[[[Infinity,0.1],[0.9,0.3]]]",
    "minus Infinity": "[[[0.1,-Infinity],[0.9,0.3]]]",
    "beyond a float": "[[[1e999,0.1],[0.9,0.3]]]",
    "a whole number of 400 digits": f"[[[{'9' * 400},0.1],[0.9,0.3]]]",
    "a whole number of 5,000 digits": f"[[[{'9' * 5000},0.1],[0.9,0.3]]]",
    "pixels": "[[[120,40],[260,90]]]",
    "left of the pad": "[[[-0.5,0.1],[0.9,0.3]]]",
    "below the pad": "[[[0.1,0.7],[0.9,0.9]]]",
    "an object": '{"0":[[0.1,0.1],[0.9,0.3]]}',
    "objects as strokes": '[{"0.1":0.1,"0.9":0.3}]',
    "objects as points": '[[{"01":1,"10":2},{"00":1,"11":2}]]',
    "too many points": json.dumps([[[0.1, 0.1], [0.9, 0.3]] * (MOST_POINTS // 2 + 1)]),
    "too many characters": f"[[[0.1,0.1],[0.9,0.3]]]{' ' * MOST_BYTES}",
}
DOTS = {
    "a dot": "[[[0.5,0.2]]]",
    "the same point over and over": json.dumps([[[0.5, 0.2]] * 500]),
    "three dots": "[[[0.2,0.2]],[[0.5,0.2]],[[0.8,0.2]]]",
    "a dash": "[[[0.5,0.2],[0.6,0.2]]]",
    "ink that never leaves a small spot": json.dumps([[[0.5 + 0.02 * (n % 2), 0.2 + 0.02 * (n // 2 % 2)] for n in range(200)]]),
}


@pytest.mark.parametrize("text", NOT_STROKES.values(), ids=NOT_STROKES.keys())
def test_what_is_not_strokes_is_refused_in_words(text):
    with pytest.raises(Refused) as caught:
        check_strokes(text)
    assert (caught.value.code, caught.value.field) == ("signature_empty", "strokes")


@pytest.mark.parametrize("text", DOTS.values(), ids=DOTS.keys())
def test_a_dot_is_no_signature(text):
    with pytest.raises(Refused) as caught:
        check_strokes(text)
    assert (caught.value.code, caught.value.field) == ("signature_dot", "strokes")


def test_real_signatures_pass():
    assert len(check_strokes(STROKES)) == 2
    for drawn in signatures():
        assert check_strokes(json.dumps(drawn))


def test_a_line_just_long_enough_passes():
    assert check_strokes(json.dumps([[[0.2, 0.2], [0.2 + LEAST_INK + 0.001, 0.2]]]))


def test_what_is_kept_is_the_same_drawing_in_few_characters():
    kept = compact(read_strokes("[[[0.123456789, 0.1], [0.9, 0.3]], []]"))
    assert kept == "[[[0.1235,0.1],[0.9,0.3]]]"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=25,
)


@given(json_values)
def test_any_json_is_strokes_or_refused(value):
    try:
        strokes = check_strokes(json.dumps(value))
    except Refused:
        return
    assert all(isinstance(number, float) and -0.02 <= number <= 1.02 for stroke in strokes for point in stroke for number in point)
