"""Options of `manage.py caption` about the words: those of an analysis over the API, checked by the same code."""

import argparse
import re
from collections.abc import Mapping
from typing import Any

from analysis_options import OPTIONS, OptionError, family_of, options_parse, unsupported_option
from analysis_options.specifications import FIELDS

# overwriteEdits has no flag: what a person wrote into a file is the subject of --on-existing.
FLAGS = {
    "language": "--language",
    "languages": "--languages",
    "context": "--context",
    "keywords": "--keywords",
    "excludedKeywords": "--exclude-keywords",
    "altMaxLength": "--alt-max-length",
    "tagCount": "--tag-count",
    "fields": "--fields",
    "genderNeutral": "--gender-neutral",
    "decorative": "--decorative",
    "useEmbedded": "--use-embedded",
}
_OF_A_MEMBER = re.compile(r"options\.(\w+)")


class OptionRefused(Exception):
    """A wrong option, or one that the models cannot do, in a sentence with what is accepted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_argument_group("what the words shall be like (docs/options.md)")

    def add(name: str, subject: str, **settings: Any) -> None:
        bounds = "" if OPTIONS[name].schema["type"] == "boolean" else f": {OPTIONS[name].accepted}"
        words.add_argument(FLAGS[name], dest=name, help=f"{subject}{bounds}", **settings)

    def add_list(name: str, subject: str) -> None:
        add(name, subject, type=_items, action="extend", metavar="A,B")

    add("language", "of the words", metavar="TAG")
    add_list("languages", "the first and further ones")
    add("context", "what the images are about, for a vision server", metavar="TEXT")
    add_list("keywords", "used where the image agrees")
    add_list("excludedKeywords", "used in no field")
    add("altMaxLength", "characters of the alt", type=_number, metavar="N")
    add("tagCount", "at most so many tags", type=_number, metavar="N")
    add_list("fields", "to write")
    add("genderNeutral", "people without their gender", action=argparse.BooleanOptionalAction, default=None)
    add("decorative", "an empty alt for images without content", metavar="auto")
    add("useEmbedded", "text in the file is context", action="store_true", default=None)


def requested_options(arguments: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return the options in their canonical form, by the names of docs/options.md. Raises OptionRefused."""
    try:
        requested = options_parse({name: arguments[name] for name in FLAGS})
    except OptionError as error:
        raise OptionRefused(_OF_A_MEMBER.sub(lambda found: FLAGS[found[1]], str(error))) from error
    support_require(requested, model)
    return requested


def support_require(requested: Mapping[str, Any], family: str) -> None:
    """Raise OptionRefused where these models cannot do one of the options."""
    if problem := unsupported_option(requested, family_of(family)):
        flag = FLAGS[problem.option]
        able = ", ".join(FLAGS.get(name, "") or name for name in problem.accepted.split(", ") if name in FLAGS)
        raise OptionRefused(
            f"The models ({problem.family}) do not support {flag}; they can do: {able or problem.accepted}."
        )


def fields_require(requested: Mapping[str, Any], names: frozenset[str], reason: str) -> None:
    """Raise OptionRefused where the options leave out a field that another option needs."""
    missing = [name for name in FIELDS if name in names and name not in requested.get("fields", FIELDS)]
    if missing:
        raise OptionRefused(f"{reason} needs {missing[0]}, which --fields leaves out.")


def _items(text: str) -> list[str]:
    return [item for item in map(str.strip, text.split(",")) if item]


def _number(text: str) -> int | str:
    """Return the number; another text as it is, for the check that names the bounds."""
    return int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else text
