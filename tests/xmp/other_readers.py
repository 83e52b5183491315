"""Reading rules of WordPress and digiKam, as their documentation and their settings give them.

WordPress 7.0: `wp_read_image_metadata` and `wp_get_image_alttext` of its developer reference. digiKam: the default
order of properties in its settings, "Metadata", "Advanced", for titles, captions and tags. The bytes are read by Pillow
and ElementTree, and by nothing of ours.
"""

import io
from collections.abc import Iterable
from typing import NamedTuple
from xml.etree import ElementTree as ET

from PIL import Image, ImageFile, IptcImagePlugin

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_ALT = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}AltTextAccessibility"
_TITLE_BYTES = 80  # what WordPress takes for a title where there is none
_EXIF, _DESCRIPTION, _COMMENT, _XP_KEYWORDS = 34665, 270, 37510, 40094
_HEADLINE, _OBJECT_NAME, _CAPTION, _KEYWORDS = (2, 105), (2, 5), (2, 120), (2, 25)
# The first that the file has counts, alone.
_DIGIKAM_TAGS = (
    "{http://www.digikam.org/ns/1.0/}TagsList",
    "{http://ns.microsoft.com/photo/1.0/}LastKeywordXMP",
    "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject",
    "{http://ns.iview-multimedia.com/mediapro/1.0/}CatalogSets",
    f"{_DC}subject",
)
_DIGIKAM_CAPTIONS = (
    f"{_DC}description",
    "{http://ns.adobe.com/exif/1.0/}UserComment",
    "{http://ns.adobe.com/tiff/1.0/}ImageDescription",
)


class ReadWords(NamedTuple):
    title: str = ""
    caption: str = ""
    alt: str = ""
    keywords: tuple[str, ...] = ()


def wordpress(data: bytes, locale: str = "en_US") -> ReadWords:
    """Return what the media library gets at an upload: IIM of a JPEG, else EXIF of JPEG and TIFF; XMP for the alt."""
    with Image.open(io.BytesIO(data)) as image:
        iim = _iim(image) if image.format in {"JPEG", "MPO"} else {}
        exif = _exif(image) if image.format in {"JPEG", "MPO", "TIFF"} else ("", "")
    caption = _first(iim, _CAPTION)
    title = _first(iim, _HEADLINE) or _first(iim, _OBJECT_NAME) or _short(caption)
    description, comment = exif
    title = title or _short(description) or ("" if description or caption else _short(comment))
    if not caption and description and comment and description not in {title, comment}:
        caption = f"{description} {comment}"
    caption = caption or comment or description
    return ReadWords(title, caption, _wordpress_alt(data, locale), tuple(iim.get(_KEYWORDS, ())))


def _wordpress_alt(data: bytes, locale: str) -> str:
    """Return the alt of the first packet that stands in the file in plain bytes, of any format."""
    start, end = data.find(b"<x:xmpmeta"), data.find(b"</x:xmpmeta>")
    if start < 0 or end < 0:
        return ""
    root = ET.fromstring(data[start : end + len(b"</x:xmpmeta>")])
    property_ = root.find(f"./{_RDF}RDF/{_RDF}Description/{_ALT}")
    if property_ is None:
        return ""
    texts = {item.get(_LANGUAGE): item.text or "" for item in property_.findall(f"{_RDF}Alt/{_RDF}li")}
    return texts.get(locale) or texts.get(locale[:2]) or texts.get("x-default") or ""


def digikam(data: bytes, sidecar: bytes | None = None) -> ReadWords:
    """Return title, caption and tags of XMP, else of EXIF and IIM; of the sidecar alone where it is to be read.

    Its views have no alt. Of several languages these are the default ones.
    """
    if sidecar is not None:
        return _digikam(_packet(sidecar), {}, ("", ""), ())
    with Image.open(io.BytesIO(data)) as image:
        tags = image.getexif()
        windows = bytes(tags.get(_XP_KEYWORDS, b"")).decode("utf-16-le").strip("\0").split(";")
        return _digikam(_packet(data), _iim(image), _exif(image), tuple(filter(None, windows)))


def _digikam(
    packet: ET.Element | None, iim: dict[tuple[int, int], list[str]], exif: tuple[str, str], windows: tuple[str, ...]
) -> ReadWords:
    captions = (_default(packet, name) for name in _DIGIKAM_CAPTIONS)
    tags = (_items(packet, name) for name in _DIGIKAM_TAGS)
    return ReadWords(
        _default(packet, f"{_DC}title") or _first(iim, _OBJECT_NAME),
        next(filter(None, [*captions, *exif, _first(iim, _CAPTION)]), ""),
        "",
        next(filter(None, [*tags, tuple(iim.get(_KEYWORDS, ())), windows]), ()),
    )


def _packet(data: bytes) -> ET.Element | None:
    start, end = data.find(b"<x:xmpmeta"), data.find(b"</x:xmpmeta>")
    return ET.fromstring(data[start : end + len(b"</x:xmpmeta>")]) if 0 <= start < end else None


def _items(packet: ET.Element | None, name: str) -> tuple[str, ...]:
    found = packet.find(f".//{name}") if packet is not None else None
    return tuple(item.text or "" for item in found.iter(f"{_RDF}li")) if found is not None else ()


def _default(packet: ET.Element | None, name: str) -> str:
    found = packet.find(f".//{name}") if packet is not None else None
    items: Iterable[ET.Element] = found.iter(f"{_RDF}li") if found is not None else ()
    return next((item.text or "" for item in items if item.get(_LANGUAGE) == "x-default"), "")


def _iim(image: ImageFile.ImageFile) -> dict[tuple[int, int], list[str]]:
    found = IptcImagePlugin.getiptcinfo(image) or {}
    return {
        key: [text.decode().strip() for text in (value if isinstance(value, list) else [value])]
        for key, value in found.items()
        if key[0] == 2
    }


def _first(iim: dict[tuple[int, int], list[str]], key: tuple[int, int]) -> str:
    return next(iter(iim.get(key, ())), "")


def _exif(image: Image.Image) -> tuple[str, str]:
    """Return description and comment; a comment in ASCII alone."""
    tags = image.getexif()
    comment = bytes(tags.get_ifd(_EXIF).get(_COMMENT, b"")).removeprefix(b"ASCII\0\0\0")
    # Pillow decodes the description as Latin-1.
    description = str(tags.get(_DESCRIPTION, "")).encode("latin-1", "replace").decode("utf-8", "replace")
    return description.strip(" \0"), comment.decode().strip(" \0")


def _short(text: str) -> str:
    return text if len(text.encode()) < _TITLE_BYTES else ""
