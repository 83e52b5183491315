"""A file as it is passed to Pillow, and the parts of its metadata that change what is seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from decoding.errors import Damaged

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Container:
    """`data`: the file without metadata. `exif`: a TIFF structure, or empty; None where Pillow's own counts.

    `profile`: an ICC profile. `crop`: left, top, right, bottom of the visible part. `first_frame`: the index of the
    first frame, in the file passed to Pillow. `has_draft`: whether a JPEG can be decoded at a reduced scale.
    """

    data: bytes
    exif: bytes | None = None
    profile: bytes | None = None
    crop: tuple[int, int, int, int] | None = None
    first_frame: int = 0
    has_draft: bool = True


def bounded(parts: Iterable[T], most: int) -> Iterator[T]:
    """Yield the parts of a file. Raises Damaged after `most`: small parts take time and memory, and are no image."""
    parts = iter(parts)
    yield from islice(parts, most)
    if next(parts, None) is not None:
        raise Damaged


def spliced(data: bytes, removed: list[tuple[int, int]]) -> bytes:
    """Return `data` without the parts (start, end), which are in order; without a copy if there are none."""
    if not removed:
        return data
    view, kept, at = memoryview(data), [], 0
    for start, end in removed:
        kept.append(view[at:start])
        at = end
    return b"".join([*kept, view[at:]])
