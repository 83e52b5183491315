"""IPTC IIM, the older form of the words, in Photoshop's image resources of a JPEG.

IPTC-NAA Information Interchange Model 4.2; Adobe Photoshop File Formats, "Image Resources Section". Which of two forms
counts where they differ follows the Metadata Working Group's guidelines: XMP, unless a digest shows that another
program changed the IIM since.
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

from xmp.words import DEFAULT_LANGUAGE, Field, Words

SIGNATURE = b"Photoshop 3.0\0"
_IPTC, _IPTC_DIGEST = 0x0404, 0x0425
_UTF8 = b"\x1b%G"
_CHARACTER_SET, _KEYWORD = (1, 90), (2, 25)
_RECORD_VERSION = (2, 0)
# Dataset and its limit in bytes.
_TEXTS = {Field.TITLE: ((2, 5), 64), Field.HEADLINE: ((2, 105), 256), Field.DESCRIPTION: ((2, 120), 2000)}
_KEYWORD_BYTES = 64
_PLACE = ((2, 92), (2, 90), (2, 95), (2, 101))
_OURS = {_KEYWORD, *(dataset for dataset, _ in _TEXTS.values())}


class IimUneditable(Exception):
    """The resources or datasets are broken, or in a character set that is not known; they are left as they are."""


class Resource(NamedTuple):
    """An image resource: its number, the bytes of its name as stored, and its data."""

    number: int
    name: bytes
    data: bytes


class Dataset(NamedTuple):
    number: tuple[int, int]
    data: bytes


def read_resources(body: bytes) -> list[Resource]:
    """Parse the resources behind the signature. Raises IimUneditable."""
    resources, at = list[Resource](), 0
    while at < len(body):
        if body[at : at + 4] != b"8BIM" or at + 12 > len(body):
            raise IimUneditable
        number, length = struct.unpack_from(">HB", body, at + 4)
        name_end = at + 7 + length + (length + 1) % 2
        if name_end + 4 > len(body):
            raise IimUneditable
        (size,) = struct.unpack_from(">I", body, name_end)
        start = name_end + 4
        if start + size > len(body):
            raise IimUneditable
        resources.append(Resource(number, body[at + 6 : name_end], body[start : start + size]))
        at = start + size + size % 2
    return resources


def write_resources(resources: list[Resource]) -> bytes:
    return b"".join(
        b"8BIM"
        + struct.pack(">H", one.number)
        + one.name
        + struct.pack(">I", len(one.data))
        + one.data
        + bytes(len(one.data) % 2)
        for one in resources
    )


def block_of(body: bytes) -> bytes:
    """Return the IIM in the resources; empty without one, or where they are broken."""
    try:
        return next((one.data for one in read_resources(body) if one.number == _IPTC), b"")
    except IimUneditable:
        return b""


def with_block(body: bytes, block: bytes) -> bytes:
    """Return the resources with this IIM in the place of theirs; broken ones as they are."""
    try:
        others = [one for one in read_resources(body) if one.number != _IPTC]
    except IimUneditable:
        return body
    return write_resources([Resource(_IPTC, b"\0\0", block), *others])


def without_block(body: bytes) -> bytes:
    return write_resources([one for one in read_resources(body) if one.number != _IPTC])


def has_iim(resources: list[Resource]) -> bool:
    return any(one.number == _IPTC for one in resources)


def read_words(resources: list[Resource]) -> tuple[Words, bool]:
    """Return the words, and whether another program changed them since they were made equal to the XMP."""
    blocks = [one.data for one in resources if one.number == _IPTC]
    if not blocks:
        return Words(), False
    datasets = list(_datasets(blocks[0]))
    digests = [one.data for one in resources if one.number == _IPTC_DIGEST]
    is_changed = bool(digests) and digests[0] != hashlib.md5(blocks[0], usedforsecurity=False).digest()
    is_utf8 = _is_utf8(datasets)
    texts = {
        name: {DEFAULT_LANGUAGE: text}
        for name, (number, _) in _TEXTS.items()
        if (text := next((_decoded(one.data, is_utf8) for one in datasets if one.number == number), ""))
    }
    keywords = [_decoded(one.data, is_utf8) for one in datasets if one.number == _KEYWORD]
    return Words(texts, tuple(filter(None, keywords))), is_changed


def read_place(resources: list[Resource]) -> list[str]:
    """Return sublocation, city, state and country, "" where one is not named."""
    datasets = [dataset for one in resources if one.number == _IPTC for dataset in _datasets(one.data)]
    is_utf8 = _is_utf8(datasets)
    texts = {one.number: _decoded(one.data, is_utf8) for one in reversed(datasets) if one.number in _PLACE}
    return [texts.get(number, "").strip() for number in _PLACE]


def write_words(resources: list[Resource], words: Words) -> list[Resource]:
    """Return the resources with the words in their IIM, and with its digest. Raises IimUneditable."""
    old = next((one for one in resources if one.number == _IPTC), Resource(_IPTC, b"\0\0", b""))
    data = _edited(old.data, words)
    if data == old.data:
        return resources
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    new = {_IPTC: old._replace(data=data), _IPTC_DIGEST: Resource(_IPTC_DIGEST, b"\0\0", digest)}
    kept = [new.pop(one.number, one) for one in resources]
    return [*kept, *new.values()]


def _edited(block: bytes, words: Words) -> bytes:
    datasets = list(_datasets(block))
    others = [one for one in datasets if one.number not in _OURS]
    is_utf8 = _is_utf8(datasets)
    if not is_utf8 and not all(one.data.isascii() for one in others if one.number[0] == 2):
        raise IimUneditable  # the other texts are in a character set that nothing names
    ours = [
        Dataset(number, _truncated(text, limit))
        for name, (number, limit) in _TEXTS.items()
        if (text := words.text(name))
    ]
    ours += [Dataset(_KEYWORD, _truncated(word, _KEYWORD_BYTES)) for word in words.keywords]
    if sorted(ours) == sorted(one for one in datasets if one.number in _OURS):
        return block
    kept = [one for one in others if one.number != _CHARACTER_SET]
    envelope = [one for one in kept if one.number[0] == 1]
    application = [one for one in kept if one.number[0] != 1]
    if not any(one.number == _RECORD_VERSION for one in application):
        application.insert(0, Dataset(_RECORD_VERSION, b"\0\4"))
    written = sorted([*envelope, Dataset(_CHARACTER_SET, _UTF8)], key=lambda one: one.number) + application + ours
    return b"".join(_dataset_bytes(one) for one in written)


def _datasets(block: bytes) -> Iterator[Dataset]:
    at, end = 0, len(block.rstrip(b"\0")) if not block.endswith(b"\x1c") else len(block)
    while at + 5 <= len(block) and (at < end or block[at : at + 1] == b"\x1c"):
        marker, record, number, length = struct.unpack_from(">BBBH", block, at)
        at += 5
        if marker != 0x1C:
            raise IimUneditable
        if length & 0x8000:  # an extended dataset: the length of the length
            count = length & 0x7FFF
            length = int.from_bytes(block[at : at + count])
            at += count
            if count > 4:
                raise IimUneditable
        if at + length > len(block):
            raise IimUneditable
        yield Dataset((record, number), block[at : at + length])
        at += length


def _dataset_bytes(one: Dataset) -> bytes:
    size = len(one.data)
    head = struct.pack(">H", size) if size < 0x8000 else struct.pack(">HI", 0x8004, size)
    return b"\x1c" + bytes(one.number) + head + one.data


def _is_utf8(datasets: list[Dataset]) -> bool:
    return any(one.number == _CHARACTER_SET and one.data == _UTF8 for one in datasets)


def _decoded(data: bytes, is_utf8: bool) -> str:
    """Decode a text; without a mark as UTF-8 where it is valid, since programs leave the mark out, else as Latin-1."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8" if is_utf8 else "cp1252", "replace")
    return text.strip("\0 \r\n\t")


def _truncated(text: str, limit: int) -> bytes:
    """Return UTF-8 of at most `limit` bytes, cut between words where there are any."""
    data = text.encode()
    if len(data) <= limit:
        return data
    cut = data[:limit].decode("utf-8", "ignore")
    whole = cut if text[len(cut) : len(cut) + 1].isspace() else cut.rpartition(" ")[0] or cut
    return whole.rstrip(" ,;:").encode()
