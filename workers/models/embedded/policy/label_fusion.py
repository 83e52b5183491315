"""One sure label and the decoder's sentence come to agree.

Of two that contradict each other the surer wins, by a lead that depends on whether both could be true. The decoder
knows scenes and is often wrong about which thing it sees; the net knows a thousand things and no scene.
"""

from dataclasses import dataclass
from typing import Literal

from workers.english.grammar import indefinite_article, with_article
from workers.english.labels import Label
from workers.english.nouns import ADJECTIVES, ARTICLES, COLORS, Lexicon, Mention, Reading
from workers.models.embedded.policy.concepts import read_concepts
from workers.models.embedded.policy.label_captions import DOUBTFUL

# The least probability at which "a dog" becomes "a beagle"; below it an animal that wins is told by its wider word.
NARROW = 0.8
# How much surer than the sentence a label must be to win.
# Both name a thing of one kind, and the picture shows one: a cat or a dog.
LEAD_RIVAL = -0.1
# The sentence names one thing and no scene: a close up of a dog, for a guitar.
LEAD_OTHER = -0.2
# The label is something that stands beside such things: a mouse, for a laptop on a desk.
LEAD_COMPANION = 0.45
# The sentence tells of an animal in passing: the horse that a man rides becomes a zebra.
LEAD_IN_PASSING = 0.4
# One may stand in or before the other: a castle, for a dog.
LEAD_AROUND = 0.5
# The net has no class for what the sentence names: a giraffe.
LEAD_UNKNOWN = 0.5
# The sentence tells a scene; the label may be a detail of it.
LEAD_SCENE = 0.75
# Under this confidence a setting is as doubtful as its subject.
SURE_SETTING = 0.25

# Seldom two in one picture. Vehicles share streets, furniture shares rooms.
_ALONE = frozenset(("animal", "food", "drink", "instrument", "clothing", "weapon", "toy"))
_SCENES = frozenset(("place", "landscape", "event"))
_PLACES = _SCENES | frozenset(("building", "structure"))
_INDOOR = frozenset((
    "appliance", "container", "drink", "electronics", "food", "furniture", "household", "office", "tool",
))  # fmt: skip
# What acts cannot take another's verb: "a bird flying" never becomes "a dog flying".
_ACTING = frozenset(("animal", "vehicle"))

_ON_TABLES = frozenset((
    "accessory", "clothing", "container", "drink", "electronics", "food", "household", "instrument", "office",
    "tool", "toy",
))  # fmt: skip
_OUT_OF_DOORS = frozenset(("animal", "machine", "plant", "sport", "vehicle"))
_SOLD = frozenset(("container", "drink", "food"))
_PETS = frozenset(("cat", "dog"))
# Settings that are kept, with the kinds of things that are found in them.
_SETTINGS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("table", "counter", "desk", "shelf", "bed", "floor", "plate", "tray"), _ON_TABLES),
    **dict.fromkeys(("grass", "snow", "field", "ground", "sand", "beach", "street", "road"), _OUT_OF_DOORS),
    **dict.fromkeys(("grocery store", "grocery store shelf", "store shelf", "supermarket"), _SOLD),
}
_SETTINGS_OF_ALL = frozenset(("background", "backdrop"))
_SETTINGS_OF_PETS = frozenset(("bed", "couch", "floor", "rug", "sofa"))
_ALL_SETTINGS = _SETTINGS_OF_ALL | _SETTINGS_OF_PETS | _SETTINGS.keys()
_IN = frozenset(("against", "at", "in", "on"))
_LIKE_GOLD = frozenset(("blond", "blonde", "brown", "cream", "gold", "red", "tan", "white", "yellow"))
_SPECIES = [concept for concept in read_concepts() if concept.level == 1 and concept.kind == "animal"]

Outcome = Literal["named", "narrowed", "replaced", "added", "kept"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """`outcome`: the sentence "named" the label already, by its name, a synonym or a wider word; it was "narrowed" to
    the label's name, or "replaced" by the label. Where it stays as it was, the label is "added" as a detail, for the
    tags, or the sentence is "kept" against a label that nothing should tell.
    """

    sentence: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Case:
    """`name` is how the label is told: with this probability, a breed or a dog."""

    lexicon: Lexicon
    reading: Reading
    label: Label
    name: str
    confidence: float

    @property
    def subject(self) -> Mention | None:
        return next(iter(self.reading.things), None)

    @property
    def rival(self) -> Mention | None:
        """The one thing of the label's kind that the sentence names."""
        rivals = [thing for thing in self.reading.things if thing.noun.kind == self.label.kind]
        return rivals[0] if len(rivals) == 1 and rivals[0].role == "head" else None

    @property
    def has_people(self) -> bool:
        return any(thing.noun.kind == "person" for thing in self.reading.things)


def agreed(lexicon: Lexicon, sentence: str, confidence: float, label: Label, probability: float) -> Agreement:
    """`sentence` is in lower case without full stop, its `confidence` calibrated; `label` the one with a `probability`
    above a half. Never empty.
    """
    reading = lexicon.read(sentence)
    if not reading.tokens:
        return Agreement(with_article(label.name, label.number), "replaced")
    words = lexicon.words_of(label)
    if any(mention.noun.text in words.synonyms for mention in reading.mentions):
        return Agreement(sentence, "named")
    may_win = label.kind != "person" and label.name not in DOUBTFUL
    wide = [mention for mention in reading.mentions if mention.noun.text in words.hypernyms]
    if wide:
        narrowed = _narrowed(reading, wide, label) if may_win and probability >= NARROW else None
        return Agreement(narrowed, "narrowed") if narrowed else Agreement(sentence, "named")
    if not may_win:
        return Agreement(sentence, "kept")
    case = _Case(lexicon, reading, label, _told(label, probability), confidence)
    lead, outcome = _needed(case)
    if probability - confidence >= lead:
        return Agreement(_replaced(case), "replaced")
    return Agreement(sentence, outcome)


def _told(label: Label, probability: float) -> str:
    """As workers.models.embedded.policy.label_captions has it: a breed must be surer than a dog."""
    species = (concept.name for concept in _SPECIES if probability < NARROW and concept.covers(label))
    return next(species, label.name)


def _narrowed(reading: Reading, wide: list[Mention], label: Label) -> str | None:
    only = wide[0]
    kinds = {only.noun.kind, label.kind}
    # Of two kinds are the caps of a man and of a bottle.
    if len(wide) > 1 or only.plural or only.role != "head" or not (len(kinds) == 1 or kinds <= _PLACES):
        return None
    # "A tennis player hits the ball" has said enough.
    news = set(label.name.lower().split()) - set(only.noun.text.split()) - ADJECTIVES
    if news & {token.text for token in reading.tokens}:
        return None
    return _with_name(reading, only, label.name, label.number)


def _needed(case: _Case) -> tuple[float, Outcome]:
    """The lead with which the label wins, and what becomes of it without."""
    subject, rival = case.subject, case.rival
    if subject is None:
        return LEAD_OTHER, "added"
    known = case.lexicon.is_label((rival or subject).noun)
    if rival is subject and case.label.kind in _ALONE and not subject.plural:
        return LEAD_RIVAL if known else LEAD_UNKNOWN, "kept"
    if rival and case.label.kind == "animal" and case.reading.article_of(rival) is not None and not rival.plural:
        return LEAD_IN_PASSING if known else LEAD_UNKNOWN, "kept"
    kinds = {subject.noun.kind, case.label.kind}
    is_scene = subject.noun.kind in _SCENES and not kinds <= _PLACES
    if case.has_people or is_scene or not _is_bare(case):
        return LEAD_SCENE, "added"
    if not known:
        return LEAD_UNKNOWN, "added"
    if kinds & _PLACES and not kinds <= _PLACES:
        return LEAD_AROUND, "added"
    return LEAD_COMPANION if kinds <= _INDOOR or kinds <= _PLACES else LEAD_OTHER, "added"


def _is_bare(case: _Case) -> bool:
    """One thing, perhaps in a place or a setting."""
    setting = _setting(case)
    others = case.reading.things[1:-1] if setting else case.reading.things[1:]
    return all(other.noun.kind in _PLACES for other in others)


def _replaced(case: _Case) -> str:
    rival, label = case.rival, case.label
    number = label.number if case.name == label.name else "count"
    if rival and not rival.plural and _fits(case, rival):
        swapped = _with_name(case.reading, rival, case.name, number, drop_colours=True)
        if swapped:
            return swapped
    phrase = with_article(case.name, number)
    setting = _setting(case)
    if setting and case.confidence >= SURE_SETTING and _may_be(case.label, case.reading.things[-1].noun.text):
        return f"{phrase} {case.reading.text[setting:]}"
    return phrase


def _fits(case: _Case, rival: Mention) -> bool:
    """What the sentence says of the one can be said of the other."""
    label, after = case.label, case.reading.tokens[rival.last + 1 :][:1]
    is_sibling = rival.noun.parent == label.parent and label.parent in case.lexicon.words_of(label).hypernyms
    if rival is not case.subject or (is_sibling and label.parent != label.kind):
        return True
    return label.kind not in _ACTING and all(token.text in _IN for token in after) and _is_bare(case)


def _setting(case: _Case) -> int | None:
    """Where in the text a trailing "on a table" begins."""
    tokens, things = case.reading.tokens, case.reading.things
    last = things[-1] if len(things) > 1 else None
    if last is None or last.last != len(tokens) - 1 or last.noun.text not in _ALL_SETTINGS:
        return None
    inside = {place for other in case.reading.mentions for place in range(other.first, other.last + 1)}
    for place in range(last.first - 1, -1, -1):
        if tokens[place].text in _IN:
            return tokens[place].start
        if tokens[place].text not in ARTICLES | ADJECTIVES and place not in inside:
            return None
    return None


def _may_be(label: Label, place: str) -> bool:
    if label.parent in _PETS and place in _SETTINGS_OF_PETS:
        return True
    return place in _SETTINGS_OF_ALL or label.kind in _SETTINGS.get(place, ())


def _with_name(reading: Reading, mention: Mention, name: str, number: str, *, drop_colours: bool = False) -> str | None:
    """The sentence with the name for the noun; None where there is no article, or where the two disagree on colour."""
    start = reading.article_of(mention)
    if start is None:
        return None
    own = set(name.lower().replace("-", " ").split())
    dropped = set(own)
    adjectives = reading.tokens[start + 1 : mention.first]
    if _disagree({token.text for token in adjectives} & COLORS, own & COLORS):
        if not drop_colours:
            return None
        dropped |= COLORS | {"and"}
    phrase = f"{_between(reading, start, mention.first, dropped)} {name}".strip()
    if reading.tokens[start].text == "the":
        phrase = f"the {phrase}"
    elif number == "count":
        phrase = f"{indefinite_article(phrase)} {phrase}"
    return reading.text[: reading.tokens[start].start] + phrase + reading.text[reading.tokens[mention.last].end :]


def _disagree(said: set[str], own: set[str]) -> bool:
    """A black bear is not brown; a golden retriever may be."""
    return bool(own and said - own - (_LIKE_GOLD if "golden" in own else set()))


def _between(reading: Reading, start: int, end: int, dropped: set[str]) -> str:
    """The adjectives after the article; as they were written where none is dropped."""
    kept = [token for token in reading.tokens[start + 1 : end] if token.text not in dropped]
    if len(kept) == end - start - 1:
        return reading.text[reading.tokens[start].end : reading.tokens[end].start].strip()
    return " ".join(reading.text[token.start : token.end] for token in kept)
