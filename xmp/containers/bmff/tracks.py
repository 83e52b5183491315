"""Tracks of a sequence of images (ISO/IEC 14496-12, 8.3 and 8.5 to 8.7): their samples, and the offsets of these."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from xmp.containers.bmff.index import Index, read_index
from xmp.containers.bmff.items import Box, boxes
from xmp.containers.container import Buffer
from xmp.errors import DamagedFile, UnwritableFormat

_PARENTS = {b"mdia", b"minf", b"stbl"}
_OFFSETS = {b"stco": 4, b"co64": 8}
_LEFT_OUT = {b"meta", *_OFFSETS}


@dataclass(frozen=True, slots=True)
class Track:
    """`parts`: its boxes that hold no others. `handler`: what it is, `pict` for images that are shown."""

    box: Box
    media: Box
    parts: dict[bytes, Box]
    handler: bytes
    index: Index | None

    @property
    def offsets(self) -> Box:
        """Return the box with the offsets of the chunks. Raises UnwritableFormat."""
        found = [one for name, one in self.parts.items() if name in _OFFSETS]
        if len(found) != 1:
            raise UnwritableFormat("The sequence in the file has no plain table of offsets; use a sidecar.")
        return found[0]


def read_tracks(data: bytes, moov: Box) -> list[Track]:
    """Return the tracks. Raises DamagedFile."""
    return [_track(data, one) for one in boxes(data, moov.body, moov.end) if one.name == b"trak"]


def _track(data: bytes, box: Box) -> Track:
    parts = dict[bytes, Box]()
    for one in _leaves(data, box):
        if parts.setdefault(one.name, one) != one and one.name in {*_LEFT_OUT, b"stsc", b"stsz"}:
            raise DamagedFile  # two of a kind
    media = next((one for one in boxes(data, box.body, box.end) if one.name == b"mdia"), None)
    if media is None or b"hdlr" not in parts:
        raise DamagedFile
    handler = data[parts[b"hdlr"].body + 8 : parts[b"hdlr"].body + 12]
    return Track(box, media, parts, handler, read_index(data, parts[b"meta"]) if b"meta" in parts else None)


def _leaves(data: bytes, box: Box) -> Iterator[Box]:
    for one in boxes(data, box.body, box.end):
        if one.name in _PARENTS:
            yield from _leaves(data, one)
        else:
            yield one


def moving_parts(data: bytes, track: Track) -> Iterator[Buffer]:
    """Yield all boxes of a track without offsets and metadata, and the bytes of its samples."""
    view = memoryview(data)
    for name, one in track.parts.items():
        if name not in _LEFT_OUT:
            yield view[one.start : one.end]
    for at, size in _chunks(data, track):
        if at + size > len(data):
            raise DamagedFile
        yield view[at : at + size]


def chunk_offsets(data: bytes, track: Track) -> tuple[int, ...]:
    """Return the offset in the file of each chunk of samples. Raises DamagedFile, and UnwritableFormat."""
    box = track.offsets
    width = _OFFSETS[box.name]
    count = _count(data, box, 4, width)
    return struct.unpack_from(f">{count}{'I' if width == 4 else 'Q'}", data, box.body + 8)


def offsets_bytes(box: Box, offsets: tuple[int, ...]) -> bytes:
    """Return the values of the box `stco` or `co64`. Raises UnwritableFormat beyond 4 GB of the first."""
    try:
        return struct.pack(f">{len(offsets)}{'I' if box.name == b'stco' else 'Q'}", *offsets)
    except struct.error as error:
        raise UnwritableFormat("The file would be larger than its offsets allow; use a sidecar.") from error


def _chunks(data: bytes, track: Track) -> Iterator[tuple[int, int]]:
    """Yield offset and size of each chunk, from the tables of chunks and of samples' sizes."""
    if b"stsc" not in track.parts or b"stsz" not in track.parts:
        raise UnwritableFormat("The sequence in the file has no plain table of samples; use a sidecar.")
    offsets, sizes, at = chunk_offsets(data, track), _sizes(data, track.parts[b"stsz"]), 0
    counts = list(_samples_of_chunks(data, track.parts[b"stsc"], len(offsets)))
    if len(counts) != len(offsets) or sum(counts) != len(sizes):
        raise DamagedFile
    for offset, samples in zip(offsets, counts, strict=True):
        yield offset, sum(sizes[at : at + samples])
        at += samples


def _sizes(data: bytes, box: Box) -> tuple[int, ...]:
    size = int.from_bytes(data[box.body + 4 : box.body + 8])
    if size:
        samples = int.from_bytes(data[box.body + 8 : box.body + 12])
        if samples * size > len(data):
            raise DamagedFile
        return (size,) * samples
    return struct.unpack_from(f">{_count(data, box, 8, 4)}I", data, box.body + 12)


def _samples_of_chunks(data: bytes, box: Box, chunks: int) -> Iterator[int]:
    count = _count(data, box, 4, 12)
    runs = [struct.unpack_from(">II", data, box.body + 8 + 12 * number) for number in range(count)]
    for (first, samples), (following, _) in pairwise([*runs, (chunks + 1, 0)]):
        if not 1 <= first <= following <= chunks + 1:
            raise DamagedFile
        yield from (samples for _ in range(following - first))


def _count(data: bytes, box: Box, before: int, width: int) -> int:
    """Return a table's number of entries, behind version, flags and `before` - 4 bytes. Raises DamagedFile."""
    count = int.from_bytes(data[box.body + before : box.body + before + 4])
    if box.body + before + 4 + count * width > box.end:
        raise DamagedFile
    return count
