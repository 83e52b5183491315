"""Agreement in number of a sentence that has been read: "a pile of oranges", "two dogs", "wooden floors"."""

from functools import cache
from pathlib import Path

from workers.english.grammar import DANGLING_WORDS, PREPOSITIONS
from workers.english.nouns import ADJECTIVES, COLORS, Mention, Reading

_FILE = Path(__file__).with_name("countable_nouns.txt")
_NUMBERS = frozenset((
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "several", "many", "various", "multiple",
    "numerous", "few", "both", "dozen",
))  # fmt: skip
_GROUPS = frozenset((
    "array", "arrays", "assortment", "bunch", "bunches", "cluster", "clusters", "collection", "couple", "crowd",
    "dozens", "flock", "flocks", "group", "groups", "heap", "heaps", "herd", "herds", "hundreds", "lots", "number",
    "pack", "packs", "pair", "pairs", "pile", "piles", "row", "rows", "selection", "series", "set", "sets", "stack",
    "stacks", "swarm", "thousands", "variety", "bouquet", "bouquets", "line", "lines",
))  # fmt: skip
_CONTAINERS = frozenset((
    "bag", "bags", "basket", "baskets", "bowl", "bowls", "box", "boxes", "bucket", "buckets", "cart", "crate", "crates",
    "jar", "jars", "plate", "plates", "platter", "shelf", "tray", "trays",
))  # fmt: skip
# Words of one form that need no article: "a black pants" is "black pants".
_PAIRED = frozenset((
    "binoculars", "clothes", "eyeglasses", "glasses", "goggles", "headphones", "jeans", "khakis", "leggings", "pajamas",
    "pants", "scissors", "shorts", "slacks", "sunglasses", "suspenders", "tights", "trousers",
))  # fmt: skip
_IRREGULAR = {
    "calf": "calves", "child": "children", "foot": "feet", "goose": "geese", "half": "halves", "knife": "knives",
    "leaf": "leaves", "loaf": "loaves", "man": "men", "mouse": "mice", "ox": "oxen", "person": "people",
    "scarf": "scarves", "shelf": "shelves", "tooth": "teeth", "wolf": "wolves", "woman": "women",
    "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes",
}  # fmt: skip
# "A bright flowers": besides ADJECTIVES, since these do not occur before nouns of labels.
_MORE_ADJECTIVES = frozenset((
    "beautiful", "bright", "broken", "ceramic", "clean", "clear", "concrete", "decorative", "delicious", "different",
    "empty", "fancy", "flying", "fresh", "full", "glass", "hardwood", "leather", "lovely", "modern", "narrow", "new",
    "nice", "parked", "pretty", "round", "square", "straight", "tiled", "thick", "thin", "various", "wide",
))  # fmt: skip
_AFTER_NOUN = (DANGLING_WORDS | PREPOSITIONS) - {"like"} | frozenset((
    "after", "before", "can", "down", "during", "each", "indoors", "out", "outdoors", "outside", "past", "together",
    "toward", "towards",
))  # fmt: skip
# Adjectives that may be subjects.
_ALSO_SUBJECTS = frozenset(("adult", "baby", "blond", "blonde", "female", "light", "male", "wild", "young"))


def pluralize(noun: str) -> str:
    """Return the plural of a singular noun; of several words, that of the last."""
    *stem, last = noun.split(" ")
    return " ".join([*stem, _plural_word(last)])


def _plural_word(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in set("aeiou") else f"{word}s"


def pluralize_after_quantities(reading: Reading) -> str:
    """Return the text with "a pile of oranges" for "a pile of orange" and "two dogs" for "two dog"."""
    phrase = reading.text
    for mention in reversed(reading.mentions):
        if mention.plural or not _ends_noun_phrase(reading, mention) or mention.role == "owner":
            continue
        quantity = _quantity(reading, mention)
        countable = _countable(after_container=quantity in _CONTAINERS)
        if quantity and not countable.isdisjoint((mention.noun.text, mention.noun.text.split()[-1])):
            start, end = reading.tokens[mention.first].start, reading.tokens[mention.last].end
            phrase = phrase[:start] + pluralize(phrase[start:end]) + phrase[end:]
    return phrase


def drop_articles_before_plurals(reading: Reading) -> str:
    """Return the text with "a close-up of heels" for "a close-up of a heels", "wooden floors" for "a wooden floors"."""
    phrase = reading.text
    for mention in reversed(reading.mentions):
        if not _is_plural(reading, mention) or mention.role == "owner" or not _ends_noun_phrase(reading, mention):
            continue
        at = _start_of_modifiers(reading, mention)
        # "A two dogs", but "a few dogs" is right.
        at -= at > 1 and reading.tokens[at - 1].text in _NUMBERS - {"few", "dozen"}
        if at and reading.tokens[at - 1].text in {"a", "an"} and not reading.tokens[at].after_punctuation:
            phrase = phrase[: reading.tokens[at - 1].start] + phrase[reading.tokens[at].start :]
    return phrase


def _is_plural(reading: Reading, mention: Mention) -> bool:
    """Return whether the last word is a regular plural or of _PAIRED: "bites" is not the plural of "bit"."""
    last, singular = reading.tokens[mention.last].text, mention.noun.text.split()[-1]
    plurals = {_plural_word(singular), *([f"{singular}s"] if singular.endswith("o") else [])}
    return last in _PAIRED or (mention.plural and last in plurals)


def _quantity(reading: Reading, mention: Mention) -> str:
    """Return the number before the mention, the noun of "a pile of" before it, or the "display" of "fresh apple on
    display"; "" if there is none.
    """
    at = _start_of_modifiers(reading, mention)
    words = [token.text for token in reading.tokens[:at]]
    if not words and [token.text for token in reading.tokens[mention.last + 1 :][:2]] == ["on", "display"]:
        return "display"
    if not words or reading.tokens[at].after_punctuation:
        return ""
    if words[-1] in _NUMBERS:
        # "A four engine airplane" is one.
        is_attribute = words[-2:-1] in (["a"], ["an"]) and words[-1] not in {"few", "dozen"}
        return "" if is_attribute else words[-1]
    return words[-2] if len(words) > 1 and words[-1] == "of" and words[-2] in _GROUPS | _CONTAINERS else ""


def _start_of_modifiers(reading: Reading, mention: Mention) -> int:
    """Return the index of the first adjective or modifying noun of the mention, else of the mention."""
    adjectives = ADJECTIVES | _MORE_ADJECTIVES
    modifiers = _modifying_words(reading)
    if mention.noun.kind == "person":
        # "On a street people walk".
        modifiers = frozenset()
    elif mention.noun.also_verb or mention.noun.kind == "group":
        # "A branch stretches", "a baby stares".
        modifiers, adjectives = frozenset(), adjectives - _ALSO_SUBJECTS
    at = mention.first
    while at and not reading.tokens[at].after_punctuation:
        word = reading.tokens[at - 1].text
        is_between_colors = (
            word == "and" and at > 1 and {reading.tokens[at - 2].text, reading.tokens[at].text} <= COLORS
        )
        if word in adjectives or is_between_colors:
            # A noun before the adjectives is another one: "a sink white tiles".
            modifiers = frozenset()
        elif word not in modifiers:
            break
        at -= 1
    return at


def _modifying_words(reading: Reading) -> frozenset[str]:
    """Return the words of nouns that modify others: "leather" in "leather boots", not "boy" in "a boy socks"."""
    modifiers = [mention for mention in reading.mentions if mention.role == "modifier"]
    return frozenset(
        token.text
        for mention in modifiers
        if mention.noun.kind not in {"animal", "group", "person"}
        for token in reading.tokens[mention.first : mention.last + 1]
    )


def _ends_noun_phrase(reading: Reading, mention: Mention) -> bool:
    """Return whether no noun follows that the mention could modify: "a sports car", "a pile of orange peel"."""
    last = reading.tokens[mention.last]
    if mention.role == "modifier" or last.possessive or reading.text[last.end : last.end + 1] == "-":
        return False
    is_color = mention.noun.text in COLORS and not mention.plural
    following = reading.tokens[mention.last + 1 :]
    if not following or following[0].after_punctuation:
        # "Two door, stainless steel refrigerator".
        return not following or mention.plural or last.text in _PAIRED
    word = following[0].text
    if word == "and":
        return not is_color
    # "A boys plays" has a verb, "a boys coat" none.
    is_verb = mention.plural and word.endswith("s") and not word.endswith("ss")
    return word in _AFTER_NOUN or is_verb or (word.endswith("ing") and len(word) > 4) or word.endswith("ed")


@cache
def _countable(*, after_container: bool) -> frozenset[str]:
    """Return the singular nouns of countable_nouns.txt."""
    contained, others = _FILE.read_text(encoding="ascii").split("\n#\n")
    lines = [line for line in contained.splitlines() if not line.startswith("#")]
    words = [*lines, *([] if after_container else others.splitlines())]
    return frozenset(word.replace("_", " ") for line in words for word in line.split())
