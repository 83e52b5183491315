"""Gender-neutral nouns and pronouns for people.

Captioners infer gender from context (Hendricks et al., Women also Snowboard, ECCV 2018). Words for an object, an animal
or a role ("a men's shirt", "lioness", "bride") stay.
"""

import re
from collections.abc import Callable

from workers.english.fixed_names import Protected
from workers.english.grammar import fix_articles, singularize
from workers.english.lexicon import leading_noun, read_sentence
from workers.english.nouns import ADJECTIVES

_NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ADULT = r"(?:man|woman|lady|guy|gentleman|dude)"
_ADULTS = r"(?:men|women|ladies|guys|gentlemen|dudes)"
_CHILD = r"(?:boy|girl)"
_CHILDREN = r"(?:boys|girls)"
_DET = r"(?:an? |the |another |one )?"
_COUNT = r"(two|three|four|five|six|seven|eight|nine)"
_LITTLE = r"(little|small|tiny|baby|toddler) "

_OCCUPATIONS = {
    **dict.fromkeys(("policeman", "policewoman"), "police officer"), "fireman": "firefighter",
    **dict.fromkeys(("policemen", "policewomen"), "police officers"), "firemen": "firefighters",
    **dict.fromkeys(("mailman", "postman"), "mail carrier"), **dict.fromkeys(("mailmen", "postmen"), "mail carriers"),
    "cameraman": "camera operator", "cameramen": "camera operators", "salesman": "salesperson",
    "saleswoman": "salesperson", "businessman": "business person", "businesswoman": "business person",
    "businessmen": "business people", "businesswomen": "business people", "repairman": "repairer",
    "workman": "worker", "workmen": "workers", "waitress": "server", "waitresses": "servers",
    "stewardess": "flight attendant", "stewardesses": "flight attendants", "actress": "actor", "actresses": "actors",
    "fisherman": "angler", "fishermen": "anglers", "craftsman": "artisan", "craftsmen": "artisans",
    "serviceman": "service member", "servicemen": "service members", "crewman": "crew member",
    "chairman": "chairperson", "spokesman": "spokesperson", "spokeswoman": "spokesperson",
}  # fmt: skip
_NEUTRAL_WORDS = {
    **dict.fromkeys(("man", "woman", "lady", "guy", "gentleman", "dude", "male", "female", "bloke"), "person"),
    **dict.fromkeys(("men", "women", "ladies", "guys", "gentlemen", "dudes", "males", "females", "blokes"), "people"),
    **dict.fromkeys(("boy", "girl", "lad", "lass"), "young person"),
    **dict.fromkeys(("boys", "girls", "lads", "lasses"), "young people"),
    **dict.fromkeys(("mother", "father", "mom", "mum", "dad", "mommy", "daddy", "mama", "papa"), "parent"),
    **dict.fromkeys(("mothers", "fathers", "moms", "mums", "dads", "mommies", "daddies"), "parents"),
    **dict.fromkeys(("son", "daughter"), "child"),
    **dict.fromkeys(("sons", "daughters"), "children"),
    **dict.fromkeys(("brother", "sister"), "sibling"),
    **dict.fromkeys(("brothers", "sisters"), "siblings"),
    **dict.fromkeys(("husband", "wife", "boyfriend", "girlfriend"), "partner"),
    **dict.fromkeys(("husbands", "wives", "boyfriends", "girlfriends"), "partners"),
    **dict.fromkeys(("grandmother", "grandfather", "grandma", "grandpa", "granny"), "grandparent"),
    **dict.fromkeys(("grandmothers", "grandfathers", "grandmas", "grandpas", "grannies"), "grandparents"),
    **dict.fromkeys(("aunt", "auntie", "uncle", "niece", "nephew"), "relative"),
    **dict.fromkeys(("aunts", "uncles", "nieces", "nephews"), "relatives"),
    **dict.fromkeys(("grandson", "granddaughter"), "grandchild"), "grandsons": "grandchildren",
    "granddaughters": "grandchildren",
    "schoolboy": "schoolchild", "schoolgirl": "schoolchild", "schoolboys": "schoolchildren",
    "schoolgirls": "schoolchildren", "sportsman": "athlete", "sportswoman": "athlete", "sportsmen": "athletes",
    "horseman": "rider", "horsewoman": "rider", "horsemen": "riders", "batsman": "batter", "ballerina": "ballet dancer",
    "ballerinas": "ballet dancers", "sportswomen": "athletes", "horsewomen": "riders", "batsmen": "batters",
    **_OCCUPATIONS,
}  # fmt: skip
# "Spider-Man", "a gingerbread man": his is theirs.
_FIGURE = re.compile(r"(?:m[ae]n|woman|boy|girl)$", re.IGNORECASE)
_KIN = r"mother|father|mom|mum|dad|son|daughter|brother|sister"
_ALTERNATIVES = "|".join(sorted(_NEUTRAL_WORDS, key=len, reverse=True))
_PRONOUN = re.compile(
    r"\b(he|she)(?:(['\u2019]s)|(\s+)(?!(?:he|she|him|his|hers?|himself|herself)\b)([a-z]+))?\b"
    r"|\b(himself|herself|him|his|hers|her)\b(?=(\s+(?:[a-z]+|\x00))?)",
    re.IGNORECASE,
)
_VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}
# "Her" and "his" are not possessive before these words.
_NOT_POSSESSED = frozenset((
    "and", "as", "at", "by", "for", "from", "in", "into", "is", "are", "near", "next", "of", "off", "on", "or",
    "over", "to",
    "under", "up", "while", "with", "down", "through", "across", "along", "behind", "beside", "from", "that", "who",
))  # fmt: skip
_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _rule(pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> _Rule:
    return re.compile(rf"\b{pattern}\b(?!['\u2019-])", re.IGNORECASE), replacement


def _add_counts(found: re.Match[str]) -> str:
    count = sum(1 if word is None else _NUMBERS.index(word.lower()) for word in found.groups())
    return f"{_NUMBERS[count] if count < len(_NUMBERS) else 'several'} people"


# Applied before _NEUTRAL_WORDS, which would give "a person and a person".
_COMBINATIONS: list[_Rule] = [
    _rule(rf"{_DET}{_ADULT}, {_DET}{_ADULT},? and {_DET}{_ADULT}", "three people"),
    _rule(rf"{_DET}{_ADULT}, {_DET}{_ADULT},? and", "two people and"),
    _rule(rf"{_DET}(?:{_ADULT}|male|female|husband) and {_DET}(?:{_ADULT}|male|female|wife)", "two people"),
    _rule(rf"{_DET}(?:{_CHILD}|son) and {_DET}(?:{_CHILD}|daughter)", "two children"),
    _rule(rf"{_DET}{_LITTLE}{_CHILD} and {_DET}(?:{_LITTLE})?{_CHILD}", "two children"),
    _rule(rf"{_DET}(?:mother|mom|father|dad) and {_DET}(?:father|dad|mother|mom)", "two parents"),
    _rule(rf"{_COUNT} {_ADULTS} and {_COUNT} {_ADULTS}", _add_counts),
    _rule(rf"{_DET}{_ADULT}() and {_COUNT} {_ADULTS}", lambda found: _add_one(found[2])),
    _rule(rf"{_COUNT} {_ADULTS} and {_DET}{_ADULT}", lambda found: _add_one(found[1])),
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


def _add_one(number: str) -> str:
    return f"{_NUMBERS[_NUMBERS.index(number.lower()) + 1]} people"


def gender_neutral(phrase: str) -> str:
    """Replace gendered nouns and pronouns; an animal's "his" becomes "its".

    Words in the names of things stay: "granny smith", "lady's slipper", "a sister ship".
    """
    protected = Protected(phrase)
    has_figure = any(_FIGURE.search(name) for name in protected.names)
    text = _ATTRIBUTE.sub(lambda found: _attribute(found, protected.keep), protected.text)
    possessive = "their" if has_figure else _possessive_of(phrase, text)
    if _GENDERED_WORD.search(text):  # in every combination
        for pattern, replacement in _COMBINATIONS:
            text = pattern.sub(replacement, text)
        text = _GENDERED_WORD.sub(lambda found: _NEUTRAL_WORDS[found[0].lower()], text)
    text = _PRONOUN.sub(lambda found: _pronoun(found, possessive), text)
    for pattern, replacement in _CORRECTIONS:
        text = pattern.sub(replacement, text)
    return fix_articles(protected.restored(_distinguish_second_person(text)))


def _attribute(found: re.Match[str], protect: Callable[[re.Match[str]], str]) -> str:
    """Keep "women's shoe" and "male lion"; drop "male" in "male tennis player"."""
    rest = _LEADING_ADJECTIVES.sub("", found.string[found.end() :].lstrip())
    noun = leading_noun(f" {rest}")
    if noun is None and found["plural"]:
        # After "a", what follows is no verb: "a boys bicycle".
        mentions = read_sentence(rest).mentions
        noun = next((mention.noun for mention in mentions if not (mention.first or mention.plural)), None)
    if noun is None:
        return found[0]
    if found["possessive"]:
        if re.match(r"(?:\w+ ){1,2}(?:game|league|match|players?|squad|team)\b", rest) and noun.kind in {
            "event",
            "sport",
        }:
            return ""
        return found[0] if noun.kind in {"animal", "group", "part", "person"} else protect(found)
    if noun.kind == "person":
        return "" if found["sex"] else found[0]
    return protect(found)


def _possessive_of(phrase: str, text: str) -> str:
    """Return "its" if `phrase` has an animal, and `text`, its copy without fixed names, nobody."""
    animals = any(mention.noun.kind == "animal" for mention in read_sentence(phrase).mentions)
    people = any(mention.noun.kind == "person" for mention in read_sentence(text).mentions)
    return "its" if animals and not people and not _GENDERED_WORD.search(text) else "their"


def _pronoun(found: re.Match[str], possessive: str) -> str:
    is_person = possessive == "their"
    if found[1]:
        if found[2]:
            return "they're" if is_person else "it's"
        verb = found[4] or ""
        return f"they{found[3] or ''}{_plural_verb(verb)}" if is_person else f"it{found[3] or ''}{verb}"
    word, next_word = found[5].lower(), found[6] or ""
    is_possessive = word in {"his", "her"} and next_word and next_word.strip().lower() not in _NOT_POSSESSED
    if is_possessive:
        return possessive
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
    return singularize(lower) if lower.endswith(("ies", "es")) and len(lower) > 4 else lower[:-1]


def _distinguish_second_person(text: str) -> str:
    first, mark, rest = text.partition("a person")
    return first + mark + re.sub(r"\ba person\b", "another person", rest)


_GENDERED_WORD = re.compile(rf"(?<![\w-])(?:{_ALTERNATIVES})(?![\w-])", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"(?<![\w-])(?:(?P<possessive>(?:men|women|ladies|boys|girls)(?:\s?['\u2019]\s?s?|s)|mens|womens"
    r"|(?:(?<=\ba )|(?<=\bpair of ))(?P<plural>ladies|boys|girls))"
    rf"|(?P<sex>male and female|males?|females?)|{_KIN})(?=\s) ?",
    re.IGNORECASE,
)
_LEADING_ADJECTIVES = re.compile(rf"^(?:(?:{'|'.join(sorted(ADJECTIVES))})\s+)+", re.IGNORECASE)
_CORRECTIONS: list[_Rule] = [
    (re.compile(r"\b(two|three|people|children) is\b"), r"\1 are"),
    (re.compile(r"\b(people|children)['\u2019](?!s)"), r"\1's"),
    (re.compile(r"\bbaby child\b"), "baby"),
    (re.compile(r"\b(?:person|people) bun\b"), "hair bun"),
    (re.compile(r"\bpartner[ -]?beater(?: shirt)?\b"), "tank top"),
    (re.compile(r"\b(?:young person|young people|children) (band|group)\b"), r"pop \1"),
]
