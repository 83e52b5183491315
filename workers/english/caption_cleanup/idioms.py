"""Usage that captioners learn from hurried captions: "a zebra that is standing", "laying on a bed"."""

import re

from workers.english.grammar import join_with_and, with_article
from workers.english.lexicon import read_sentence
from workers.english.nouns import COLORS

# What stands in kitchens and bathrooms is listed without commas: "a toilet sink and a mirror".
_FIXTURE = r"(?:bathtub|dishwasher|microwave|oven|refrigerator|shower|sink|stove|toilet)"
_LIST = re.compile(rf"\b{_FIXTURE}(?: {_FIXTURE})+\b(?P<more>(?=.* and ))?")
# "Stove top oven" and "microwave oven" are one thing.
_COMPOUND = re.compile(r"\bmicrowave oven\b")
_LYING = r"(?= (?:across|against|at|beside|by|down|in|inside|near|next|on|over|under)\b|$)"
# What nothing stands on top of.
_GROUND = r"(?:beach|court|field|floor|grass|lake|meadow|path|road|sand|sidewalk|street|tracks?)"
_WORD = r"(?!(?:an?|and|at|by|for|in|is|of|on|or|that|the|to|with)\b)[\w-]+"
_REPLACEMENTS = [
    (re.compile(r" (?:that|which|who) (?:is|are) (?=[a-z]+ing\b|on |in |at )"), " "),
    (re.compile(r" (?:that|which) (?:has|have) (?=an?\b|some\b|\w+s\b)"), " with "),
    (re.compile(rf"\b(l)aying{_LYING}"), r"\1ying"),
    (re.compile(rf"\b(is|are|was|were) laid{_LYING}"), r"\1 lying"),
    (re.compile(rf"(?<=[a-z] )lays{_LYING}"), "lies"),
    (re.compile(r"\boff of\b"), "off"),
    (re.compile(r" with (?:his|her|its|their) (?:arms?|eyes|feet|hands?|heads?|legs?)$"), ""),
    (re.compile(rf"\bon top of (?=(?:an?|the) (?:[\w-]+ ){{0,3}}{_GROUND}\b)"), "on "),
    (re.compile(r"\bt[ -]shirt"), "T-shirt"),
    (re.compile(rf"( with an? {_WORD}(?: {_WORD})?) (?=an? {_WORD}(?: {_WORD})?$)"), r"\1 and "),
]
_COLORS = re.compile(rf"\b(?:{'|'.join(sorted(COLORS))}) and (?:{'|'.join(sorted(COLORS))})\b")
_EACH_OTHER = re.compile(r" (?:next to|beside|in front of|behind|around|with|near) each other\b")
_SEVERAL = frozenset((
    "audience", "band", "bunch", "choir", "couple", "crowd", "family", "pair", "people", "row", "sheep",
    "team",
))  # fmt: skip


def correct_idioms(text: str) -> str:
    """Return the caption in plain usage; "each other" of a single subject is left out."""
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    text = _LIST.sub(_listed, text)
    mutual = _EACH_OTHER.search(text)
    return _EACH_OTHER.sub("", text) if mutual and _is_single(text[: mutual.start()]) else text


def _listed(found: re.Match[str]) -> str:
    if _COMPOUND.fullmatch(found[0]):
        return found[0]
    first, *others = found[0].split()
    words = [first, *(with_article(word, "count") for word in others)]
    return ", ".join(words) if found["more"] is not None else join_with_and(words)


def _is_single(before: str) -> bool:
    """Return whether the words before "each other" name no several things: no plural, no group, no two."""
    reading = read_sentence(before)
    is_several = any(
        mention.plural or mention.noun.kind == "group" or mention.noun.text in _SEVERAL for mention in reading.mentions
    )
    return bool(reading.mentions) and not is_several and " and " not in _COLORS.sub("", before)
