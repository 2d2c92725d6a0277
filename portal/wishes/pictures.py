"""Photos: whatever a phone sends becomes a small JPEG without metadata, or is refused in words."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from portal.refusal import Refused

MOST_PIXELS = 60_000_000
MOST_BYTES = 10 * 1024 * 1024
LONG_SIDE = 1600
FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Picture:
    """A JPEG made by us: nothing of the file that came in survives but its pixels."""

    data: bytes
    width: int
    height: int


def take_in(raw: bytes) -> Picture:
    """Re-encode a photo: turned upright, at most 1,600 pixels long, RGB, no EXIF or profile.

    Refused("photo_large") over 10 MB or 60 million pixels, Refused("photo_type") for anything that is no JPEG, PNG or WebP.
    """
    if len(raw) > MOST_BYTES:
        raise Refused("photo_large", "photos", mb=MOST_BYTES // 1024 // 1024)
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Refused("photo_large", "photos", mb=MOST_BYTES // 1024 // 1024)
            image.draft("RGB", (LONG_SIDE * 2, LONG_SIDE * 2))
            upright = ImageOps.exif_transpose(image)
            flat = Image.new("RGB", upright.size, "white")
            flat.paste(upright.convert("RGBA"), mask=upright.convert("RGBA").getchannel("A"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("photo_type", "photos") from None
    flat.thumbnail((LONG_SIDE, LONG_SIDE))
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=82, optimize=True)
    return Picture(out.getvalue(), flat.width, flat.height)
