"""EXIF's two texts that are written on request: ImageDescription, and Windows's XPTitle."""

from xmp.exif.tags import WRITTEN, Tag, Values
from xmp.exif.words import exif_texts
from xmp.merging import OnExisting, Policy
from xmp.words import Words


def exif_values(found: Values, before: Words, words: Words, policy: Policy) -> dict[int, tuple[int, bytes]]:
    """Return type and bytes of the tags that change.

    A text that is not the one that the file had before as `before`, or that may be garbled, is another program's: it is
    kept, unless it is replaced on purpose.
    """
    values, texts = dict[int, tuple[int, bytes]](), exif_texts(found)
    for tag, (kind, name) in WRITTEN.items():
        text, old = words.text(name), texts.get(tag)
        is_ours = old is None or (old.text == before.text(name) and old.is_certain)
        is_written = is_ours or policy.get(name) is OnExisting.REPLACE
        if text and is_written and (old is None or text != old.text):
            values[tag] = kind, _encoded(tag, text)
    return values


def _encoded(tag: Tag, text: str) -> bytes:
    # The standard allows ASCII alone; UTF-8 is what the Metadata Working Group recommends and readers expect.
    return f"{text}\0".encode("utf-16-le" if tag is Tag.XP_TITLE else "utf-8")
