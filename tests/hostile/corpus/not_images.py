"""Files of other types, and files that have only the magic bytes of an image."""

import zlib

from tests.hostile import containers
from tests.hostile.corpus.base import MEGABYTES, Build, encoded
from tests.hostile.corpus.png import zip_in_png

ENTITIES = b'<!DOCTYPE s [<!ENTITY a "' + b"a" * 100 + b'"><!ENTITY b "' + b"&a;" * 1000 + b'">]>'
NOT_IMAGES: dict[str, Build] = {
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "svg: a bomb of entities": lambda: b'<?xml version="1.0"?>' + ENTITIES + b"<svg>&b;</svg>",
    "pdf": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(500),
    "page": lambda: b"<!doctype html><img src=x onerror=alert(1)>",
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(%pipe%id) (w) file\n",
    "zip": lambda: zip_in_png()[60:],
    "gzip": lambda: zlib.compress(bytes(MEGABYTES), 9),
    "a program": lambda: b"\x7fELF\x02\x01\x01" + bytes(1000),
    "mp4": lambda: containers.box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + containers.box(b"mdat", bytes(1000)),
    "tga": lambda: encoded("TGA"),
    "ico": lambda: encoded("ICO"),
    "ppm": lambda: encoded("PPM"),
    "jpeg 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
    "photoshop": lambda: b"8BPS\0\1" + bytes(100),
    "nothing": lambda: b"",
    "one byte": lambda: b"\x89",
    "19 MB of zeros": lambda: bytes(19 * MEGABYTES),
}
MAGIC = {
    "JPEG": b"\xff\xd8\xff", "PNG": containers.PNG, "GIF": b"GIF89a", "BMP": b"BM", "TIFF": b"II*\0",
    "WebP": b"RIFF\0\0\0\0WEBP", "AVIF": b"\0\0\0\x1cftypavif", "HEIC": b"\0\0\0\x1cftypheic",
}  # fmt: skip
MAGIC_BYTES: dict[str, Build] = {
    f"{name}: {title}": lambda data=data: data  # type: ignore[misc]
    for name, magic in MAGIC.items()
    for title, data in {
        "only its magic": magic,
        "its magic and zeros": magic + bytes(4096),
        "its magic and 0xFF": magic + b"\xff" * 4096,
        "its magic and a page": magic + b"<html><script>alert(1)</script>" * 50,
    }.items()
}
