"""The words that EXIF holds, without what a camera or program wrote there."""

from dataclasses import dataclass, field

from xmp.camera_text import is_wordless
from xmp.exif.encodings import NOTHING, Decoded, decoded_ascii, decoded_comment, decoded_windows
from xmp.exif.tags import Tag, Values
from xmp.words import DEFAULT_LANGUAGE, Field, Words

_MAX_COPIED = 10_000  # characters: an XMP packet of a JPEG holds 64 kB in all
_MADE_BY = (Tag.MAKE, Tag.MODEL, Tag.SOFTWARE)
# Windows writes its title into ImageDescription, too, and its comment into the next two.
_DESCRIPTIONS = (Tag.IMAGE_DESCRIPTION, Tag.XP_COMMENT, Tag.USER_COMMENT, Tag.XP_SUBJECT)
_NO_VALUES = Values({})


@dataclass(frozen=True, slots=True)
class ExifWords:
    """`uncopied`: fields whose text may be garbled, or is very long: it is kept where it stands, and not copied."""

    words: Words = field(default_factory=Words)
    uncopied: frozenset[Field] = frozenset()


def exif_words(values: Values = _NO_VALUES) -> ExifWords:
    """Return title, description and keywords; of several descriptions the first that is not the title."""
    found = exif_texts(values)
    title, keywords = found.get(Tag.XP_TITLE, NOTHING), found.get(Tag.XP_KEYWORDS, NOTHING)
    descriptions = [found[tag] for tag in _DESCRIPTIONS if tag in found]
    others = [one for one in descriptions if one.text != title.text]
    texts = {Field.TITLE: title, Field.DESCRIPTION: next(iter([*others, *descriptions]), NOTHING)}
    words = Words(
        {name: {DEFAULT_LANGUAGE: one.text} for name, one in texts.items() if one.text},
        tuple(dict.fromkeys(filter(None, map(str.strip, keywords.text.split(";"))))),
    )
    of_all = {**texts, Field.KEYWORDS: keywords}
    return ExifWords(words, frozenset(name for name, one in of_all.items() if not _is_copied(one)))


def exif_texts(values: Values) -> dict[Tag, Decoded]:
    """Return by tag the texts that a person wrote."""
    made_by = tuple(decoded_ascii(values.texts.get(tag, b"")).text for tag in _MADE_BY)
    texts = {tag: _decoded(values, tag) for tag in (Tag.XP_TITLE, Tag.XP_KEYWORDS, *_DESCRIPTIONS)}
    return {tag: one for tag, one in texts.items() if not is_wordless(one.text, made_by)}


def _decoded(values: Values, tag: Tag) -> Decoded:
    data = values.texts.get(tag, b"")
    match tag:
        case Tag.IMAGE_DESCRIPTION:
            return decoded_ascii(data)
        case Tag.USER_COMMENT:
            return decoded_comment(data, values.order)
    return decoded_windows(data)


def _is_copied(one: Decoded) -> bool:
    return one.is_certain and len(one.text) <= _MAX_COPIED
