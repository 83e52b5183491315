"""Parse a server's answer: tolerant of its form, strict about its contents."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from workers.models.evidence import KINDS
from workers.models.writer import Written

# Of the model's text; a complete answer has 1,000 to 3,000.
MAX_CHARACTERS = 32_768
_MAX_FIELD = 2_000
_MAX_TAGS = 60
_MAX_STARTS = 20
_REFUSAL = re.compile(
    r"(?i)\b(?:i(?:['\u2019]m| am)? (?:sorry|unable|not able)|i (?:can ?not|can['\u2019]t|won['\u2019]t) "
    r"(?:assist|help|describe|analy[sz]e|provide|comply|identify|process|fulfil)|as an ai\b|against my guidelines)"
)
_INSTRUCTIONS = re.compile(
    r"(?i)\b(?:ignore|disregard|forget) (?:all |any |the |my |your )*(?:previous|prior|above|earlier)\b"
    r"|\bsystem prompt\b|\b(?:previous|new) instructions\b|\bjailbreak"
)


class BadAnswer(Exception):
    """The answer cannot be used; the message is a clause that tells the model what is wrong."""


def parse(text: str, *, may_be_decorative: bool = False) -> Written:
    """Return the fields of a model's text of at most MAX_CHARACTERS. Raises BadAnswer."""
    if not text.strip():
        raise BadAnswer("it is empty")
    if len(text) > MAX_CHARACTERS:
        raise BadAnswer("it is too long")
    found = _first_object(text)
    if found is None:
        raise BadAnswer("it is a refusal" if _REFUSAL.search(text) else "it has no complete JSON object")
    written = _written(found, is_decorative=may_be_decorative and _is_true(found.get("decorative")))
    for field in (written.title, written.alt, written.caption, written.description):
        if _REFUSAL.search(field):
            raise BadAnswer("it is a refusal")
        if _INSTRUCTIONS.search(field):
            raise BadAnswer("a field repeats instructions instead of describing the image")
    return written


def _first_object(text: str) -> Mapping[str, Any] | None:
    """Return the first JSON object with an alt, wherever it stands: in a fence, behind words, before more text."""
    decoder = json.JSONDecoder()
    position = -1
    for _ in range(_MAX_STARTS):
        position = text.find("{", position + 1)
        if position < 0:
            return None
        try:
            found, _end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "alt" in found:
            return found
    return None


def _written(found: Mapping[str, Any], *, is_decorative: bool) -> Written:
    kind = _text(found, "kind").lower()
    return Written(
        title=_required(found, "title"),
        alt="" if is_decorative else _required(found, "alt"),
        caption=_required(found, "caption"),
        description=_required(found, "description"),
        filename=_text(found, "filename"),
        tags=_tags(found.get("seoTags")),
        kind=kind if kind in KINDS else "photo",
        text=_text(found, "text"),
        confidence=_number(found.get("confidence"), 0.0, 1.0, default=0.5),
        people=int(_number(found.get("people"), 0, 1000, default=0)),
        subject=_text(found, "subject"),
        doubts=() if kind in KINDS else ("kind",),
        decorative=is_decorative,
    )


def _required(found: Mapping[str, Any], name: str) -> str:
    text = _text(found, name)
    if not any(map(str.isalnum, text)):
        raise BadAnswer(f"{name} is missing or is not a text")
    return text


def _text(found: Mapping[str, Any], name: str) -> str:
    """Return a text, also where it came as a number or as a list of texts; "" for anything else."""
    value = found.get(name)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = " ".join(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return value.strip()[:_MAX_FIELD] if isinstance(value, str) else ""


def _tags(value: object) -> tuple[str, ...]:
    """Return tags of a list, or of a text with commas between."""
    if isinstance(value, str):
        value = re.split(r"[,;\n]", value)
    tags = [tag.strip() for tag in value if isinstance(tag, str) and tag.strip()] if isinstance(value, list) else []
    if not tags:
        raise BadAnswer("seoTags is missing or is not a list of texts")
    return tuple(tags[:_MAX_TAGS])


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _number(value: object, least: float, most: float, *, default: float) -> float:
    """Return a number within the bounds, also where it came as a text or as a percentage."""
    try:
        text = str(value).strip()
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return default
    return min(max(number, least), most) if math.isfinite(number) else default
