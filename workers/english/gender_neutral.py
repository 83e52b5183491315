"""Neutral words for people, with the pronouns and the grammar that go with them.

A picture shows what someone wears and does, seldom what they are; captioners guess gender from the kitchen or the
surfboard (Hendricks et al., Women also Snowboard, ECCV 2018). Where the word belongs to a thing ("a men's shirt", a
lioness, a bride) it stays.
"""

import re
from collections.abc import Callable

from workers.english.grammar import articles_mended, singular
from workers.english.lexicon import begins_with_noun, read
from workers.english.nouns import ADJECTIVES

_NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ADULT = r"(?:man|woman|lady|guy|gentleman|dude)"
_ADULTS = r"(?:men|women|ladies|guys|gentlemen|dudes)"
_CHILD = r"(?:boy|girl)"
_CHILDREN = r"(?:boys|girls)"
_A = r"(?:an? |the |another |one )?"
_SOME = r"(two|three|four|five|six|seven|eight|nine)"
_LITTLE = r"(little|small|tiny|baby|toddler) "

_WORDS = {
    **dict.fromkeys(("man", "woman", "lady", "guy", "gentleman", "dude", "male", "female", "bloke"), "person"),
    **dict.fromkeys(("men", "women", "ladies", "guys", "gentlemen", "dudes", "males", "females", "blokes"), "people"),
    **dict.fromkeys(("boy", "girl", "lad", "lass"), "young person"),
    **dict.fromkeys(("boys", "girls", "lads", "lasses"), "young people"),
    **dict.fromkeys(("mother", "father", "mom", "mum", "dad", "mommy", "daddy", "mama", "papa"), "parent"),
    **dict.fromkeys(("mothers", "fathers", "moms", "mums", "dads"), "parents"),
    **dict.fromkeys(("son", "daughter"), "child"),
    **dict.fromkeys(("sons", "daughters"), "children"),
    **dict.fromkeys(("brother", "sister"), "sibling"),
    **dict.fromkeys(("brothers", "sisters"), "siblings"),
    **dict.fromkeys(("husband", "wife", "boyfriend", "girlfriend"), "partner"),
    **dict.fromkeys(("husbands", "wives", "boyfriends", "girlfriends"), "partners"),
    **dict.fromkeys(("grandmother", "grandfather", "grandma", "grandpa", "granny"), "grandparent"),
    **dict.fromkeys(("grandmothers", "grandfathers"), "grandparents"),
    **dict.fromkeys(("aunt", "uncle", "niece", "nephew"), "relative"),
    "schoolboy": "schoolchild", "schoolgirl": "schoolchild", "schoolboys": "schoolchildren",
    "schoolgirls": "schoolchildren", "sportsman": "athlete", "sportswoman": "athlete", "sportsmen": "athletes",
    "horseman": "rider", "horsewoman": "rider", "horsemen": "riders", "batsman": "batter", "ballerina": "ballet dancer",
    "ballerinas": "ballet dancers",
}  # fmt: skip
_KIN = r"mother|father|mom|mum|dad|son|daughter|brother|sister"
_ALL = "|".join(sorted(_WORDS, key=len, reverse=True))
# Before these the word is part of a name of something else.
_APART = re.compile(
    r"\b(?:(?:iron|spider|super|bat|ginger ?bread|pac|snow|sand|straw|ant|stick|best|michelin) ?(?:-| )?m[ae]n"
    r"|(?:boy|girl) scouts?"
    r"|lady ?(?:bug|bird|finger)s?|m[ae]n ?made|man cave|man ?hole|cat ?(?:woman|lady)|wonder woman|tomboys?"
    r"|play ?boys?|game ?boys?)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(he|she)(?:(['\u2019]s)|(\s+)(?!(?:he|she|him|his|hers?|himself|herself)\b)([a-z]+))?\b"
    r"|\b(himself|herself|him|his|hers|her)\b(?=(\s+[a-z]+)?)",
    re.IGNORECASE,
)
_VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}
# After these "her" and "his" are no owners.
_NO_NOUN = frozenset((
    "and", "as", "at", "by", "for", "from", "in", "into", "is", "are", "near", "next", "of", "off", "on", "or",
    "over", "to",
    "under", "up", "while", "with", "down", "through", "across", "along", "behind", "beside", "from", "that", "who",
))  # fmt: skip
_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _rule(pattern: str, put: str | Callable[[re.Match[str]], str]) -> _Rule:
    return re.compile(rf"\b{pattern}\b(?!['\u2019-])", re.IGNORECASE), put


def _added(found: re.Match[str]) -> str:
    """ "a man and two women" are three people."""
    count = sum(1 if word is None else _NUMBERS.index(word.lower()) for word in found.groups())
    return f"{_NUMBERS[count] if count < len(_NUMBERS) else 'several'} people"


# Two of a kind in one breath, before each gets its word: "a man and a woman" is no person and a person.
_TOGETHER: list[_Rule] = [
    _rule(rf"{_A}{_ADULT}, {_A}{_ADULT},? and {_A}{_ADULT}", "three people"),
    _rule(rf"{_A}{_ADULT}, {_A}{_ADULT},? and", "two people and"),
    _rule(rf"{_A}(?:{_ADULT}|male|female|husband) and {_A}(?:{_ADULT}|male|female|wife)", "two people"),
    _rule(rf"{_A}(?:{_CHILD}|son) and {_A}(?:{_CHILD}|daughter)", "two children"),
    _rule(rf"{_A}{_LITTLE}{_CHILD} and {_A}(?:{_LITTLE})?{_CHILD}", "two children"),
    _rule(rf"{_A}(?:mother|mom|father|dad) and {_A}(?:father|dad|mother|mom)", "two parents"),
    _rule(rf"{_SOME} {_ADULTS} and {_SOME} {_ADULTS}", _added),
    _rule(rf"{_A}{_ADULT}() and {_SOME} {_ADULTS}", lambda found: _added_one(found[2])),
    _rule(rf"{_SOME} {_ADULTS} and {_A}{_ADULT}", lambda found: _added_one(found[1])),
    _rule(rf"{_ADULTS} and {_ADULTS}", "people"),
    _rule(rf"{_CHILDREN} and {_CHILDREN}", "children"),
    _rule(rf"{_LITTLE}{_CHILDREN}", r"\1 children"),
    _rule(rf"{_LITTLE}{_CHILD}", r"\1 child"),
    _rule(rf"(?:teen|teenage|teenaged) (?:{_CHILD}|{_ADULT})", "teenager"),
    _rule(rf"(?:teen|teenage|teenaged) (?:{_CHILDREN}|{_ADULTS})", "teenagers"),
    _rule(rf"young (?:{_CHILD})", "young person"),
    _rule(rf"young (?:{_CHILDREN})", "young people"),
    _rule(rf"({_ADULT}) (and|with|holding|carrying|next to|near) (an? |the )?{_CHILD}", r"adult \2 \3child"),
    _rule(rf"{_CHILD} (and|with|next to|near) (an? |the )?{_ADULT}", r"child \1 \2adult"),
]


def _added_one(number: str) -> str:
    return f"{_NUMBERS[_NUMBERS.index(number.lower()) + 1]} people"


def neutral(phrase: str) -> str:
    """Every person a person and every "his" a "their"; an animal's "his" is an "its"."""
    kept: list[str] = []

    def aside(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\x00{len(kept) - 1}\x00"

    text = _APART.sub(aside, phrase)
    text = _ATTRIBUTE.sub(lambda found: _attribute(found, aside), text)
    owner = _owner(text)
    for pattern, put in _TOGETHER:
        text = pattern.sub(put, text)
    text = _WORD.sub(lambda found: _WORDS[found[0].lower()], text)
    text = _PRONOUN.sub(lambda found: _pronoun(found, owner), text)
    for pattern, put in _MENDED:
        text = pattern.sub(put, text)
    text = articles_mended(_another(text))
    return re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], text)


def _attribute(found: re.Match[str], aside: Callable[[re.Match[str]], str]) -> str:
    """A women's shoe, a mother bear and a male lion stay what they are; a male tennis player is a tennis player."""
    noun = begins_with_noun(" " + _LEADING_ADJECTIVES.sub("", found.string[found.end() :].lstrip()))
    if noun is None:
        return found[0]
    if found["owner"]:
        return found[0] if noun.kind in {"animal", "group", "part", "person"} else aside(found)
    if noun.kind == "person":
        return "" if found["sex"] else found[0]
    return aside(found)


def _owner(text: str) -> str:
    nouns = [mention.noun.kind for mention in read(text).mentions]
    return "its" if "animal" in nouns and "person" not in nouns and not _WORD.search(text) else "their"


def _pronoun(found: re.Match[str], owner: str) -> str:
    is_person = owner == "their"
    if found[1]:
        if found[2]:
            return "they're" if is_person else "it's"
        verb = found[4] or ""
        return f"they{found[3] or ''}{_plural_verb(verb)}" if is_person else f"it{found[3] or ''}{verb}"
    word, following = found[5].lower(), found[6] or ""
    owns = word in {"his", "her"} and following and following.strip().lower() not in _NO_NOUN
    if owns:
        return owner
    they = {
        "himself": "themselves",
        "herself": "themselves",
        "him": "them",
        "her": "them",
        "his": "theirs",
        "hers": "theirs",
    }
    it = {"themselves": "itself", "them": "it", "theirs": "its"}
    return f"{they[word] if is_person else it[they[word]]}"


def _plural_verb(verb: str) -> str:
    lower = verb.lower()
    if lower in _VERBS:
        return _VERBS[lower]
    if not lower.endswith("s") or lower.endswith(("ss", "us")) or lower in {"always", "sometimes", "perhaps"}:
        return verb
    return singular(lower) if lower.endswith(("ies", "es")) and len(lower) > 4 else lower[:-1]


def _another(text: str) -> str:
    first, mark, rest = text.partition("a person")
    return first + mark + re.sub(r"\ba person\b", "another person", rest)


_WORD = re.compile(rf"(?<![\w-])(?:{_ALL})(?![\w-])", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"(?<![\w-])(?:(?P<owner>(?:men|women|ladies|boys|girls)(?:\s?['\u2019]\s?s?|s)|mens|womens)"
    rf"|(?P<sex>male and female|males?|females?)|{_KIN})(?=\s) ?",
    re.IGNORECASE,
)
_LEADING_ADJECTIVES = re.compile(rf"^(?:(?:{'|'.join(sorted(ADJECTIVES))})\s+)+", re.IGNORECASE)
_MENDED: list[_Rule] = [
    (re.compile(r"\b(two|three|people|children) is\b"), r"\1 are"),
    (re.compile(r"\b(people|children)['\u2019](?!s)"), r"\1's"),
    (re.compile(r"\bbaby child\b"), "baby"),
]
