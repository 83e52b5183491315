"""Decide which recognized lines are text, by confidence, script and characters."""

import re
import unicodedata
from collections.abc import Sequence

MIN_CONFIDENCE = 0.8
# A few characters, and CJK, are recognized in ornaments with confidence.
_MIN_CONFIDENCE_SHORT = 0.95
_MIN_CONFIDENCE_CJK = 0.9
# Beside lines in a script that the model lacks: "Зоопарк" becomes "3oonapk" with 0.957.
_MIN_CONFIDENCE_UNKNOWN_SCRIPT = 0.97
_SHORT = 3
_SCRIPTS = ("LATIN", "GREEK", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "FULLWIDTH", "HALFWIDTH")
_UNKNOWN_SCRIPT = re.compile(r"\s{2,}")
# Wheels, windows and fences: "00", "II", "111".
_STROKES = set("0oqil1|")

Reading = tuple[str, float]


def legible(readings: Sequence[Reading]) -> list[str | None]:
    """Return each reading's text with single spaces, or None where it is not credible.

    A reading is (text, confidence 0..1), as recognized: the model gives spaces for letters of a script it lacks.
    """
    unknown = sum(_in_unknown_script(text) for text, _ in readings)
    floor = _MIN_CONFIDENCE_UNKNOWN_SCRIPT if unknown * 4 >= max(4, len(readings)) else MIN_CONFIDENCE
    return [_legible(text, confidence, floor) for text, confidence in readings]


def _in_unknown_script(text: str) -> bool:
    return bool(_UNKNOWN_SCRIPT.search(text.strip())) or (bool(text) and not text.strip())


def _legible(text: str, confidence: float, floor: float) -> str | None:
    characters = [character for character in text if character.isalnum()]
    if _in_unknown_script(text) or not _is_text(text, characters):
        return None
    scripts = {_script(character) for character in characters if character.isalpha()}
    if not scripts <= set(_SCRIPTS):
        return None
    if len(characters) <= _SHORT:
        floor = max(floor, _MIN_CONFIDENCE_SHORT)
    if scripts - {"LATIN", "GREEK"}:
        floor = max(floor, _MIN_CONFIDENCE_CJK)
    return " ".join(text.split()) if confidence >= floor else None


def _is_text(text: str, characters: Sequence[str]) -> bool:
    """Return whether it has two letters or digits, and they are half of it and not one stroke repeated."""
    different = {character.lower() for character in characters}
    if len(characters) < 2 or len(characters) * 2 < len("".join(text.split())):
        return False
    repeated = len(different) == 1 and len(characters) == len("".join(text.split()))
    return not (repeated and (len(characters) > 2 or different <= _STROKES))


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]
