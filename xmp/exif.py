"""EXIF's two texts, which are written on request: ImageDescription, and Windows's XPTitle."""

from collections.abc import Mapping

from xmp.merging import OnExisting, Policy
from xmp.words import Field, Words

# Tag, its type in TIFF (ASCII, BYTE), and the field that the Metadata Working Group's guidelines pair it with.
_DESCRIPTION, _TITLE = 270, 40091
TAGS = {_DESCRIPTION: (2, Field.DESCRIPTION), _TITLE: (1, Field.TITLE)}


def exif_values(
    found: Mapping[int, bytes], before: Words, words: Words, policy: Policy
) -> dict[int, tuple[int, bytes]]:
    """Return type and bytes of the tags that change.

    A text that is not the one that the XMP had before is another program's: it is kept, unless it is replaced on
    purpose.
    """
    values = dict[int, tuple[int, bytes]]()
    for tag, (kind, name) in TAGS.items():
        text, old = words.text(name), _decoded(tag, found.get(tag, b""))
        is_kept = old not in {"", before.text(name)} and policy.get(name) is not OnExisting.REPLACE
        if text and text != old and not is_kept:
            values[tag] = kind, _encoded(tag, text)
    return values


def _decoded(tag: int, data: bytes) -> str:
    encoding = "utf-16-le" if tag == _TITLE else "utf-8"
    return data.decode(encoding, "replace").strip("\0 ")


def _encoded(tag: int, text: str) -> bytes:
    # The standard allows ASCII alone; UTF-8 is what the Metadata Working Group recommends and readers expect.
    return f"{text}\0".encode("utf-16-le" if tag == _TITLE else "utf-8")
