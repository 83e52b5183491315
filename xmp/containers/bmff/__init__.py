"""AVIF and HEIC: XMP in an item of type `mime` (ISO/IEC 23008-12, annex A.3), whose data is appended to the file.

With an item more, the index at the start of the file grows, and with it the offsets of all items and samples behind it.
With its own item already there, only that one's data is replaced. A sequence in AVIF has the item in its track, too.
"""

from collections.abc import Iterator

from xmp.containers.bmff.file import parsed
from xmp.containers.bmff.index import extents
from xmp.containers.bmff.tracks import moving_parts
from xmp.containers.bmff.writing import write
from xmp.containers.container import Buffer, Embedded
from xmp.errors import BrokenXmp

__all__ = ["exif_block", "has_magic", "image_parts", "read", "write"]

_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"}
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def has_magic(data: bytes) -> bool:
    size = min(int.from_bytes(data[:4]), 200)
    return data[4:8] == b"ftyp" and any(data[at : at + 4] in _BRANDS for at in range(8, size, 4) if at != 12)


def read(data: bytes) -> Embedded:
    """Return the XMP of the primary image; a sequence has it in its track, too, and there it is the same."""
    file = parsed(data)
    packets = [b"".join(extents(data, file.index, one.number)) for one in file.xmp_items]
    in_tracks = {b"".join(extents(data, index, one.number)) for index in file.track_indexes for one in index.xmp_items}
    if len(packets) > 1 or in_tracks - {*packets[:1]}:
        raise BrokenXmp("The file has several XMP packets and was left as it is; use a sidecar.")
    is_signed = any(one.name == b"uuid" and data[one.body : one.body + 16] == _C2PA for one in file.outer)
    return Embedded(packets[0] if packets else None, is_signed=is_signed)


def exif_block(data: bytes) -> bytes | None:
    """Return the EXIF of the primary image: an item that begins with the offset of the structure (A.2.1)."""
    file = parsed(data)
    for one in file.index.items:
        if one.kind == b"Exif" and file.describes_primary(one):
            content = b"".join(extents(data, file.index, one.number))
            return content[4 + int.from_bytes(content[:4]) :]
    return None


def image_parts(data: bytes) -> Iterator[Buffer]:
    """Yield the data of all items but the XMP, by number, and their properties; then the samples of sequences."""
    view, file = memoryview(data), parsed(data)
    xmp_items = {one.number for one in file.xmp_items}
    for one in sorted(file.index.items):
        if one.number not in xmp_items:
            yield one.number.to_bytes(4) + one.kind
            yield from extents(data, file.index, one.number)
    for name in (b"iprp", b"pitm"):
        if name in file.index.inner:
            yield view[file.index.inner[name].start : file.index.inner[name].end]
    for track in file.tracks:
        yield from moving_parts(data, track)
