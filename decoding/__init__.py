"""The one door through which a picture's bytes reach a decoder: within limits, whatever the bytes say.

Pixels and sides are judged by the header, before anything is decoded. Time is taken at each read, because a small file
can make a decoder walk over a large picture again and again, or over millions of empty parts. Of how many pixels are
decoded at once in this process the rest waits: that bounds its memory.
"""

from decoding.formats import FILE_TYPES, FORMATS, FileType
from decoding.images import Damaged, TooLarge, Undecodable, Unsupported, opened
from decoding.limits import Limits

__all__ = [
    "FILE_TYPES", "FORMATS", "Damaged", "FileType", "Limits", "TooLarge", "Undecodable", "Unsupported", "opened",
]  # fmt: skip
