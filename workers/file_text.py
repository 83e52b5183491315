"""The text that came with an image in its file: what a person, or a camera's owner, wrote about it."""

import contextlib
from collections.abc import Sequence

import xmp
from workers.english.grammar import normalize_text
from workers.english.secrets import is_secret
from workers.models.options import FileText

MAX_TEXT = 500  # characters
MAX_KEYWORDS = 30
MAX_KEYWORD = 60


def read_file_text(data: bytes) -> FileText:
    """Return title, caption, keywords and place of XMP and IPTC, else of EXIF; what cannot be read is left out.

    Words that a model of ours wrote into the file are none of it, nor is text with a secret.
    """
    found, exif, place = _embedded(data)
    words, exif = _of_persons(found.words, found.records), _of_persons(exif, found.records)
    title = words.text(xmp.Field.TITLE) or words.text(xmp.Field.HEADLINE) or exif.text(xmp.Field.TITLE)
    caption = words.text(xmp.Field.DESCRIPTION) or exif.text(xmp.Field.DESCRIPTION) or words.text(xmp.Field.ALT)
    return FileText(_text(title), _text(caption), _keywords(words.keywords or exif.keywords), _text(place))


def _embedded(data: bytes) -> tuple[xmp.FileWords, xmp.Words, str]:
    """Return all words, those of EXIF, and the place."""
    found, exif, place = xmp.FileWords(xmp.Words()), xmp.Words(), ""
    with contextlib.suppress(xmp.XmpError):
        exif = xmp.read_exif(data)
        found, place = xmp.read(data), xmp.read_place(data)
    return found, exif, place


def _of_persons(words: xmp.Words, records: Sequence[xmp.Record]) -> xmp.Words:
    """Return the words without those that models of ours wrote."""
    ours = {record.digest for record in records if record.digest}
    added = {keyword for record in records for keyword in record.keywords}
    texts = {
        name: {language: text for language, text in languages.items() if xmp.text_digest(text) not in ours}
        for name, languages in words.texts.items()
    }
    return xmp.Words(texts, tuple(word for word in words.keywords if word not in added))


def _text(text: str) -> str:
    line = normalize_text(text[: 2 * MAX_TEXT])[:MAX_TEXT]
    return "" if is_secret(line) else line


def _keywords(keywords: Sequence[str]) -> tuple[str, ...]:
    found = dict.fromkeys(normalize_text(word) for word in keywords[: 4 * MAX_KEYWORDS] if len(word) <= MAX_KEYWORD)
    return tuple(word for word in found if word and not is_secret(word))[:MAX_KEYWORDS]
