"""What is read from a file beside its pixels, and what every format offers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from xmp.errors import DamagedFile

Buffer = bytes | memoryview
Exif = Mapping[int, tuple[int, bytes]]  # tag to type and bytes


@dataclass(frozen=True, slots=True)
class Embedded:
    """`packet`: the XMP, None without one. `extension`: a JPEG's extended XMP.

    `resources`: Photoshop's with the IIM, of JPEG and TIFF alone. `is_signed`: whether there is a C2PA manifest.
    """

    packet: bytes | None = None
    extension: bytes | None = None
    resources: bytes | None = None
    is_signed: bool = False


class Container(Protocol):
    """A module for each format. All raise DamagedFile where the structure is not whole, and UnwritableFormat."""

    def read(self, data: bytes) -> Embedded: ...

    def exif_block(self, data: bytes) -> bytes | None:
        """Return EXIF's structure, that of a TIFF, with its name before it or without; None where there is none."""

    def write(self, data: bytes, packet: bytes, resources: bytes | None = None, exif: Exif | None = None) -> bytes:
        """Return the file with this packet in the place of the old one, or in a new place.

        `resources` and `exif`: those that change, of JPEG and TIFF.
        """

    def image_parts(self, data: bytes) -> Iterator[Buffer]:
        """Yield the parts that make the pixels; no metadata, and so nothing that `write` changes."""


class Edit(NamedTuple):
    """The bytes from `start` to `end` give way to `new`."""

    start: int
    end: int
    new: Buffer


def spliced(data: bytes, edits: Iterable[Edit], tail: Buffer = b"") -> bytes:
    """Apply edits in order of their place, with one copy of the file. Raises DamagedFile where two overlap."""
    view, parts, at = memoryview(data), list[Buffer](), 0
    for edit in sorted(edits, key=lambda edit: edit[:2]):
        if edit.start < at:
            raise DamagedFile
        parts += [view[at : edit.start], edit.new]
        at = edit.end
    return b"".join([*parts, view[at:], tail])
