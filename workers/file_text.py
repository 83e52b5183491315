"""The text that came with an image in its file: what a person, or a camera's owner, wrote about it."""

import io
import re
from collections.abc import Sequence

import decoding
import xmp
from decoding import exif
from workers.english.grammar import normalize_text
from workers.english.secrets import is_secret
from workers.models.options import FileText

MAX_TEXT = 500  # characters
MAX_KEYWORDS = 30
MAX_KEYWORD = 60
# Cameras write their own name as the description.
_OF_A_CAMERA = re.compile(r"(?i)digital camera|\b(?:SONY|DSC|DCIM|SAMSUNG|KODAK|MINOLTA|OLYMPUS)\b|^[\W\d]*$")


def read_file_text(data: bytes, limits: decoding.Limits) -> FileText:
    """Return title, caption, keywords and place of XMP and IPTC, else of EXIF; what cannot be read is left out.

    Words that a model of ours wrote into the file are none of it, nor is text with a secret.
    """
    words, place, ours = _embedded(data)
    windows = {tag: text for tag, text in _exif(data, limits).items() if xmp.text_digest(text) not in ours}
    title = words.text(xmp.Field.TITLE) or words.text(xmp.Field.HEADLINE) or windows.get(exif.XP_TITLE, "")
    caption = words.text(xmp.Field.DESCRIPTION) or words.text(xmp.Field.ALT) or _description(windows)
    keywords = words.keywords or tuple(windows.get(exif.XP_KEYWORDS, "").split(";"))
    return FileText(_text(title), _text(caption), _keywords(keywords), _text(place))


def _embedded(data: bytes) -> tuple[xmp.Words, str, set[str]]:
    """Return the words of persons, the place, and digests of the texts that models of ours wrote."""
    try:
        found = xmp.read(data)
        place = xmp.read_place(data)
    except xmp.XmpError:
        return xmp.Words(), "", set()
    ours = {record.digest for record in found.records if record.digest}
    added = {keyword for record in found.records for keyword in record.keywords}
    texts = {
        name: {language: text for language, text in languages.items() if xmp.text_digest(text) not in ours}
        for name, languages in found.words.texts.items()
    }
    keywords = tuple(word for word in found.words.keywords if word not in added)
    return xmp.Words(texts, keywords), place, ours


def _exif(data: bytes, limits: decoding.Limits) -> dict[int, str]:
    try:
        with decoding.opened(io.BytesIO(data), limits) as image:
            return exif.texts(data if image.format == "TIFF" else image.exif)
    except decoding.Undecodable:
        return {}


def _description(windows: dict[int, str]) -> str:
    text = windows.get(exif.IMAGE_DESCRIPTION, "")
    return windows.get(exif.XP_SUBJECT, "") if not text or _OF_A_CAMERA.search(text) else text


def _text(text: str) -> str:
    line = normalize_text(text[: 2 * MAX_TEXT])[:MAX_TEXT]
    return "" if is_secret(line) else line


def _keywords(keywords: Sequence[str]) -> tuple[str, ...]:
    found = dict.fromkeys(normalize_text(word) for word in keywords[: 4 * MAX_KEYWORDS] if len(word) <= MAX_KEYWORD)
    return tuple(word for word in found if word and not is_secret(word))[:MAX_KEYWORDS]
