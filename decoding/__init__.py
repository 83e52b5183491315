"""Decode images from untrusted bytes within limits; the only package that opens images.

Pixels and sides are checked in the header, before anything is decoded. CPU time is checked at each read: a small file
can make a decoder visit a large image again and again, or millions of empty parts. A semaphore over pixels bounds the
memory of the process.
"""

from decoding.errors import Damaged, TooLarge, Undecodable, Unsupported
from decoding.formats import FILE_TYPES, FORMATS, FileType
from decoding.images import OpenImage, check_size, opened
from decoding.limits import Limits
from decoding.loaded_image import LoadedImage, resized

__all__ = [
    "FILE_TYPES",
    "FORMATS",
    "Damaged",
    "FileType",
    "Limits",
    "LoadedImage",
    "OpenImage",
    "TooLarge",
    "Undecodable",
    "Unsupported",
    "check_size",
    "opened",
    "resized",
]  # fmt: skip
