"""Texts that cameras, phones and programs put where a person's words belong."""

import re

from xmp.words import Words

_MAKERS = (
    "(?:AgfaPhoto|Aiptek|BenQ|Canon|Casio|Concord|Epson|FujiFilm|GE|HP|Jenoptik|Kodak|Konica Minolta|Leica|Medion"
    "|Minolta|Nikon|Olympus|Panasonic|Pentax|Polaroid|Praktica|Ricoh|Rollei|Samsung|Sanyo|Sony|Traveler|Vivitar)"
)
_PHONES = "(?:Apple|DJI|GoPro|Google|Huawei|Motorola|OnePlus|Oppo|Vivo|Xiaomi)"
_COMPANY = r"(?: (?:corporation|techwin|optical co\.,ltd|imaging corp\.?|computer co\., ?ltd\.?))?"
_PROGRAM = (
    r"(?:the )?(?:adobe )?(?:photoshop|lightroom|gimp|picasa|snapseed|vsco|paint\.net|imagemagick|darktable|digikam"
    r"|rawtherapee|capture one|affinity photo|acdsee|irfanview|photoscape|polarr|inkscape)"
)
_EDITION = r"(?: (?:cc|cs\d?|elements|express|lightroom|classic|studio|version))*"
# Whole texts that no person writes.
_OF_CAMERAS = re.compile(
    "|".join(
        (
            "DIGITAL (?:STILL )?CAMERA",
            f"(?i:{_MAKERS} (?:digital (?:still )?camera|action cam|dsc(?: picture)?))",
            "(?i:exif[_ ]jpeg[_ ]picture)",
            "<(?:Digimax|KENOX|SAMSUNG)[^>]*>",
            "CREATOR: gd-jpeg.*",
            r"(?:LEAD Technologies|Intel\(R\) JPEG Library|ACD Systems|Optimized by JPEGmini|Processed with VSCO).*",
            "Created with (?:The )?GIMP|AppleMark",
        )
    )
)
# Whole texts that may be a person's title, and in EXIF are a maker, a shooting mode, a program or a placeholder.
_IN_EXIF = re.compile(
    "|".join(
        (
            f"(?:{_MAKERS}|{_PHONES}){_COMPANY}",
            r"dsc|dcim|dcf(?: [\d.]+)?|exif[_ ]jpe?g|jpe?g|screenshot|ascii|unicode|gcm_tag|[a-z]",
            "default|untitled|unnamed|undefined|null|none|n/a|no (?:title|name|description|comment)",
            r"[a-z]?hdr(?:pl)?|burst|cof|dav|edf|fbt|mde|nor|oznor\w*|ozedf\w*|ptr\w*|rpt|sdr",
            rf"(?:edited|created|made|processed|saved|generated|scanned|written) (?:with|by|using|in) {_PROGRAM}\b.*",
            rf"{_PROGRAM}{_EDITION}[\s\d.,v:q-]*(?:\(?(?:windows|macintosh|mac os x?|android|ios)[\s\d.]*\)?)?",
        )
    ),
    re.IGNORECASE,
)
_IMAGE_FILE = re.compile(
    r"(?:\S*[\\/])?[^\s\\/]*\.(?:jpe?g|png|tiff?|webp|hei[cf]|avif|dng|cr[23]|nef|arw|gif|mp4)", re.IGNORECASE
)
_FOLDER = re.compile(r"(?:[a-z]:)?[\\/]?dcim[\\/].*", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[\w.:/\\{}#+-]+", re.ASCII)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F-]{16,}")
# XML and JSON of a program, settings of a phone's camera, parameters of an image generator.
_DATA = re.compile(
    r"\s*(?:(?:<|&lt;)\?xml|<OME|[\[{]\s*[\"'{\[\]}]|\[\s*-?\d+\s*,|ImageJ=|Aperio )"
    r"|(?:\s*[A-Za-z_][\w-]*\s*[:=]\s*(?:-?[\d.]+|null|true|false)\s*;){2}"
    r"|(?:\s*[A-Za-z]\w*:\s*-?\d[\d.]*\b){3}"
    r"|[^\0]{0,9999}?\bSteps: \d+, Sampler: "
)


def is_camera_text(text: str) -> bool:
    """Return whether the whole text is one that cameras and programs write, and no person does."""
    return _OF_CAMERAS.fullmatch(_line(text)) is not None


def is_wordless(text: str, made_by: tuple[str, ...] = ()) -> bool:
    """Return whether a text of EXIF is no words of a person: also numbers, file names, serial numbers, and data.

    `made_by`: the camera's maker and model, and the program, as the file names them.
    """
    line = _line(text)
    if not any(character.isalpha() for character in line) or line.casefold() in _combined(made_by):
        return True
    forms = (_OF_CAMERAS, _IN_EXIF, _IMAGE_FILE, _FOLDER, _HEXADECIMAL)
    return any(form.fullmatch(line) for form in forms) or _is_serial(line) or _DATA.match(text) is not None


def without_camera_texts(words: Words) -> Words:
    """Return the words without the texts that a camera or a program wrote."""
    texts = {
        name: {language: text for language, text in languages.items() if not is_camera_text(text)}
        for name, languages in words.texts.items()
    }
    return Words({name: languages for name, languages in texts.items() if languages}, words.keywords)


def _line(text: str) -> str:
    return " ".join(text[:10_000].split())


def _combined(made_by: tuple[str, ...]) -> set[str]:
    names = [_line(name).casefold() for name in made_by if name.strip()]
    return {*names, *(f"{one} {other}" for one in names for other in names)}


def _is_serial(line: str) -> bool:
    """Return whether a single word is digits for a half, four or more, as DSC_0012 and serial numbers are."""
    digits, letters = sum(map(str.isdigit, line)), sum(map(str.isalpha, line))
    return digits >= max(4, letters) and _IDENTIFIER.fullmatch(line) is not None
