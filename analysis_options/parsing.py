"""Checks of the options that a caller or an operator sets. Counts and lengths are checked before contents."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from analysis_options.languages import language_canonical
from analysis_options.specifications import OPTIONS

_MAX_SHOWN = 40
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class OptionError(ValueError):
    """An option is unknown or its value is not accepted. `accepted`: the accepted values, in words."""

    def __init__(self, option: str, accepted: str, problem: str = "") -> None:
        self.option, self.accepted = option, accepted
        super().__init__(problem or f"options.{option} takes {accepted}.")


def options_parse(value: object) -> dict[str, Any]:
    """Return the options in their canonical form, without those that are null. Raises OptionError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise OptionError("options", "an object", "options takes an object.")
    if unknown := [name for name in value if name not in OPTIONS]:
        names = ", ".join(OPTIONS)
        shown = str(unknown[0])[:_MAX_SHOWN]
        raise OptionError(shown, names, f"There is no option «{shown}». Options are: {names}.")
    given = {name: value[name] for name in OPTIONS if value.get(name) is not None}
    parsed = {name: _PARSERS[name](name, item) for name, item in given.items()}
    _require_consistent(parsed)
    if len(parsed.get("languages", ())) == 1:
        parsed = {"language": parsed.pop("languages")[0], **parsed}
    return parsed


def options_merge(defaults: Mapping[str, Any], requested: Mapping[str, Any]) -> dict[str, Any]:
    """Return an account's defaults with a request's options over them, which win where the two contradict."""
    other = {"language": "languages", "languages": "language"}
    merged = {name: value for name, value in defaults.items() if other.get(name) not in requested} | dict(requested)
    for mine, theirs in (("keywords", "excludedKeywords"), ("excludedKeywords", "keywords")):
        if mine in requested and theirs not in requested and theirs in merged:
            wanted = {word.casefold() for word in requested[mine]}
            merged[theirs] = [word for word in merged[theirs] if word.casefold() not in wanted]
    return {name: merged[name] for name in OPTIONS if name in merged}


def _require_consistent(options: Mapping[str, Any]) -> None:
    if "language" in options and "languages" in options:
        problem = "options.language and options.languages exclude each other."
        raise OptionError("languages", "languages, or no language beside them", problem)
    excluded = {word.casefold() for word in options.get("excludedKeywords", ())}
    if both := [word for word in options.get("keywords", ()) if word.casefold() in excluded]:
        problem = f"«{both[0]}» is in options.keywords and in options.excludedKeywords."
        raise OptionError("excludedKeywords", "words that are not in keywords", problem)
    fields = options.get("fields")
    for name, field in (("altMaxLength", "alt"), ("tagCount", "seoTags")):
        if fields and name in options and field not in fields:
            problem = f"options.{name} is about {field}, which options.fields leaves out."
            raise OptionError(name, f"{field} in fields, or no {name}", problem)


def _refused(name: str) -> OptionError:
    return OptionError(name, OPTIONS[name].accepted)


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refused(name)
    return value


def _choice(name: str, value: object) -> object:
    if value not in OPTIONS[name].schema["enum"]:
        raise _refused(name)
    return value


def _integer(name: str, value: object) -> int:
    schema = OPTIONS[name].schema
    if isinstance(value, bool) or not isinstance(value, int) or not schema["minimum"] <= value <= schema["maximum"]:
        raise _refused(name)
    return value


def _context(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > OPTIONS[name].schema["maxLength"]:
        raise _refused(name)
    return _visible(value)


def _keywords(name: str, value: object) -> list[str]:
    schema = OPTIONS[name].schema
    if not isinstance(value, list) or len(value) > schema["maxItems"]:
        raise _refused(name)
    found: dict[str, str] = {}
    for item in value:
        word = _visible(item) if isinstance(item, str) and len(item) <= schema["items"]["maxLength"] else ""
        if not any(map(str.isalnum, word)):
            raise _refused(name)
        found.setdefault(word.casefold(), word)
    return list(found.values())


def _fields(name: str, value: object) -> list[str]:
    accepted: list[str] = OPTIONS[name].schema["items"]["enum"]
    if not isinstance(value, list) or not 0 < len(value) <= len(accepted) or any(one not in accepted for one in value):
        raise _refused(name)
    return [field for field in accepted if field in value]


def _language(name: str, value: object) -> str:
    tag = language_canonical(value) if isinstance(value, str) else None
    if tag is None:
        raise _refused(name)
    return tag


def _languages(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not 0 < len(value) <= OPTIONS[name].schema["maxItems"]:
        raise _refused(name)
    tags = [_language(name, item) for item in value]
    if len(set(tags)) < len(tags):
        raise _refused(name)
    return tags


def _visible(text: str) -> str:
    """Return the text in NFC and in one line, without control characters: PostgreSQL's JSON has no NUL."""
    plain = (" " if _is_control(char) else char for char in unicodedata.normalize("NFC", text))
    return " ".join("".join(plain).split())


def _is_control(char: str) -> bool:
    """Joiners are none: Persian, Hindi and emoji need them."""
    category = unicodedata.category(char)
    return category in {"Cc", "Cn", "Co", "Cs"} or char in _BIDI_CONTROLS


_PARSERS: dict[str, Callable[[str, object], Any]] = {
    "language": _language,
    "languages": _languages,
    "context": _context,
    "keywords": _keywords,
    "excludedKeywords": _keywords,
    "altMaxLength": _integer,
    "tagCount": _integer,
    "fields": _fields,
    "genderNeutral": _boolean,
    "decorative": _choice,
    "useEmbedded": _boolean,
    "overwriteEdits": _boolean,
}
