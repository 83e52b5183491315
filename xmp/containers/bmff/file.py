"""The boxes of a file, its index, and its tracks."""

from dataclasses import dataclass

from xmp.containers.bmff.index import Index, read_index
from xmp.containers.bmff.items import Box, Item, boxes, described_items
from xmp.containers.bmff.tracks import Track, read_tracks
from xmp.errors import DamagedFile, UnwritableFormat


@dataclass(frozen=True, slots=True)
class File:
    """`described`: by item those that it describes. `moov`: the box of the sequences, None without one."""

    outer: list[Box]
    index: Index
    primary: int
    described: dict[int, set[int]]
    moov: Box | None
    tracks: list[Track]
    is_avif_sequence: bool

    @property
    def xmp_items(self) -> list[Item]:
        """Return those of the primary image: a gain map or an alternative image may have XMP of its own."""
        return [one for one in self.index.xmp_items if self.describes_primary(one)]

    @property
    def track_indexes(self) -> list[Index]:
        return [track.index for track in self.tracks if track.index]

    def describes_primary(self, item: Item) -> bool:
        return self.primary in self.described.get(item.number, {self.primary})


def parsed(data: bytes) -> File:
    """Return the structure. Raises DamagedFile, and UnwritableFormat for a film without an image beside it."""
    outer = list(boxes(data, 0, len(data)))
    metas = [one for one in outer if one.name == b"meta"]
    moovs = [one for one in outer if one.name == b"moov"]
    if moovs and not metas:
        raise UnwritableFormat("Words are not written into a film; use a sidecar.")
    if len(metas) != 1 or len(moovs) > 1:
        raise DamagedFile
    index = read_index(data, metas[0])
    if b"pitm" not in index.inner:
        raise DamagedFile
    primary = int.from_bytes(data[index.inner[b"pitm"].body + 4 : index.inner[b"pitm"].end])
    described = described_items(data, index.inner[b"iref"]) if b"iref" in index.inner else {}
    tracks = read_tracks(data, moovs[0]) if moovs else []
    is_avif = any(data[at : at + 4] == b"avis" for at in range(outer[0].body, outer[0].end, 4))
    return File(outer, index, primary, described, moovs[0] if moovs else None, tracks, is_avif and bool(moovs))
