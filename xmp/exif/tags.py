"""Tags of EXIF that hold text (CIPA DC-008, 4.6.4 and 4.6.5; Windows's XP tags as Microsoft documents them)."""

from enum import IntEnum
from typing import NamedTuple

from xmp.words import Field

SUB_DIRECTORY = 34665
MAX_BYTES = 2**16  # of one text; what is longer is cut


class Tag(IntEnum):
    IMAGE_DESCRIPTION = 270
    MAKE = 271
    MODEL = 272
    SOFTWARE = 305
    USER_COMMENT = 37510
    XP_TITLE = 40091
    XP_COMMENT = 40092
    XP_KEYWORDS = 40094
    XP_SUBJECT = 40095


# Type in TIFF (ASCII, BYTE), and the field that the Metadata Working Group's guidelines pair the tag with.
WRITTEN = {Tag.IMAGE_DESCRIPTION: (2, Field.DESCRIPTION), Tag.XP_TITLE: (1, Field.TITLE)}


class Values(NamedTuple):
    """`texts`: the bytes of each tag. `order`: "<" or ">", of the numbers in the structure."""

    texts: dict[int, bytes]
    order: str = "<"
