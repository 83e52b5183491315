import struct
from functools import partial

from tests import images
from tests.hostile import containers
from tests.hostile.corpus.base import FULL, MEGABYTES, Build, encoded, exif_of_overlapping_tags, small


def jpeg_size(width: int, height: int) -> bytes:
    data = encoded("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def jpeg_exif(exif: bytes) -> bytes:
    return containers.jpeg_with(containers.jpeg_segment(0xE1, b"Exif\0\0" + exif), encoded("JPEG"))


def jpeg_of_exif_parts(count: int) -> bytes:
    return containers.jpeg_with(containers.jpeg_segment(0xE1, b"Exif\0\0\0") * count, encoded("JPEG"))


def jpeg_icc(parts: int, length: int) -> bytes:
    segments = [
        containers.jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([n, parts]) + bytes(length)) for n in range(1, parts + 1)
    ]
    return containers.jpeg_with(b"".join(segments), encoded("JPEG"))


def polyglot_pdf_jpeg() -> bytes:
    return containers.jpeg_with(
        containers.jpeg_segment(0xFE, b"%PDF-1.7\n1 0 obj <</JS (app.alert(1))>> endobj"), encoded("JPEG")
    )


def polyglot_html_jpeg() -> bytes:
    return containers.jpeg_with(containers.jpeg_segment(0xFE, b"<html><script>alert(1)</script>"), encoded("JPEG"))


JPEG: dict[str, Build] = {
    "jpeg: 65,535²": partial(jpeg_size, 65_535, 65_535),
    "jpeg: declares 6,000², has 96 by 64": partial(jpeg_size, 6_000, 6_000),
    "jpeg: height 0": partial(jpeg_size, 96, 0),
    "jpeg: 50 scans of 50 megapixels": partial(containers.jpeg_of_scans, FULL, FULL, 50),
    "jpeg: 20,000 scans of 50 megapixels": partial(containers.jpeg_of_scans, FULL, FULL, 20_000),
    "jpeg: 20,000 scans of 64 pixels": partial(containers.jpeg_of_scans, 8, 8, 20_000),
    "jpeg: 5,000,000 empty segments": lambda: containers.jpeg_with(
        containers.jpeg_segment(0xE5, b"") * 4_900_000, encoded("JPEG")
    ),
    "jpeg: 1,700,000 parts of EXIF": partial(jpeg_of_exif_parts, 1_700_000),
    "jpeg: EXIF of overlapping tags": lambda: jpeg_exif(exif_of_overlapping_tags(4000, 15_000)),
    "jpeg: EXIF that points at itself": lambda: jpeg_exif(containers.tiff([(0x8769, 4, 1, 8), (0x0112, 3, 1, 6)])),
    "jpeg: EXIF of random bytes": lambda: jpeg_exif(bytes(range(256)) * 200),
    "jpeg: orientation 99": lambda: jpeg_exif(containers.tiff([(0x0112, 3, 1, 99)])),
    "jpeg: ICC profile of 16 MB": partial(jpeg_icc, 255, 65_000),
    "jpeg: XMP of 18 MB": lambda: containers.jpeg_with(
        containers.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<" * 65_000) * 280, encoded("JPEG")
    ),
    "jpeg: and a PDF": polyglot_pdf_jpeg,
    "jpeg: and a page": polyglot_html_jpeg,
    "jpeg: and a zip": lambda: encoded("JPEG") + b"PK\x05\x06" + bytes(18),
    "jpeg: and 19 MB of 0xFFDA": lambda: encoded("JPEG") + b"\xff\xda" * (19 * MEGABYTES // 2),
    "jpeg: 12 bits": lambda: encoded("JPEG").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"),
    "jpeg: arithmetic": lambda: encoded("JPEG").replace(b"\xff\xc0", b"\xff\xc9"),
    "jpeg: lossless": lambda: encoded("JPEG").replace(b"\xff\xc0", b"\xff\xc3"),
    "jpeg: no tables": lambda: encoded("JPEG").replace(b"\xff\xc4", b"\xff\xe4"),
    "jpeg: nothing but 0xFF": lambda: b"\xff\xd8\xff" + b"\xff" * 10 * MEGABYTES,
    "mpo: one image that declares 1,000": lambda: images.encode(
        small(), "MPO", save_all=True, append_images=[small()]
    ).replace(b"\x01\xb0\x04\x00\x01\x00\x00\x00\x02", b"\x01\xb0\x04\x00\x01\x00\x00\x00\xff"),
}
