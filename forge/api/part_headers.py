"""Headers of a part of a multipart form, as clients send them and not only as RFC 7578 has them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Self

from django.http.multipartparser import LazyStream

from forge.errors import InvalidRequest
from forge.printable import without_controls

_END = b"\r\n\r\n"
_IDENTITY = {"", "binary", "8bit", "7bit"}
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bq]\?[^?]*\?=", re.IGNORECASE)


@dataclass(frozen=True)
class PartHeaders:
    """`filename` is None where the part has none, and "" where nothing of it is left when it is cleaned."""

    name: str
    filename: str | None
    content_type: str

    @classmethod
    def read(cls, part: LazyStream, number: int, limit: int) -> Self:
        """Read the headers from the beginning of the part. Raises InvalidRequest."""
        start = part.read(limit)
        end = start.find(_END)
        if end < 0:
            reason = f"has over {limit} bytes of headers" if len(start) >= limit else "has no end of its headers"
            raise InvalidRequest(f"Part {number} of the form {reason}.")
        part.unget(start[end + len(_END) :])
        return cls.parse(start[:end], number)

    @classmethod
    def parse(cls, head: bytes, number: int) -> Self:
        fields = dict(map(_field, _unfolded(head)))
        parameters = _parameters(fields.get("content-disposition", ""))
        if "name" not in parameters:
            raise InvalidRequest(f"Part {number} of the form has no Content-Disposition header with a name.")
        if fields.get("content-transfer-encoding", "").lower() not in _IDENTITY:
            raise InvalidRequest(f"Part {number} has a Content-Transfer-Encoding; send the bytes as they are.")
        given = parameters.get("filename*") or parameters.get("filename")
        return cls(parameters["name"], None if given is None else clean_filename(given), fields.get("content-type", ""))


def clean_filename(text: str) -> str:
    """Return the last component of a path without control characters; "" where nothing is left of it."""
    name = without_controls(text.replace("\\", "/").rpartition("/")[2]).strip()
    return name if name.strip(".") else ""


def _unfolded(head: bytes) -> list[bytes]:
    return [line for line in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n") if line]


def _field(line: bytes) -> tuple[str, str]:
    name, _, value = _decoded(line).partition(":")
    return name.strip().lower(), value.strip()


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _parameters(value: str) -> Mapping[str, str]:
    """Return the parameters of a header by lower-case name; `filename*` is the extended one (RFC 5987)."""
    message = Message()
    message["content-disposition"] = value
    try:
        pairs = message.get_params(failobj=[], header="content-disposition")
    except ValueError:  # a continuation with a number of thousands of digits
        return {}
    found: dict[str, str] = {}
    for name, given in pairs:
        if isinstance(given, tuple):
            found.setdefault(f"{name.lower()}*", _extended(given))
        else:
            found.setdefault(name.lower(), _word(given))
    return found


def _extended(value: tuple[str | None, str | None, str]) -> str:
    charset, _, text = value
    try:
        return collapse_rfc2231_value((charset or "utf-8", None, text))
    except ValueError:
        return text


def _word(text: str) -> str:
    """Decode an encoded word (RFC 2047), which .NET sends for names outside ASCII."""
    if not _ENCODED_WORD.fullmatch(text):
        return text
    try:
        return str(make_header(decode_header(text))) or text
    except (MessageError, LookupError, ValueError):
        return text
