"""Decode images from untrusted bytes within limits; the only package that opens images.

Pixels and sides are checked in the header, before anything is decoded. CPU time is checked at each read: a small file
can make a decoder visit a large image again and again, or millions of empty parts. A semaphore over pixels bounds the
memory of the process.
"""

from decoding.formats import FILE_TYPES, FORMATS, FileType
from decoding.frames import ANIMATIONS, PAGED, frame_count
from decoding.images import Damaged, TooLarge, Undecodable, Unsupported, check_size, opened
from decoding.limits import Limits
from decoding.low_bytes import has_low_bytes

__all__ = [
    "ANIMATIONS", "FILE_TYPES", "FORMATS", "PAGED", "Damaged", "FileType", "Limits", "TooLarge", "Undecodable",
    "Unsupported", "check_size", "frame_count", "has_low_bytes", "opened",
]  # fmt: skip
