"""Name what evidence supports: the main subject, people by their number, other things, the setting."""

import csv
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workers.english import grammar
from workers.english.gender_neutral import gender_neutral
from workers.english.grammar import with_article, without_article
from workers.english.initialisms import capitalize_initialisms
from workers.models.evidence import Evidence, NounEvidence

_FOLDER = Path(__file__).parent
MASS_NOUNS_FILE = Path(grammar.__file__).with_name("mass_nouns.txt")
# The narrowest noun above it is named, else the surest noun above MIN_MAIN.
SURE_MAIN, MIN_MAIN = 0.4, 0.25
SURE_PRESENT = 0.65
SURE_PEOPLE = 0.5
SURE_SCENE = 0.75
# Above it, seven of the eight images of wild-dev, COCO and Flickr8k were night scenes.
SURE_NIGHT = 0.5
_PEOPLE_WORDS = {1: "a person", 2: "two people", 3: "a group of people"}
# "Tennis", "bus" and "glass" are singular.
_PLURAL = re.compile(r"(?<!len)(?<!atla)(?<!canva)(?<![sui])s$")
_CHILDREN_WORDS = {1: "a child", 2: "two children", 3: "a group of children"}


@dataclass(frozen=True, slots=True)
class Naming:
    """A `phrase` with its article for the `noun`; the probability that it names the main subject."""

    phrase: str
    noun: str
    probability: float
    is_people: bool = False


def probability_of(evidence: Evidence, noun: str) -> tuple[float, float]:
    """Return `main` and `present` of the noun; 0 where it is not among the evidence."""
    found = evidence.find(noun)
    return (found.main, found.present) if found else (0.0, 0.0)


def people_count(evidence: Evidence) -> tuple[int, float]:
    """Return the most probable number, 3 for more, and the probability that there are people at all."""
    if not evidence.people:
        return 0, 0.0
    # The noun's head knows people of many more photographs than the number's.
    some = max(1 - evidence.people[0], *probability_of(evidence, "person"))
    counted = max((1, 2, 3), key=lambda number: evidence.people[number])
    return (counted if some >= SURE_PEOPLE else 0), some


def name_people(evidence: Evidence) -> Naming | None:
    count, some = people_count(evidence)
    if not count:
        return None
    main, _ = probability_of(evidence, "person")
    child, _ = probability_of(evidence, "child")
    words = _CHILDREN_WORDS if child >= SURE_MAIN else _PEOPLE_WORDS
    return Naming(words[count], "person", min(main, some), is_people=True)


def name_subject(evidence: Evidence, excluded: Collection[str] = ()) -> Naming | None:
    """Return the narrowest sure noun that is no person, else the surest one, or None."""
    usable = [noun for noun in evidence.nouns if is_nameable(noun.noun) and noun.noun not in excluded]
    sure = _narrowest([noun for noun in usable if noun.main >= SURE_MAIN])
    candidates = sure or [noun for noun in usable if noun.main >= MIN_MAIN]
    if not candidates:
        return None
    best = max(candidates, key=lambda noun: noun.main)
    return Naming(phrase_of(best.noun), best.noun, best.main)


def name_main(evidence: Evidence, excluded: Collection[str] = ()) -> Naming | None:
    """Return people or the subject, whichever is the surer main thing."""
    people, subject = name_people(evidence), name_subject(evidence, excluded)
    if people is None or subject is None:
        return people or subject
    return subject if subject.probability > people.probability else people


def other_things(evidence: Evidence, excluded: Collection[str], limit: int = 4) -> list[NounEvidence]:
    """Return the surest further things, the narrowest of each family."""
    unfit = scenes().keys() | _wide()
    present = [
        noun
        for noun in evidence.nouns
        if noun.present >= SURE_PRESENT and is_nameable(noun.noun) and noun.noun not in unfit
    ]
    # The words of a sentence are in lower case, a breed's name is not.
    named = {noun.lower() for noun in excluded}
    wider_or_named = named.union(
        *(noun.wider for noun in evidence.nouns if noun.noun.lower() in named and noun.present >= SURE_MAIN)
    )
    things = [
        noun for noun in _narrowest(present) if noun.noun.lower() not in wider_or_named and not named & set(noun.wider)
    ]
    # "Laptop computer" names a laptop, too.
    heads = {_head(noun) for noun in excluded} | {word for noun in named for word in noun.split()}
    kept: list[NounEvidence] = []
    for thing in sorted(things, key=lambda noun: -noun.present):
        if _head(thing.noun) not in heads:
            heads.add(_head(thing.noun))
            kept.append(thing)
    return kept[:limit]


def _head(noun: str) -> str:
    """Return the head word, the same for "t shirt", "T-shirt" and "shirt", "cup" and "cup of tea"."""
    return noun.lower().partition(" of ")[0].replace("-", " ").split()[-1] if noun.strip("- ") else noun


def setting(evidence: Evidence) -> str:
    """Return the surest scene as "on a beach", or ""."""
    found = [noun for noun in evidence.nouns if noun.noun in scenes() and noun.present >= SURE_SCENE]
    return scenes()[max(found, key=lambda noun: noun.present).noun] if found else ""


def is_night(evidence: Evidence) -> bool:
    return probability_of(evidence, "night")[1] >= SURE_NIGHT


@cache
def is_nameable(noun: str) -> bool:
    """Return whether the noun may be named: it is not vague, nor does it guess a person's gender."""
    return noun not in _vague() and not noun.startswith("aerial view") and gender_neutral(noun) == noun


def phrase_of(noun: str) -> str:
    """Return the noun with its article, without one for what is not counted, or in its usual plural."""
    if noun in _phrases():
        return _phrases()[noun]
    is_mass = noun in _mass_nouns() or noun.rpartition(" ")[2] in _mass_nouns()
    number = "mass" if is_mass else "plural" if _PLURAL.search(noun) else "count"
    return capitalize_initialisms(with_article(noun, number))


def tag_of(noun: str) -> str:
    """Return the noun as a search term: "sea" for "the sea", "football" for "soccer (association football)"."""
    phrase = _phrases().get(noun, noun)
    return noun if " or " in phrase else without_article(phrase)


def _narrowest(nouns: Iterable[NounEvidence]) -> list[NounEvidence]:
    found = list(nouns)
    wider = set[str]().union(*(noun.wider for noun in found))
    return [noun for noun in found if noun.noun not in wider]


@cache
def scenes() -> Mapping[str, str]:
    return _table("scenes.tsv")


def is_wide(noun: str) -> bool:
    return noun in _wide()


@cache
def _wide() -> frozenset[str]:
    """Return the nouns too wide to be worth a mention beside the subject."""
    return _nouns_in(_FOLDER / "wide_nouns.txt")


@cache
def _phrases() -> Mapping[str, str]:
    return _table("noun_phrases.tsv")


@cache
def _vague() -> frozenset[str]:
    return _nouns_in(_FOLDER / "vague_nouns.txt")


@cache
def _mass_nouns() -> frozenset[str]:
    return _nouns_in(MASS_NOUNS_FILE)


def _nouns_in(path: Path) -> frozenset[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    text = ";".join(line for line in lines if not line.startswith("#"))
    return frozenset(noun for part in text.split(";") if (noun := part.strip()))


def _table(name: str) -> dict[str, str]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return {row["noun"]: row["phrase"] for row in csv.DictReader(file, delimiter="\t")}
