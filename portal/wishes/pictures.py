"""Photos: whatever a phone sends becomes a small JPEG without metadata, or is refused in words."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass

from PIL import Image

from portal.refusal import Refused

MOST_BYTES = 10 * 1024 * 1024
# Measured, so that no file costs the process more than half a gigabyte: a JPEG is shrunk while it is decoded (one of four colours needs
# more for each pixel), the others are decoded whole, a moving WebP several times over.
MOST_PIXELS = {"JPEG": 50_000_000, "MPO": 50_000_000, "PNG": 24_000_000, "WEBP": 12_500_000}
MOST_PIXELS_CMYK = 24_000_000
LONG_SIDE = 1600
FORMATS = ("JPEG", "PNG", "WEBP")
# A phone's progressive JPEG has ten scans, its previews a few more; each scan goes over the whole picture again.
MOST_SCANS = 40
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
ORIENTATION = 0x0112
# Decoding eats memory: one photo at a time in a process, however many people send theirs.
_DECODING = threading.BoundedSemaphore(1)


@dataclass(frozen=True)
class Picture:
    """A JPEG made by us: nothing of the file that came in survives but its pixels."""

    data: bytes
    width: int
    height: int


def take_in(raw: bytes) -> Picture:
    """Re-encode a photo: turned upright, at most 1,600 pixels long, RGB, no EXIF, profile or comment; of a moving picture the first frame.

    Refused("photo_large") over 10 MB or too many pixels, Refused("photo_type") for anything that is no JPEG, PNG or WebP.
    """
    if len(raw) > MOST_BYTES:
        raise _too_large()
    if raw[:2] == b"\xff\xd8" and raw.count(b"\xff\xda") > MOST_SCANS:
        raise Refused("photo_type", "photos")
    with _DECODING:
        try:
            flat = _decode(raw)
        except Refused:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
            raise _too_large() from None
        except Exception:  # what a decoder raises on a broken file is not a closed list
            raise Refused("photo_type", "photos") from None
        out = io.BytesIO()
        flat.save(out, "JPEG", quality=82, optimize=True)
    return Picture(out.getvalue(), flat.width, flat.height)


def _too_large() -> Refused:
    return Refused("photo_large", "photos", mb=MOST_BYTES // 1024 // 1024)


def _decode(raw: bytes) -> Image.Image:
    """The first frame, small, upright and flat on white; it carries no metadata, because it is a new picture."""
    with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
        if image.width * image.height > (MOST_PIXELS_CMYK if image.mode == "CMYK" else MOST_PIXELS[image.format or ""]):
            raise _too_large()
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
        image.draft(None, _room(image.size))
        image.load()
        small = _plain(image)
        small.thumbnail((LONG_SIDE, LONG_SIDE), reducing_gap=2.0)
    flat = Image.new("RGB", small.size, "white")
    if small.mode == "RGBA":
        flat.paste(small, mask=small.getchannel("A"))
    else:
        flat.paste(small.convert("RGB"))
    return flat.transpose(turn) if turn is not None else flat


def _room(size: tuple[int, int]) -> tuple[int, int]:
    """The size below which the JPEG decoder need not go: a little above what is kept, in the picture's own shape."""
    shrink = min(1.0, LONG_SIDE * 1.25 / max(size))
    return max(1, int(size[0] * shrink)), max(1, int(size[1] * shrink))


def _plain(image: Image.Image) -> Image.Image:
    """The pixels in a mode that can be shrunk: 8 bits a channel, no palette; RGBA where something shines through."""
    if image.mode.startswith("I") or image.mode == "F":
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")  # 16 bits of grey
    if image.mode in ("P", "PA", "LA", "La", "RGBa", "1") or "transparency" in image.info:
        return image.convert("RGBA")
    return image
