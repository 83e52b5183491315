"""Metadata that is broken or large does not decide whether an image is accepted, by upload and worker alike."""

import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from tests.decoding import files
from tests.decoding.files import RED, SIZE, encoded, exif, jpeg_segment, jpeg_with, png_chunk, png_with, solid
from tests.decoding.readings import read

GARBAGE = b"neither II nor MM" + bytes(40)
BROKEN = b"II*\0\xff\xff\xff\x7f" + b"\xee" * 40


def density_jpeg(*segments: bytes) -> bytes:
    """Return a JPEG without a density in JFIF, for which Pillow parses EXIF, and one with it."""
    return jpeg_with(*segments, data=encoded(solid(), "JPEG", dpi=(72, 72)))


@pytest.mark.parametrize("block", [GARBAGE, BROKEN, b"MM", b"II*\0", b"", exif(6)[:14]])
def test_unparsable_exif_is_ignored(block: bytes) -> None:
    segment = jpeg_segment(0xE1, b"Exif\0\0" + block)
    avif = encoded(solid(), "AVIF", exif=exif(1)).replace(exif(1), block[: len(exif(1))].ljust(len(exif(1)), b"\xee"))
    for data in (
        jpeg_with(segment),
        density_jpeg(segment),
        png_with(png_chunk(b"eXIf", block)),
        encoded(solid(), "WEBP", exif=block or b"\0"),
        avif,
    ):
        assert read(data).size == SIZE
        assert read(data).shows(RED)


@pytest.mark.parametrize("block", [exif(6, kind=2), exif(6, kind=5), exif(6, kind=99), exif(9), exif(6, count=0),
                                   exif(6, count=0x7FFFFFFF), exif(6, kind=4)])  # fmt: skip
def test_orientation_of_another_type_or_value_is_ignored(block: bytes) -> None:
    segment = jpeg_segment(0xE1, b"Exif\0\0" + block)
    for data in (jpeg_with(segment), density_jpeg(segment), png_with(png_chunk(b"eXIf", block))):
        assert read(data).size == SIZE


def test_orientation_in_xmp_alone_is_ignored() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert read(jpeg_with(jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp))).size == SIZE
    assert read(png_with(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))).size == SIZE


@pytest.mark.parametrize(
    "segment",
    [
        jpeg_segment(0xE0, b"JFIF\0"),
        jpeg_segment(0xEE, b"Adobe"),
        jpeg_segment(0xE2, b"MPF\0" + b"\xff" * 30),
        jpeg_segment(0xE2, b"MPF\0II*\0\xff\xff\xff\x7f"),
        jpeg_segment(0xED, b"Photoshop 3.0\x008BIM\x04"),
        jpeg_segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x02ab"),
        jpeg_segment(0xE2, b"ICC_PROFILE\0"),
        jpeg_segment(0xE1, b""),
        jpeg_segment(0xFE, b"x" * 65000) * 20,
    ],
)
def test_broken_application_segments_of_jpeg_are_ignored(segment: bytes) -> None:
    reading = read(jpeg_with(segment))
    assert reading.size == SIZE
    assert reading.shows(RED)


def test_bytes_between_segments_of_jpeg_are_skipped() -> None:
    reading = read(jpeg_with(jpeg_segment(0xFE, b"comment"), bytes(range(255)), b"\xff\xff"))
    assert reading.size == SIZE
    assert reading.shows(RED)


@pytest.mark.parametrize(
    "chunk",
    [
        files.compressed_text(b"zTXt", 2_400_000),
        files.compressed_text(b"iTXt", 2_400_000),
        files.compressed_text(b"zTXt", 900_000) * 80,
        png_chunk(b"zTXt", b"Comment\0\x07abc"),
        png_chunk(b"iCCP", b"name\0\x07abc"),
        png_chunk(b"iCCP", b"name"),
        png_chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(12_000_000))),
        png_chunk(b"gAMA", b""),
        png_chunk(b"cHRM", b"abc"),
        png_chunk(b"pHYs", b"abc"),
        png_chunk(b"sRGB", b""),
        png_chunk(b"tRNS", b"a"),
        png_chunk(b"acTL", b"abc"),
        png_chunk(b"acTL", bytes(8)) * 2,
        png_chunk(b"fcTL", b"abc"),
        png_chunk(b"fdAT", b""),
        png_chunk(b"tEXt", b"Comment\0wrong checksum", crc=1),
        png_chunk(b"iCCP", b"name\0\0" + zlib.compress(b"wrong checksum"), crc=1),
    ],
)
def test_broken_or_large_ancillary_chunks_of_png_are_ignored(chunk: bytes) -> None:
    reading = read(png_with(chunk))
    assert reading.size == SIZE
    assert reading.shows(RED)


def test_animation_with_invalid_control_is_shown_without() -> None:
    data = encoded(solid(), "PNG", save_all=True, append_images=[solid(files.BLUE)], duration=100)
    at = data.index(b"fcTL")
    body = struct.pack(">5I", 0, 5000, 5000, 0, 0) + data[at + 24 : at + 30]
    control = png_chunk(b"fcTL", body)
    reading = read(data[: at - 4] + control + data[at - 4 + len(control) :])
    assert reading.size == SIZE
    assert reading.shows(RED)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "AVIF", "JPEG"])
def test_large_xmp_is_no_damage(file_format: str) -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"<!-- x -->" * 6_000 + b"</x:xmpmeta>"
    if file_format == "PNG":
        data = png_with(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    else:
        data = encoded(solid(), file_format, xmp=xmp)
    assert read(data).size == SIZE


@pytest.mark.parametrize("tag", [270, 282, 283, 305, 306, 700, 33723, 34665, 34853, 34377, 33550, 40965])
@pytest.mark.parametrize("kind", [3, 4])
def test_broken_tags_of_tiff_are_ignored(tag: int, kind: int) -> None:
    pixels = bytes(RED) * (SIZE[0] * SIZE[1])
    for values in ([0xFFFF], [0xFFFF] * 40):
        reading = read(files.tiff(2, [8, 8, 8], pixels, (tag, kind, values), (296, 3, [3])))
        assert reading.size == SIZE
        assert reading.shows(RED)


@pytest.mark.parametrize("name", ["exif", "icc_profile", "xmp"])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_random_metadata_leaves_the_image(file_format: str, name: str) -> None:
    dice = random.Random(f"{file_format} {name}")
    if name == "xmp" and file_format == "PNG":
        return
    for _ in range(8):
        good = {"exif": b"Exif\0\0" + exif(1), "icc_profile": files.matrix_profile("rgb"), "xmp": b"<x/>" * 20}[name]
        block = bytearray(good)
        for _ in range(dice.randint(1, 6)):
            block[dice.randrange(6, len(block))] = dice.randrange(256)
        options: dict[str, Any] = {name: bytes(block)}
        if file_format == "TIFF":
            options = {"tiffinfo": {{"exif": 34665, "icc_profile": 34675, "xmp": 700}[name]: bytes(block)}}
        try:
            data = encoded(solid(), file_format, **options)
        except Exception:  # noqa: BLE001 (the encoder parses EXIF itself)
            continue
        size = read(data).size
        assert size in (SIZE, SIZE[::-1])


def test_upload_and_worker_judge_every_mode_alike() -> None:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16"):
        image = Image.new(mode, SIZE)
        assert read(encoded(image, "TIFF")).size == SIZE, mode
