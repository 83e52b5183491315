"""Anonymize captions: names, professions, origins, judgements of appearance, places.

After the image description guidelines of the DIAGRAM Center and Cooper Hewitt: describe what is visible.
"""

import csv
import re
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from workers.english.fixed_names import Protected
from workers.english.grammar import DANGLING_WORDS, fix_articles, indefinite_article
from workers.english.lexicon import leading_noun
from workers.english.nouns import ADJECTIVES

_FOLDER = Path(__file__).parent
# Nouns that keep a name as modifier: chef hat, Boston terrier, New York cheesecake.
_KINDS_WITH_NAMES = frozenset(
    ("accessory", "animal", "clothing", "drink", "food", "instrument", "plant", "sport", "tool", "toy")
)
_PERSON = (
    r"(?:man|woman|men|women|person|people|boys?|girls?|child|children|lad(?:y|ies)|guys?|gentlem[ae]n|couple|kids?"
    r"|bab(?:y|ies)|family|teenagers?|toddlers?|players?|males?|females?|crowd)"
)
_ORIGIN = (
    r"(?:african[- ]american|african|american|asian|arab|arabic|australian|black|brazilian|british|caucasian"
    r"|chinese|english"
    r"|european|french|german|gypsy|hispanic|indian|indonesian|irish|israeli|italian|japanese|jewish|korean|latin[ao]"
    r"|mexican|middle eastern|muslim|native american|russian|spanish|thai|turkish|vietnamese|white|hindu"
    r"|christian|amish|gay|lesbian"
    r"|transgender|homeless|poor|rich|famous|attractive|beautiful|handsome|pretty|sexy|ugly|fat|obese|gorgeous)"
)
_PERSON_ADJECTIVES = (
    r"((?:(?:young|old|older|elderly|little|small|short|tall|big|smiling|adult|middle[- ]aged|bald|bearded"
    r"|(?:fe)?male)\s+)*)"
)
_ORIGINS = re.compile(
    rf"(?<!\bin )\b(an?\s+)?(?:(?:very\s+)?{_ORIGIN}(?:,|\s+and)?\s+)+{_PERSON_ADJECTIVES}(?={_PERSON}\b)",
    re.IGNORECASE,
)
_INTRODUCED_NAME = re.compile(r",?\s+(?:named|called|known as)((?:\s+[\w.'-]+){1,4})", re.IGNORECASE)
_HONORIFIC = re.compile(r"\b(?:mrs?|ms|dr|prof)\b\.?\s+(?!pepper)[a-z]+\b", re.IGNORECASE)
# Other words in "s" after a first name are verbs: "mary sits".
_SURNAMES_ENDING_IN_S = frozenset(
    ("adams", "brooks", "collins", "davis", "edwards", "evans", "hanks", "hughes", "jenkins", "jones", "morris",
    "phillips",
     "roberts", "rogers", "simmons", "stevens", "williams", "woods")
)  # fmt: skip
_TOOLS = frozenset((
    "broom", "camera", "chainsaw", "cocktail shaker", "fishing reel", "hair dryer", "hammer", "hatchet", "meat cleaver",
    "microphone", "mop", "paintbrush", "power drill", "rifle", "sewing machine", "shovel", "stethoscope", "tray",
))  # fmt: skip
_DESCRIBING = frozenset(("bald", "elderly", "happy", "masked", "old", "older", "smiling", "tall", "young", "younger"))
_PERSON_AND_PERSON = re.compile(r"\ba person(?:,)? and a person\b")
_PLACE_PREPOSITION = (
    r"(?:,\s*|\s+(?:in|at|near|from|of|outside|over|through|to)\s+)(?:(?:the|downtown|central|city of|old)\s+)*"
)


def anonymize(phrase: str, confident_labels: Collection[str] = ()) -> str:
    """Replace or remove names, professions, origins and places.

    A confident label may replace a profession: "a chef" becomes "a person in an apron".
    """
    protected = Protected(phrase)
    text = _HONORIFIC.sub("a person", _INTRODUCED_NAME.sub(_remove_introduced_name, protected.text))
    words = set(re.findall(r"[\w-]+", text.lower()))
    # A set intersection avoids most searches for the long patterns.
    if words & _first_words(*_words("person_names.txt")):
        text = _name_pattern().sub(_remove_name, text)
    text = _ORIGINS.sub(lambda found: f"{'a ' if found[1] else ''}{found[2]}", text)
    if words & _first_words(*_profession_table()):
        text = _profession_pattern().sub(lambda found: _remove_profession(found, confident_labels), text)
    if words & _first_words(*_landmark_table()):
        text = _landmark_pattern().sub(lambda found: _landmark_table()[found[1].lower()], text)
    if words & _first_words(*_words("places.txt")):
        text = _place_pattern(_PLACE_PREPOSITION).sub(_remove_place_with_preposition, text)
        text = _place_pattern(r"(?P<article>\b(?:an?|the)\s+)?").sub(_remove_place, text)
    text = _PERSON_AND_PERSON.sub("two people", text)
    return fix_articles(protected.restored(" ".join(text.split()).strip(" ,")))


@cache
def _first_words(*names: str) -> frozenset[str]:
    return frozenset(name.split()[0] for name in names)


def _remove_introduced_name(found: re.Match[str]) -> str:
    words = found[1].split()[1:]
    while words and _is_surname(words[0]):
        words.pop(0)
    return " ".join(["", *words])


def _remove_name(found: re.Match[str]) -> str:
    """Replace the name by "a person"; drop it before a noun ("joe's pizza")."""
    before = found["article"] or ""
    rest = found.string[found.end() :]
    second = (found["second"] or "").strip()
    if second and _is_surname(second):
        second = ""
    elif second:
        rest = f" {second}{rest}"
    if found["own"] or leading_noun(rest):
        return f"{before}{second}"
    has_adjective = _ends_in_adjective(found.string[: found.start()])
    return f"{'' if has_adjective else 'a '}person{' ' if second else ''}{second}"


def _ends_in_adjective(before: str) -> bool:
    """Return whether the text ends with an adjective, as "a smiling bearded" before a name or profession."""
    *others, last = before.lower().split() or [""]
    is_participle = last in _DESCRIBING or (last.endswith("ed") and bool({"a", "an"}.intersection(others[-3:])))
    return last in ADJECTIVES or is_participle


def _is_surname(word: str) -> bool:
    lower = word.lower()
    if lower in DANGLING_WORDS or lower.endswith(("ing", "ed")) or lower in {"smiling", "sitting", "giving", "or"}:
        return False
    if lower.endswith("s") and not lower.endswith("ss"):
        return lower in _SURNAMES_ENDING_IN_S
    return leading_noun(f" {lower}") is None


def _remove_profession(found: re.Match[str], confident_labels: Collection[str]) -> str:
    before, rest = found["before"] or "", found.string[found.end() :]
    possession = leading_noun(re.sub(r"^\s?['\u2019]s?\b", "", rest))
    if leading_noun(rest) or (possession and possession.kind in _KINDS_WITH_NAMES):
        return found[0]
    is_plural, shown_by = _profession_table()[found["word"].lower()]
    if is_plural:
        return f"{before}people"
    is_described = not before and _ends_in_adjective(found.string[: found.start()])
    person = f"{before if is_described or before.strip().lower() not in {'', 'an'} else 'a '}person"
    shown = next((label for label in shown_by if label in confident_labels and label not in found.string), "")
    if not shown or re.match(r"['\u2019]| (?:in|with|wearing|holding|using|and)\b", rest):
        return person
    return f"{person} {'with' if shown in _TOOLS else 'in'} {indefinite_article(shown)} {shown}"


def _remove_place_with_preposition(found: re.Match[str]) -> str:
    return found[0] if leading_noun(found.string[found.end() :]) else ""


def _remove_place(found: re.Match[str]) -> str:
    following = leading_noun(found.string[found.end() :])
    if following is None:
        return "a place"
    return found[0] if following.kind in _KINDS_WITH_NAMES else (found["article"] or "")


@cache
def _name_pattern() -> re.Pattern[str]:
    names = _alternatives(_words("person_names.txt"))
    return re.compile(
        rf"(?<!\bst )(?<!\bst\. )\b(?P<article>(?:an?"
        rf"|the)\s+)?(?:{names})(?:\s+(?:{names}))*(?P<own>\s?['\u2019]s?\b\s*)?"
        r"(?(own)|(?P<second>\s+[a-z]+)?)\b(?!-)",
        re.IGNORECASE,
    )


@cache
def _profession_pattern() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!-)\b(?P<before>(?:an?|the|another|one)\s+)?(?:(?:fe)?male\s+)?(?P<word>{_alternatives(_profession_table())})\b(?!-)",
        re.IGNORECASE,
    )


@cache
def _profession_table() -> dict[str, tuple[bool, tuple[str, ...]]]:
    """Map professions to (is plural, labels that show it)."""
    table = {}
    for row in _rows("professions.tsv"):
        shown_by = tuple(filter(None, row["shown by"].split("; ")))
        table[row["profession"]] = (False, shown_by)
        table[row["plural"]] = (True, shown_by)
    return table


@cache
def _place_pattern(before: str) -> re.Pattern[str]:
    names = _alternatives(_words("places.txt"))
    return re.compile(
        rf"{before}\b(?:{names})(?:,?\s+(?:{names}))*\b(?:\s+city\b(?=$|\s+(?:at|in|on|with)\b))?(?!['\u2019-])",
        re.IGNORECASE,
    )


@cache
def _landmark_table() -> dict[str, str]:
    return {row["landmark"]: row["seen"] for row in _rows("landmarks.tsv")}


@cache
def _landmark_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b(?:the\s+)?({_alternatives(_landmark_table())})\b", re.IGNORECASE)


def _alternatives(words: Iterable[str]) -> str:
    """Join as alternatives, longest first."""
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


@cache
def _words(name: str) -> tuple[str, ...]:
    lines = (_FOLDER / name).read_text(encoding="ascii").splitlines()
    return tuple(word.replace("_", " ") for line in lines if not line.startswith("#") for word in line.split())


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
