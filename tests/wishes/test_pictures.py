"""Photos from phones and from people who wish us ill: a small clean JPEG comes out, or a refusal in words; never a crash, never much memory."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image, ImageDraw

from portal.refusal import Refused
from portal.wishes import pictures
from portal.wishes.pictures import LONG_SIDE, MOST_BYTES, take_in

PAYLOAD = b"<script>alert(1)</script><?php system($_GET['c']); ?>"
GPS = b"GPS-31.7754-119.9741"
RED, BLUE = (200, 30, 30), (30, 30, 200)


def drawn(size: tuple[int, int] = (400, 300), mode: str = "RGB") -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", size, RED)
    ImageDraw.Draw(image).rectangle((0, size[1] // 2, size[0], size[1]), fill=BLUE)
    return image.convert(mode)


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *, bits: int = 8, colour: int = 2, rows: int = 0, extra: bytes = b"") -> bytes:
    """A PNG that claims a size and holds ``rows`` rows of zeros."""
    row = b"\0" * (1 + width * {0: 1, 2: 3, 6: 4}[colour] * bits // 8) if rows else b""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def with_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = orientation, "某手机", GPS
    exif.get_ifd(0x8825)[2] = (31.0, 46.0, 31.0)
    return saved(drawn(), exif=exif, comment=GPS, icc_profile=b"profile" + GPS)


def markers(data: bytes) -> list[int]:
    """The markers of a JPEG before its scan."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        found.append(data[at + 1])
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return found


def clean(data: bytes) -> Image.Image:
    """The picture of a file that is a plain JPEG and nothing else: no EXIF (APP1), no profile (APP2), no comment, nothing behind it."""
    assert data[:2] == b"\xff\xd8" and data.endswith(b"\xff\xd9")
    assert data.count(b"\xff\xd9") == 1
    assert not set(markers(data)) & {*range(0xE1, 0xF0), 0xFE}
    for secret in (PAYLOAD, GPS, b"<script", b"<?php", b"Exif", b"PK\x03\x04", "某手机".encode()):
        assert secret not in data
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert not image.getexif() and set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert max(image.size) <= LONG_SIDE
    return image


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 30 for a, b in zip(pixel, colour, strict=True))  # type: ignore[call-overload]


def jpeg_of_many_scans() -> bytes:
    """A progressive JPEG whose last scan comes again five thousand times."""
    raw = saved(drawn((2000, 2000)), progressive=True)
    last = raw.rindex(b"\xff\xda")
    return raw[:last] + raw[last:-2] * 5000 + b"\xff\xd9"


GOOD = {
    "jpeg": lambda: saved(drawn()),
    "progressive jpeg": lambda: saved(drawn((2000, 1500)), progressive=True),
    "grey jpeg": lambda: saved(drawn(mode="L")),
    "cmyk jpeg": lambda: saved(drawn(mode="CMYK")),
    "png": lambda: saved(drawn(), "PNG"),
    "png with palette": lambda: saved(drawn(mode="P"), "PNG"),
    "png with transparent palette": lambda: saved(drawn(mode="P"), "PNG", transparency=0),
    "png of two colours": lambda: saved(drawn(mode="1"), "PNG"),
    "png with alpha": lambda: saved(drawn(mode="RGBA"), "PNG"),
    "grey png with alpha": lambda: saved(drawn(mode="LA"), "PNG"),
    "animated png": lambda: saved(drawn(), "PNG", save_all=True, append_images=[drawn().rotate(180)] * 3),
    "png of 16 bits": lambda: png(64, 48, bits=16, rows=48),
    "grey png of 16 bits": lambda: png(64, 48, bits=16, colour=0, rows=48),
    "webp": lambda: saved(drawn(), "WEBP"),
    "webp with alpha": lambda: saved(drawn(mode="RGBA"), "WEBP", lossless=True),
    "animated webp": lambda: saved(drawn(), "WEBP", save_all=True, append_images=[drawn().rotate(180)] * 3),
    "png that ends after three rows": lambda: png(4000, 3000, rows=3),
    "one pixel": lambda: saved(Image.new("RGB", (1, 1), RED), "PNG"),
    "a hair": lambda: saved(Image.new("RGB", (20_000, 1), RED), "PNG"),
    "a long strip": lambda: saved(Image.new("RGB", (60_000, 40), RED)),
    "photo of a phone": lambda: saved(drawn((4000, 3000)), quality=90),
    "photo of 48 million pixels": lambda: saved(drawn((8000, 6000)), quality=50),
    "jpeg with html behind it": lambda: saved(drawn()) + PAYLOAD,
    "jpeg with a zip behind it": lambda: saved(drawn()) + b"PK\x03\x04" + PAYLOAD * 50,
    "jpeg with html as comment": lambda: saved(drawn(), comment=PAYLOAD),
    "png with html as text": lambda: png(64, 48, rows=48, extra=chunk(b"tEXt", b"Comment\0" + PAYLOAD)),
    "jpeg with gps": with_exif,
    "jpeg and a second picture (MPO)": lambda: saved(drawn(), "MPO", save_all=True, append_images=[drawn()]),
}
BAD = {
    "nothing": lambda: b"",
    "one byte": lambda: b"\xff",
    "text": lambda: "这不是照片".encode() * 100,
    "html": lambda: b"<!doctype html>" + PAYLOAD,
    "svg": lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "pdf": lambda: saved(drawn(), "PDF"),
    "gif": lambda: saved(drawn(), "GIF"),
    "gif and script": lambda: b"GIF89a/*" + PAYLOAD + b"*/=1;",
    "bmp": lambda: saved(drawn(), "BMP"),
    "tiff": lambda: saved(drawn(), "TIFF"),
    "ico": lambda: saved(drawn(), "ICO"),
    "eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
    "heic": lambda: b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + b"\0" * 400,
    "zip": lambda: b"PK\x03\x04" + b"\0" * 400,
    "half a jpeg": lambda: saved(drawn((2000, 1500)))[:9000],
    "a jpeg's head": lambda: saved(drawn())[:30],
    "half a png": lambda: saved(drawn(), "PNG")[:200],
    "half a webp": lambda: saved(drawn(), "WEBP")[:100],
    "png of no size": lambda: png(0, 0),
    "jpeg of no size": lambda: saved(drawn()).replace(struct.pack(">HH", 300, 400), b"\0\0\0\0", 1),
    "png with a bomb of text": lambda: png(64, 48, rows=48, extra=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 80_000_000, 9)) * 2),
    "jpeg of ten thousand scans": jpeg_of_many_scans,
}
LARGE = {
    "giant png": lambda: png(60_000, 60_000),
    "giant png with its rows": lambda: png(20_000, 20_000, rows=2000),
    "png beyond the limit": lambda: png(6000, 4001, colour=0, rows=4001),
    "largest png there is": lambda: png(2**31 - 1, 2**31 - 1),
    "jpeg of four colours beyond its limit": lambda: saved(drawn((5000, 4900), "CMYK")),
    "giant jpeg": lambda: saved(drawn()).replace(struct.pack(">HH", 300, 400), b"\xff\xdc\xff\xdc", 1),
    "webp beyond the limit": lambda: saved(Image.new("RGB", (4200, 3000)), "WEBP", lossless=True, method=0, quality=0),
    "too many bytes": lambda: saved(drawn()) + b"\0" * MOST_BYTES,
}


@pytest.mark.parametrize("name", GOOD)
def test_what_a_phone_sends_becomes_a_clean_jpeg(name):
    picture = take_in(GOOD[name]())
    image = clean(picture.data)
    assert image.size == (picture.width, picture.height)


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_photo_is_refused_in_words(name):
    with pytest.raises(Refused) as caught:
        take_in(BAD[name]())
    assert (caught.value.code, caught.value.field) == ("photo_type", "photos")


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_refused_before_it_is_decoded(name, monkeypatch):
    raw = LARGE[name]()
    monkeypatch.setattr(pictures, "_plain", lambda image: pytest.fail("was decoded"))
    with pytest.raises(Refused) as caught:
        take_in(raw)
    assert (caught.value.code, caught.value.params) == ("photo_large", {"mb": 10})


@pytest.mark.parametrize(("orientation", "size", "corner"), [
    (1, (400, 300), RED), (2, (400, 300), RED), (3, (400, 300), BLUE), (4, (400, 300), BLUE),
    (5, (300, 400), RED), (6, (300, 400), BLUE), (7, (300, 400), BLUE), (8, (300, 400), RED), (99, (400, 300), RED),
])  # fmt: skip
def test_the_picture_stands_upright(orientation, size, corner):
    image = clean(take_in(with_exif(orientation)).data)
    assert image.size == size
    assert near(image.getpixel((5, 5)), corner), image.getpixel((5, 5))


@pytest.mark.parametrize("name", ["jpeg", "cmyk jpeg", "png", "png with palette", "png with alpha", "webp", "animated webp", "animated png"])
def test_the_colours_stay(name):
    image = clean(take_in(GOOD[name]()).data)
    assert near(image.getpixel((200, 40)), RED) and near(image.getpixel((200, 260)), BLUE)


def test_grey_of_16_bits_keeps_its_shades():
    row = struct.pack("<90H", *[0] * 30, *[32_768] * 30, *[65_535] * 30)
    wide = Image.frombytes("I;16", (90, 30), row * 30)
    image = clean(take_in(saved(wide, "PNG")).data)
    for x, value in ((15, 0), (45, 128), (75, 255)):
        assert near(image.getpixel((x, 15)), (value,) * 3), image.getpixel((x, 15))


def test_what_shines_through_stands_on_white():
    image = clean(take_in(saved(Image.new("RGBA", (60, 60), (0, 0, 0, 0)), "PNG")).data)
    assert near(image.getpixel((30, 30)), (255, 255, 255))


def test_a_long_photo_is_shrunk_in_its_own_shape():
    picture = take_in(saved(drawn((4000, 3000))))
    assert (picture.width, picture.height) == (1600, 1200)
    assert len(picture.data) < 400_000


def test_mutations_of_good_files_never_crash():
    chance = random.Random(20270118)
    names = ["jpeg", "progressive jpeg", "cmyk jpeg", "png", "png with palette", "webp", "webp with alpha", "animated webp", "jpeg with gps"]
    seeds = [GOOD[name]()[:60_000] for name in names]
    taken = refused = 0
    for number in range(450):
        raw = bytearray(seeds[number % len(seeds)])
        for _ in range(chance.choice((1, 2, 8))):
            at = chance.randrange(len(raw)) if chance.random() < 0.5 else chance.randrange(min(len(raw), 400))
            if chance.random() < 0.15:
                del raw[at : at + chance.randrange(1, 12)]
            else:
                raw[at] = chance.randrange(256)
        try:
            clean(take_in(bytes(raw)).data)
            taken += 1
        except Refused as why:
            assert why.code in ("photo_type", "photo_large")
            refused += 1
    assert taken > 25 and refused > 25, (taken, refused)


CHILD = """
import resource, sys
from portal.wishes import pictures
from portal.refusal import Refused
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
for name in sys.argv[1:]:
    try:
        pictures.take_in(open(name, "rb").read())
    except Refused as refused:
        assert refused.code in ("photo_type", "photo_large"), refused.code
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
HEAVY = {
    "jpeg at the limit, progressive, four colours": lambda: saved(drawn((4800, 4990), "CMYK"), progressive=True, quality=20),
    "jpeg at the limit, progressive": lambda: saved(drawn((7000, 7000)), progressive=True, quality=20, subsampling=0),
    "png at the limit, 16 bits and alpha": lambda: png(6000, 4000, bits=16, colour=6, rows=4000),
    "png at the limit, palette": lambda: saved(Image.new("P", (6000, 4000)), "PNG", transparency=0),
    "webp at the limit, animated": lambda: saved(Image.new("RGBA", (4150, 3000), (9, 9, 9, 9)), "WEBP", save_all=True, append_images=[Image.new("RGBA", (4150, 3000), (99, 9, 9, 9))], lossless=True, method=0),
    "png with a bomb of a profile": lambda: png(64, 48, rows=48, extra=chunk(b"iCCP", b"a\0\0" + zlib.compress(b"x" * 400_000_000, 9))),
}  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak of a process is read where Linux shows it")
@pytest.mark.parametrize("name", HEAVY)
def test_the_heaviest_files_stay_below_512_mb_and_20_seconds_of_work(name, tmp_path):
    file = tmp_path / "heavy"
    file.write_bytes(HEAVY[name]())
    assert file.stat().st_size <= MOST_BYTES
    child = subprocess.run([sys.executable, "-c", CHILD, str(file)], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr[-600:]
    assert int(child.stdout) < 512 * 1024
