"""Why a file is no image that the service reads."""

from typing import ClassVar


class Undecodable(Exception):
    """Base of the errors of this package: `code` is one of docs/api-contract.md, `str()` is the sentence."""

    code: ClassVar[str]
    sentence: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.sentence)


class Unsupported(Undecodable):
    """The file is of no accepted format, or of a variant that no decoder here reads, such as 12-bit JPEG."""

    code = "unsupported_image"
    sentence = "The file is not a supported image."


class Damaged(Undecodable):
    """The file has the magic bytes of an accepted format, and cannot be decoded, or not in time."""

    code = "unreadable_image"
    sentence = "The image is damaged or incomplete and cannot be read."


class TooLarge(Undecodable):
    """`limit` and `actual` count `unit`: pixels, pixels of the longer side, or pixels of a tile."""

    code = "payload_too_large"
    sentence = "The image has too many pixels."

    def __init__(self, *, unit: str, limit: int, actual: int) -> None:
        super().__init__()
        self.unit = unit
        self.limit = limit
        self.actual = actual
