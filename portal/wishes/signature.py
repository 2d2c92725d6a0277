"""Handwritten signatures: strokes as relative numbers, and what is no signature. Pure."""

from __future__ import annotations

import json
import math

from portal.refusal import Refused

Point = tuple[float, float]
MOST_BYTES, MOST_POINTS = 200_000, 20_000
# In widths of the pad: shorter ink than this, or ink within so small a box, is a dot or a slip of the finger.
LEAST_INK, LEAST_BOX = 0.15, 0.06


def read_strokes(text: str) -> list[list[Point]]:
    """Strokes out of JSON ``[[[x, y], …], …]``, both relative to the pad's width; Refused("signature_empty") for anything else."""
    try:
        data = json.loads(text) if len(text) <= MOST_BYTES else None
        strokes = [[(float(x), float(y)) for x, y in stroke] for stroke in data]
    except (ValueError, TypeError):
        raise Refused("signature_empty", "strokes") from None
    points = [point for stroke in strokes for point in stroke]
    if not points or len(points) > MOST_POINTS or not all(-0.1 <= value <= 1.1 for point in points for value in point):
        raise Refused("signature_empty", "strokes")
    return strokes


def check_strokes(text: str) -> list[list[Point]]:
    """The strokes of a real signature; Refused("signature_empty") without ink, Refused("signature_dot") for a dot or a dash too short."""
    strokes = read_strokes(text)
    ink = sum(math.dist(a, b) for stroke in strokes for a, b in zip(stroke, stroke[1:], strict=False))
    points = [point for stroke in strokes for point in stroke]
    box = max(max(p[axis] for p in points) - min(p[axis] for p in points) for axis in (0, 1))
    if ink < LEAST_INK or box < LEAST_BOX:
        raise Refused("signature_dot", "strokes")
    return strokes
