"""The bound of an error body: it stays under MAX_BYTES whatever the request held."""

import json
from typing import Any

MAX_BYTES = 8_000
_MAX_SENTENCE = 400  # characters
_MAX_TEXT = 300
_MAX_ITEMS = 100
_WHOLE = {"image"}  # the state after an edit conflict: a person might save a text that was cut


def sentence_bounded(sentence: str) -> str:
    return _cut_text(sentence, _MAX_SENTENCE)


def members_bounded(members: dict[str, Any], *, beside: dict[str, str]) -> dict[str, Any]:
    """Return the members, cut to what MAX_BYTES leave `beside` the others.

    Long texts end in an ellipsis. Of entries with a `code` the sentence is left out first; then a list keeps its first
    items, and `NAMEOmitted` counts the others.
    """
    remaining = MAX_BYTES - _size(beside)
    found = {name: value if name in _WHOLE else _cut(value) for name, value in members.items()}
    omitted = {name: len(value) - len(found[name]) for name, value in members.items() if isinstance(value, list)}
    if _size(found) > remaining:
        found = {name: _without_sentences(value) for name, value in found.items()}
    while _size(found) > remaining:
        name = max(found, key=lambda name: _size(found[name]))
        if not isinstance(found[name], list) or len(found[name]) < 2:
            del found[name]
            continue
        kept = len(found[name]) * 3 // 4
        omitted[name] += len(found[name]) - kept
        found[name] = found[name][:kept]
    return found | {f"{name}Omitted": number for name, number in omitted.items() if number and name in found}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return _cut_text(value, _MAX_TEXT)
    if isinstance(value, dict):
        return {_cut(key): _cut(item) for key, item in list(value.items())[:_MAX_ITEMS]}
    if isinstance(value, list):
        return [_cut(item) for item in value[:_MAX_ITEMS]]
    return value


def _cut_text(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _without_sentences(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [
        {key: text for key, text in item.items() if key != "error"}
        if isinstance(item, dict) and "code" in item
        else item
        for item in value
    ]


def _size(value: Any) -> int:
    """Return the bytes of the JSON with every character outside ASCII escaped, the longer of two forms."""
    return len(json.dumps(value, default=str))
