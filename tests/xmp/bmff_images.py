"""AVIF files with several items or a sequence: of coded images that Pillow made, in boxes that are made here."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from tests import images
from xmp.containers.bmff.file import parsed
from xmp.containers.bmff.index import extents
from xmp.containers.bmff.items import box, boxes

TILE = 64


class Part(NamedTuple):
    """An item: its type, data, and properties as boxes."""

    kind: bytes
    data: bytes
    properties: tuple[bytes, ...]


class Reference(NamedTuple):
    kind: bytes
    source: int
    targets: tuple[int, ...]


def coded(color: str) -> Part:
    """Return an image of 64 by 64 pixels."""
    data = images.encode(Image.new("RGB", (TILE, TILE), color), "AVIF")
    index = parsed(data).index
    container = next(one for one in boxes(data, index.inner[b"iprp"].body, index.inner[b"iprp"].end))
    properties = [data[one.start : one.end] for one in boxes(data, container.body, container.end)]
    return Part(b"av01", b"".join(extents(data, index, 1)), tuple(properties))


def grid(columns: int) -> Part:
    """Return an item derived of tiles in a row."""
    size = (columns * TILE, TILE)
    content = bytes([0, 0, 0, columns - 1]) + struct.pack(">HH", *size)
    return Part(b"grid", content, (box(b"ispe", bytes(4) + struct.pack(">II", *size)), *coded("red").properties[1:2]))


def file_of(parts: Sequence[Part], references: Sequence[Reference], primary: int, tail: bytes = b"") -> bytes:
    """Return a file with the items 1, 2, … in this order; `tail` are boxes behind their data."""
    head = box(b"ftyp", b"avif" + bytes(4) + b"avifmif1miaf")
    media = box(b"mdat", b"".join(one.data for one in parts))
    start = len(head) + len(_meta(parts, references, primary, 0)) + 8
    return head + _meta(parts, references, primary, start) + media + tail


def _meta(parts: Sequence[Part], references: Sequence[Reference], primary: int, start: int) -> bytes:
    entries = [
        box(b"infe", b"\2\0\0\0" + struct.pack(">HH", number, 0) + one.kind + b"\0")
        for number, one in enumerate(parts, 1)
    ]
    locations = [
        struct.pack(
            ">HHHII", number, 0, 1, start + sum(len(other.data) for other in parts[: number - 1]), len(one.data)
        )
        for number, one in enumerate(parts, 1)
    ]
    content = [
        box(b"hdlr", bytes(8) + b"pict" + bytes(13)),
        box(b"pitm", bytes(4) + primary.to_bytes(2)),
        box(b"iinf", bytes(4) + len(parts).to_bytes(2) + b"".join(entries)),
        box(b"iloc", bytes(4) + b"\x44\0" + len(parts).to_bytes(2) + b"".join(locations)),
        _properties(parts),
    ]
    if references:
        content.append(box(b"iref", bytes(4) + b"".join(map(_reference, references))))
    return box(b"meta", bytes(4) + b"".join(content))


def _properties(parts: Sequence[Part]) -> bytes:
    known = list(dict.fromkeys(one for part in parts for one in part.properties))
    lists = [
        struct.pack(">HB", number, len(part.properties)) + bytes(known.index(one) + 1 for one in part.properties)
        for number, part in enumerate(parts, 1)
    ]
    associations = box(b"ipma", bytes(4) + len(parts).to_bytes(4) + b"".join(lists))
    return box(b"iprp", box(b"ipco", b"".join(known)) + associations)


def _reference(one: Reference) -> bytes:
    numbers = struct.pack(f">HH{len(one.targets)}H", one.source, len(one.targets), *one.targets)
    return box(one.kind, numbers)


def depth(color: str) -> Part:
    part = coded(color)
    kind = box(b"auxC", bytes(4) + b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth\0")
    return part._replace(properties=(*part.properties, kind))


def sequence(**options: object) -> bytes:
    """Return an animated AVIF of three frames."""
    frames = [Image.new("RGBA" if options.pop("alpha", False) else "RGB", (40, 30), "red")]
    frames += [Image.new(frames[0].mode, (40, 30), color) for color in ("#00ff0080", "#0000ff40")]
    return images.encode(frames[0], "AVIF", save_all=True, append_images=frames[1:], **options)
