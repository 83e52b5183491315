"""Images with texts in EXIF, as bytes of any encoding."""

import struct
from collections.abc import Mapping

from PIL import Image

from tests import images
from tests.hostile.corpus.base import small
from xmp.exif import SUB_DIRECTORY, Tag

FORMATS = ("JPEG", "TIFF", "PNG", "WEBP", "AVIF")
_ASCII, _BYTE, _LONG, _UNDEFINED = 2, 1, 4, 7


def exif(texts: Mapping[int, bytes], order: str = "<") -> bytes:
    """Return a TIFF structure with these values; a UserComment in a directory of its own."""
    first = {tag: text for tag, text in texts.items() if tag != Tag.USER_COMMENT}
    sub = {tag: text for tag, text in texts.items() if tag == Tag.USER_COMMENT}
    count = len(first) + bool(sub)
    start = 8 + 2 + 12 * count + 4
    entries, values = _entries(first, start, order)
    if sub:
        entries.append(struct.pack(order + "HHII", SUB_DIRECTORY, _LONG, 1, start + len(values)))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, count)
    body = head + b"".join(sorted(entries, key=lambda one: struct.unpack_from(order + "H", one))) + bytes(4) + values
    if not sub:
        return body
    sub_entries, sub_values = _entries(sub, len(body) + 2 + 12 + 4, order)
    return body + struct.pack(order + "H", 1) + sub_entries[0] + bytes(4) + sub_values


def _entries(texts: Mapping[int, bytes], start: int, order: str) -> tuple[list[bytes], bytes]:
    entries, values = list[bytes](), b""
    for tag, text in texts.items():
        kind = _UNDEFINED if tag == Tag.USER_COMMENT else _BYTE if tag >= Tag.XP_TITLE else _ASCII
        head = struct.pack(order + "HHI", tag, kind, len(text))
        if len(text) <= 4:
            entries.append(head + text.ljust(4, b"\0"))
        else:
            entries.append(head + struct.pack(order + "I", start + len(values)))
            values += text + bytes(len(text) % 2)
    return entries, values


def with_exif(texts: Mapping[int, bytes], format: str = "JPEG", order: str = "<") -> bytes:
    """Return an image of that format with the texts."""
    if format == "TIFF":
        found = Image.Exif()
        found.load(exif({tag: text for tag, text in texts.items() if tag != Tag.USER_COMMENT}, order))
        if Tag.USER_COMMENT in texts:
            found.get_ifd(SUB_DIRECTORY)[Tag.USER_COMMENT] = texts[Tag.USER_COMMENT]
        return images.encode(small(), format, exif=found)
    name = b"Exif\0\0" if format == "JPEG" else b""
    return images.encode(small(), format, exif=name + exif(texts, order))


def windows(text: str) -> bytes:
    return f"{text}\0".encode("utf-16-le")
