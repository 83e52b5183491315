"""What a picture does not show of people and places: names, professions, origins, looks as someone judges them.

After the guides for telling of people in alt text (DIAGRAM Center's Image Description Guidelines, Cooper Hewitt's
Guidelines for Image Description): tell what is seen. A sure label of the clothes or of the tool may stand in the
profession's place.
"""

import csv
import re
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from workers.english.grammar import HANGING, article, articles_mended
from workers.english.lexicon import begins_with_noun
from workers.english.nouns import ADJECTIVES

HERE = Path(__file__).parent
# What keeps the word before it: a chef hat, a Boston terrier, New York cheesecake.
_NAMED_AFTER = frozenset(
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
_ADJECTIVES = (
    r"((?:(?:young|old|older|elderly|little|small|short|tall|big|smiling|adult|middle[- ]aged|bald|bearded"
    r"|(?:fe)?male)\s+)*)"
)
_ORIGINS = re.compile(
    rf"(?<!\bin )\b(an?\s+)?(?:(?:very\s+)?{_ORIGIN}(?:,|\s+and)?\s+)+{_ADJECTIVES}(?={_PERSON}\b)",
    re.IGNORECASE,
)
_CALLED = re.compile(r",?\s+(?:named|called|known as)((?:\s+[\w.'-]+){1,4})", re.IGNORECASE)
_HONORIFIC = re.compile(r"\b(?:mrs?|ms|dr|prof)\b\.?\s+(?!pepper)[a-z]+\b", re.IGNORECASE)
# Words after a first name that end in "s" and are a surname all the same; the others are verbs: "mary sits".
_SURNAMES_IN_S = frozenset(
    ("adams", "brooks", "collins", "davis", "edwards", "evans", "hanks", "hughes", "jenkins", "jones", "morris",
    "phillips",
     "roberts", "rogers", "simmons", "stevens", "williams", "woods")
)  # fmt: skip
_TOOLS = frozenset((
    "broom", "camera", "chainsaw", "cocktail shaker", "fishing reel", "hair dryer", "hammer", "hatchet", "meat cleaver",
    "microphone", "mop", "paintbrush", "power drill", "rifle", "sewing machine", "shovel", "stethoscope", "tray",
))  # fmt: skip
_TWO = re.compile(r"\ba person(?:,)? and a person\b")
_BEFORE_PLACE = (
    r"(?:,\s*|\s+(?:in|at|near|from|of|outside|over|through|to)\s+)(?:(?:the|downtown|central|city of|old)\s+)*"
)


def impersonal(phrase: str, seen: Collection[str] = ()) -> str:
    """Without names, professions, origins and places. `seen`: labels that are sure, such as "apron"."""
    text = _HONORIFIC.sub("a person", _CALLED.sub(_uncalled, phrase))
    words = set(re.findall(r"[\w-]+", text.lower()))
    # The tables are long: none is searched in a sentence without a word of it.
    if words & _beginnings(*_words("person_names.txt")):
        text = _names().sub(_unnamed, text)
    text = _ORIGINS.sub(lambda found: f"{'a ' if found[1] else ''}{found[2]}", text)
    if words & _beginnings(*_table()):
        text = _professions().sub(lambda found: _unprofessed(found, seen), text)
    if words & _beginnings(*_landmarks()):
        text = _landmark_pattern().sub(lambda found: _landmarks()[found[1].lower()], text)
    if words & _beginnings(*_words("places.txt")):
        text = _places(_BEFORE_PLACE).sub(_unplaced, text)
        text = _places(r"(?P<article>\b(?:an?|the)\s+)?").sub(_placed, text)
    text = _TWO.sub("two people", text)
    return articles_mended(" ".join(text.split()).strip(" ,"))


@cache
def _beginnings(*names: str) -> frozenset[str]:
    """The first word of each."""
    return frozenset(name.split()[0] for name in names)


def _uncalled(found: re.Match[str]) -> str:
    """Less the name, which may have several words."""
    words = found[1].split()[1:]
    while words and _is_surname(words[0]):
        words.pop(0)
    return " ".join(["", *words])


def _unnamed(found: re.Match[str]) -> str:
    """Whoever gives a speech is a person; of a john deere tractor and of joe's pizza the thing remains."""
    before = found["article"] or ""
    rest = found.string[found.end() :]
    second = (found["second"] or "").strip()
    if second and _is_surname(second):
        second = ""
    elif second:
        rest = f" {second}{rest}"
    if found["own"] or begins_with_noun(rest):
        return f"{before}{second}"
    words = found.string[: found.start()].split()
    described = bool(words) and words[-1].lower() in ADJECTIVES
    return f"{'' if described else 'a '}person{' ' if second else ''}{second}"


def _is_surname(word: str) -> bool:
    lower = word.lower()
    if lower in HANGING or lower.endswith(("ing", "ed")) or lower in {"smiling", "sitting", "giving", "or"}:
        return False
    if lower.endswith("s") and not lower.endswith("ss"):
        return lower in _SURNAMES_IN_S
    return begins_with_noun(f" {lower}") is None


def _unprofessed(found: re.Match[str], seen: Collection[str]) -> str:
    before, rest = found["before"] or "", found.string[found.end() :]
    owned = begins_with_noun(re.sub(r"^\s?['\u2019]s?\b", "", rest))
    if begins_with_noun(rest) or (owned and owned.kind in _NAMED_AFTER):
        return found[0]
    is_plural, shown_by = _table()[found["word"].lower()]
    if is_plural:
        return f"{before}people"
    person = f"{before if before.strip().lower() not in {'', 'an'} else 'a '}person"
    shown = next((label for label in shown_by if label in seen and label not in found.string), "")
    if not shown or re.match(r"['\u2019]| (?:in|with|wearing|holding|using|and)\b", rest):
        return person
    return f"{person} {'with' if shown in _TOOLS else 'in'} {article(shown)} {shown}"


def _unplaced(found: re.Match[str]) -> str:
    return found[0] if begins_with_noun(found.string[found.end() :]) else ""


def _placed(found: re.Match[str]) -> str:
    """Before a noun the place is left out; alone it is a place that is not named."""
    following = begins_with_noun(found.string[found.end() :])
    if following is None:
        return "a place"
    return found[0] if following.kind in _NAMED_AFTER else (found["article"] or "")


@cache
def _names() -> re.Pattern[str]:
    names = _alternatives(_words("person_names.txt"))
    return re.compile(
        rf"(?<!\bst )(?<!\bst\. )\b(?P<article>(?:an?"
        rf"|the)\s+)?(?:{names})(?:\s+(?:{names}))*(?P<own>\s?['\u2019]s?\b\s*)?"
        r"(?(own)|(?P<second>\s+[a-z]+)?)\b(?!-)",
        re.IGNORECASE,
    )


@cache
def _professions() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!-)\b(?P<before>(?:an?|the|another|one)\s+)?(?:(?:fe)?male\s+)?(?P<word>{_alternatives(_table())})\b(?!-)",
        re.IGNORECASE,
    )


@cache
def _table() -> dict[str, tuple[bool, tuple[str, ...]]]:
    """By the word: whether it is a plural, and the labels that show what made the model guess it."""
    table = {}
    for row in _rows("professions.tsv"):
        shown_by = tuple(filter(None, row["shown by"].split("; ")))
        table[row["profession"]] = (False, shown_by)
        table[row["plural"]] = (True, shown_by)
    return table


@cache
def _places(before: str) -> re.Pattern[str]:
    places = _alternatives(_words("places.txt"))
    return re.compile(
        rf"{before}\b(?:{places})(?:,?\s+(?:{places}))*\b(?:\s+city\b(?=$|\s+(?:at|in|on|with)\b))?(?!['\u2019-])",
        re.IGNORECASE,
    )


@cache
def _landmarks() -> dict[str, str]:
    return {row["landmark"]: row["seen"] for row in _rows("landmarks.tsv")}


@cache
def _landmark_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b(?:the\s+)?({_alternatives(_landmarks())})\b", re.IGNORECASE)


def _alternatives(words: Iterable[str]) -> str:
    """The longest first: new york city is not new york."""
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


@cache
def _words(name: str) -> tuple[str, ...]:
    lines = (HERE / name).read_text(encoding="ascii").splitlines()
    return tuple(word.replace("_", " ") for line in lines if not line.startswith("#") for word in line.split())


def _rows(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
