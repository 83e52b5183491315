"""What is read from a file beside its pixels, and what every format offers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Embedded:
    """`packet`: the XMP, None without one. `extension`: a JPEG's extended XMP. `resources`: Photoshop's, of a JPEG.

    `is_signed`: whether there is a C2PA manifest.
    """

    packet: bytes | None = None
    extension: bytes | None = None
    resources: bytes | None = None
    is_signed: bool = False


class Container(Protocol):
    """A module for each format. All raise DamagedFile where the structure is not whole, and UnwritableFormat."""

    def read(self, data: bytes) -> Embedded: ...

    def write(self, data: bytes, packet: bytes, resources: bytes | None = None) -> bytes:
        """Return the file with this packet in the place of the old one, or in a new place; `resources`: of a JPEG."""

    def image_parts(self, data: bytes) -> Iterator[bytes]:
        """Yield the parts that make the pixels; no metadata, and so nothing that `write` changes."""
