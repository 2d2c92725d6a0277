"""Handwritten signatures: strokes as relative numbers, and what is no signature. Pure."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

from portal.refusal import Refused

Point = tuple[float, float]
MOST_BYTES, MOST_POINTS = 200_000, 20_000
# The pad is 0.47 of its width high; a little is left for pens that slip over the edge and for pads of other shapes.
LEFT, RIGHT, TOP, BOTTOM = -0.02, 1.02, -0.02, 0.6
# In widths of the pad: shorter ink than this, or ink within so small a box, is a dot or a slip of the finger.
LEAST_INK, LEAST_BOX = 0.15, 0.06


def _number(value: Any) -> float:
    """A coordinate as the pad writes it: a JSON number, nothing that merely can be read as one. ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no coordinate")
    return float(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def read_strokes(text: str) -> list[list[Point]]:
    """Strokes out of JSON ``[[[x, y], …], …]``, both relative to the pad's width; Refused("signature_empty") for anything else."""
    try:
        data = json.loads(text) if len(text) <= MOST_BYTES else None
        strokes = [[(_number(x), _number(y)) for x, y in map(_list, _list(stroke))] for stroke in _list(data)]
    except (ValueError, TypeError, OverflowError, RecursionError):  # RecursionError: brackets nested a thousand deep
        raise Refused("signature_empty", "strokes") from None
    points = [point for stroke in strokes for point in stroke]
    if not points or len(points) > MOST_POINTS or not all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in points):
        raise Refused("signature_empty", "strokes")
    return strokes


def check_strokes(text: str) -> list[list[Point]]:
    """The strokes of a real signature; Refused("signature_empty") without ink, Refused("signature_dot") for a dot or a dash too short."""
    strokes = read_strokes(text)
    ink = sum(math.dist(a, b) for stroke in strokes for a, b in itertools.pairwise(stroke))
    points = [point for stroke in strokes for point in stroke]
    box = max(max(p[axis] for p in points) - min(p[axis] for p in points) for axis in (0, 1))
    if ink < LEAST_INK or box < LEAST_BOX:
        raise Refused("signature_dot", "strokes")
    return strokes


def compact(strokes: list[list[Point]]) -> str:
    """The JSON that is kept: four decimals, a ten-thousandth of the pad's width, are finer than any pen."""
    return json.dumps([[[round(x, 4), round(y, 4)] for x, y in stroke] for stroke in strokes if stroke], separators=(",", ":"))
