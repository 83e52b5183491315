"""Character encodings of EXIF's texts."""

import re
from typing import NamedTuple

from xmp.markup import cleaned

_CODE_BYTES = 8
_RUN = re.compile(rb"[\x80-\xff]{4}")


class Decoded(NamedTuple):
    """`is_certain`: whether the encoding is known; else the text is there, but may be garbled."""

    text: str
    is_certain: bool = True


NOTHING = Decoded("")


def decoded_ascii(data: bytes) -> Decoded:
    """Decode what the standard calls ASCII: UTF-8 where it is valid, else Latin-1 (of Windows); up to the first NUL.

    Four bytes beyond ASCII in a row are rather a text of another alphabet.
    """
    data = data.partition(b"\0")[0]
    text = _utf8(data)
    if text is not None:
        return Decoded(_stripped(text))
    return Decoded(_stripped(data.decode("cp1252", "replace")), _RUN.search(data) is None)


def decoded_windows(data: bytes) -> Decoded:
    """Decode UTF-16LE up to the first NUL."""
    text, _, _ = data[: len(data) // 2 * 2].decode("utf-16-le", "replace").partition("\0")
    return Decoded(_stripped(text), "\ufffd" not in text)


def decoded_comment(data: bytes, order: str) -> Decoded:
    """Decode a UserComment, whose first eight bytes name its character code; a comment without them is taken whole."""
    code, body = data[:_CODE_BYTES], data[_CODE_BYTES:]
    match code.rstrip(b"\0 ").upper():
        case b"UNICODE":
            return _unicode(body, order)
        case b"JIS":
            return _japanese(body)
        case b"ASCII":
            return decoded_ascii(body)
        case b"":
            return _printable(body.lstrip(b"\0"))
    return _printable(data)


def _unicode(body: bytes, order: str) -> Decoded:
    """Decode UTF-16: of its byte order mark, else of the order in which the high bytes are 0, else of the file's.

    UTF-8 under this name, which some programs write, is found by its lack of zeros.
    """
    if body[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        order, body = ("<" if body[0] == 0xFF else ">"), body[2:]
    elif (first := _zeros(body[::2], body[1::2])) != (second := _zeros(body[1::2], body[::2])):
        order = "<" if second > first else ">"
    elif body.rstrip(b"\0").isascii():
        return decoded_ascii(body)
    encoding = "utf-16-le" if order == "<" else "utf-16-be"
    text, _, _ = body[: len(body) // 2 * 2].decode(encoding, "replace").partition("\0")
    return Decoded(_stripped(text), "\ufffd" not in text)


def _zeros(ours: bytes, others: bytes) -> int:
    """Count the zeros that are no padding: beside another byte."""
    return sum(one == 0 != other for one, other in zip(ours, others, strict=False))


def _japanese(body: bytes) -> Decoded:
    """Decode JIS X 0208 as ISO-2022-JP with its escape sequences, else Shift JIS and EUC, as programs write it."""
    body = body.rstrip(b"\0")
    for encoding in ("iso2022_jp", "cp932", "euc_jp"):
        try:
            return Decoded(_stripped(body.decode(encoding)))
        except UnicodeDecodeError:
            continue
    return NOTHING


def _printable(data: bytes) -> Decoded:
    """Decode a comment of no known code where it is text; a maker's data is none."""
    text = _utf8(data.partition(b"\0")[0])
    return Decoded(_stripped(text)) if text and all(one.isprintable() or one.isspace() for one in text) else NOTHING


def _utf8(data: bytes) -> str | None:
    """Return the text, None for other bytes; a letter that is cut at the end is dropped."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        is_cut = error.reason == "unexpected end of data" and error.start > 0 and error.end == len(data)
        return data[: error.start].decode() if is_cut and not data[: error.start].isascii() else None


def _stripped(text: str) -> str:
    return cleaned(text).strip("\ufeff\ufffd \t\n")
