"""Small drawn pictures that stand in for photos: goods on a table, a signed paper slip. No real photo is shipped."""

from __future__ import annotations

import io
from random import Random

from PIL import Image, ImageDraw

SIZE = (320, 240)
TABLE, WALL, INK = (226, 214, 196), (246, 242, 234), (70, 60, 54)
GOODS = ((178, 58, 46), (46, 110, 86), (52, 92, 138), (190, 140, 60), (120, 96, 130))


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


def goods(random: Random) -> bytes:
    """A JPEG of one to three boxes on a table."""
    image = Image.new("RGB", SIZE, WALL)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 165, 320, 240), fill=TABLE)
    left = random.randrange(24, 60)
    for _ in range(random.randrange(1, 4)):
        width, height = random.randrange(60, 90), random.randrange(60, 120)
        top, colour = 195 - height, random.choice(GOODS)
        draw.rectangle((left, top, left + width, 195), fill=colour, outline=INK, width=2)
        draw.polygon(((left, top), (left + 14, top - 14), (left + width + 14, top - 14), (left + width, top)), fill=WALL, outline=INK)
        draw.rectangle((left + width // 3, top + height // 3, left + 2 * width // 3, top + height // 2), fill=WALL)
        left += width + 18
    return _jpeg(image)


def slip(strokes: list[list[list[float]]]) -> bytes:
    """A JPEG of a paper slip that carries the given signature (relative numbers) above its line."""
    image = Image.new("RGB", SIZE, TABLE)
    draw = ImageDraw.Draw(image)
    draw.polygon(((30, 18), (292, 12), (298, 226), (34, 230)), fill=(255, 255, 252), outline=INK)
    for line in range(4):
        draw.line((58, 52 + 22 * line, 270 - 30 * (line % 2), 50 + 22 * line), fill=(170, 164, 156), width=3)
    draw.line((110, 206, 270, 204), fill=INK, width=1)
    for stroke in strokes:
        draw.line([(90 + 170 * x, 120 + 200 * y) for x, y in stroke], fill=INK, width=3)
    return _jpeg(image)
