"""Fuse one confident label with the decoder's sentence.

If they contradict each other, the more probable is kept, by a lead that depends on whether both could be true.
"""

from dataclasses import dataclass
from typing import Literal

from workers.english.grammar import indefinite_article, with_article
from workers.english.labels import Label
from workers.english.nouns import ADJECTIVES, ARTICLES, COLORS, Lexicon, Mention, Reading
from workers.models.embedded.policy.concepts import read_concepts
from workers.models.embedded.policy.label_captions import DOUBTFUL

# The least probability at which "a dog" becomes "a beagle"; below it an animal is named by its wider word.
NARROW = 0.8
# The lead in probability over the sentence's confidence at which a label replaces it.
# Both name a thing of one kind, and the image has one: a cat or a dog.
LEAD_SAME_KIND = -0.1
# The sentence names one thing and no scene: a close up of a dog, for a guitar.
LEAD_OTHER = -0.2
# The label is often beside such things: a mouse, for a laptop on a desk.
LEAD_COMPANION = 0.45
# The animal is not the sentence's subject: the horse that a man rides becomes a zebra.
LEAD_SECONDARY_ANIMAL = 0.4
# One may be in or in front of the other: a castle, for a dog.
LEAD_AROUND = 0.5
# No label exists for what the sentence names: a giraffe.
LEAD_UNLABELLED = 0.5
# The sentence describes a scene; the label may be a detail of it.
LEAD_SCENE = 0.75
# Below this confidence a setting is dropped with its subject.
CONFIDENT_SETTING = 0.25

# Kinds of which an image seldom has two.
_EXCLUSIVE = frozenset(("animal", "food", "drink", "instrument", "clothing", "weapon", "toy"))
_SCENES = frozenset(("place", "landscape", "event"))
_PLACES = _SCENES | frozenset(("building", "structure"))
_INDOOR = frozenset((
    "appliance", "container", "drink", "electronics", "food", "furniture", "household", "office", "tool",
))  # fmt: skip
# Kinds whose verb does not transfer: "a bird flying" never becomes "a dog flying".
_ACTIVE = frozenset(("animal", "vehicle"))

_ON_TABLES = _INDOOR - {"appliance", "furniture"} | {"accessory", "clothing", "instrument", "toy"}
_OUTDOOR = frozenset(("animal", "machine", "plant", "sport", "vehicle"))
_SOLD = frozenset(("container", "drink", "food"))
_PETS = frozenset(("cat", "dog"))
# Settings that are kept, with the kinds of things in them.
_SETTINGS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("table", "counter", "desk", "shelf", "bed", "floor", "plate", "tray"), _ON_TABLES),
    **dict.fromkeys(("grass", "snow", "field", "ground", "sand", "beach", "street", "road"), _OUTDOOR),
    **dict.fromkeys(("grocery store", "grocery store shelf", "store shelf", "supermarket"), _SOLD),
}
_SETTINGS_OF_ALL = frozenset(("background", "backdrop"))
_SETTINGS_OF_PETS = frozenset(("bed", "couch", "floor", "rug", "sofa"))
_ALL_SETTINGS = _SETTINGS_OF_ALL | _SETTINGS_OF_PETS | _SETTINGS.keys()
_IN = frozenset(("against", "at", "in", "on"))
_LIKE_GOLD = frozenset(("blond", "blonde", "brown", "cream", "gold", "red", "tan", "white", "yellow"))
_SPECIES = [concept for concept in read_concepts() if concept.level == 1 and concept.kind == "animal"]

FusionOutcome = Literal["named", "narrowed", "replaced", "added", "kept"]


@dataclass(frozen=True, slots=True)
class LabelFusion:
    """`outcome`: the sentence "named" the label already, or a synonym or wider word, was "narrowed" to its name, or
    "replaced" by it. Of an unchanged sentence: the label is "added" to the tags, or dropped and the sentence "kept".
    """

    sentence: str
    outcome: FusionOutcome


@dataclass(frozen=True, slots=True)
class _Conflict:
    """A sentence and the label it does not name; `name`: the label's or its wider word."""

    lexicon: Lexicon
    reading: Reading
    label: Label
    name: str
    confidence: float

    @property
    def subject(self) -> Mention | None:
        return next(iter(self.reading.things), None)

    @property
    def same_kind(self) -> Mention | None:
        """The sentence's only thing of the label's kind."""
        things = [thing for thing in self.reading.things if thing.noun.kind == self.label.kind]
        return things[0] if len(things) == 1 and things[0].role == "head" else None

    @property
    def has_people(self) -> bool:
        return any(thing.noun.kind == "person" for thing in self.reading.things)


def fuse_label(lexicon: Lexicon, sentence: str, confidence: float, label: Label, probability: float) -> LabelFusion:
    """Return the sentence, changed where the label is more probable; never empty.

    `sentence`: lower case without full stop, its `confidence` calibrated; `label` has a `probability` above a half.
    """
    reading = lexicon.read(sentence)
    if not reading.tokens:
        return LabelFusion(with_article(label.name, label.number), "replaced")
    words = lexicon.words_of(label)
    if any(mention.noun.text in words.synonyms for mention in reading.mentions):
        return LabelFusion(sentence, "named")
    may_replace = label.kind != "person" and label.name not in DOUBTFUL
    wide = [mention for mention in reading.mentions if mention.noun.text in words.hypernyms]
    if wide:
        narrowed = _narrowed(reading, wide, label) if may_replace and probability >= NARROW else None
        return LabelFusion(narrowed, "narrowed") if narrowed else LabelFusion(sentence, "named")
    if not may_replace:
        return LabelFusion(sentence, "kept")
    conflict = _Conflict(lexicon, reading, label, _label_name(label, probability), confidence)
    lead, outcome = _required_lead(conflict)
    if probability - confidence >= lead:
        return LabelFusion(_replaced(conflict), "replaced")
    return LabelFusion(sentence, outcome)


def _label_name(label: Label, probability: float) -> str:
    species = (concept.name for concept in _SPECIES if probability < NARROW and concept.covers(label))
    return next(species, label.name)


def _narrowed(reading: Reading, wide: list[Mention], label: Label) -> str | None:
    only = wide[0]
    kinds = {only.noun.kind, label.kind}
    # A wider word may be of two kinds: the caps of a man and of a bottle.
    if len(wide) > 1 or only.plural or only.role != "head" or not (len(kinds) == 1 or kinds <= _PLACES):
        return None
    # "A tennis player hits the ball" contains the label's words already.
    news = set(label.name.lower().split()) - set(only.noun.text.split()) - ADJECTIVES
    if news & {token.text for token in reading.tokens}:
        return None
    return _substitute(reading, only, label.name, label.number)


def _required_lead(conflict: _Conflict) -> tuple[float, FusionOutcome]:
    """Return the lead at which the label replaces the sentence, and the outcome below it."""
    subject, same_kind = conflict.subject, conflict.same_kind
    if subject is None:
        return LEAD_OTHER, "added"
    has_label = conflict.lexicon.is_label((same_kind or subject).noun)
    if same_kind is subject and conflict.label.kind in _EXCLUSIVE and not subject.plural:
        return LEAD_SAME_KIND if has_label else LEAD_UNLABELLED, "kept"
    has_article = same_kind is not None and conflict.reading.article_of(same_kind) is not None
    if same_kind and conflict.label.kind == "animal" and has_article and not same_kind.plural:
        return LEAD_SECONDARY_ANIMAL if has_label else LEAD_UNLABELLED, "kept"
    kinds = {subject.noun.kind, conflict.label.kind}
    is_scene = subject.noun.kind in _SCENES and not kinds <= _PLACES
    if conflict.has_people or is_scene or not _is_bare(conflict):
        return LEAD_SCENE, "added"
    if not has_label:
        return LEAD_UNLABELLED, "added"
    if kinds & _PLACES and not kinds <= _PLACES:
        return LEAD_AROUND, "added"
    return LEAD_COMPANION if kinds <= _INDOOR or kinds <= _PLACES else LEAD_OTHER, "added"


def _is_bare(conflict: _Conflict) -> bool:
    """Return whether it is one thing, perhaps in a place or a setting."""
    setting = _setting(conflict)
    others = conflict.reading.things[1:-1] if setting else conflict.reading.things[1:]
    return all(other.noun.kind in _PLACES for other in others)


def _replaced(conflict: _Conflict) -> str:
    same_kind, label = conflict.same_kind, conflict.label
    number = label.number if conflict.name == label.name else "count"
    if same_kind and not same_kind.plural and _is_substitutable(conflict, same_kind):
        swapped = _substitute(conflict.reading, same_kind, conflict.name, number, drop_colors=True)
        if swapped:
            return swapped
    phrase = with_article(conflict.name, number)
    setting = _setting(conflict)
    if (
        setting
        and conflict.confidence >= CONFIDENT_SETTING
        and _fits_setting(conflict.label, conflict.reading.things[-1].noun.text)
    ):
        return f"{phrase} {conflict.reading.text[setting:]}"
    return phrase


def _is_substitutable(conflict: _Conflict, same_kind: Mention) -> bool:
    """Return whether the label can take the mention's place in the sentence."""
    label, after = conflict.label, conflict.reading.tokens[same_kind.last + 1 :][:1]
    is_sibling = same_kind.noun.parent == label.parent and label.parent in conflict.lexicon.words_of(label).hypernyms
    if same_kind is not conflict.subject or (is_sibling and label.parent != label.kind):
        return True
    return label.kind not in _ACTIVE and all(token.text in _IN for token in after) and _is_bare(conflict)


def _setting(conflict: _Conflict) -> int | None:
    """Return the offset of a trailing "on a table" in the text."""
    tokens, things = conflict.reading.tokens, conflict.reading.things
    last = things[-1] if len(things) > 1 else None
    if last is None or last.last != len(tokens) - 1 or last.noun.text not in _ALL_SETTINGS:
        return None
    inside = {place for other in conflict.reading.mentions for place in range(other.first, other.last + 1)}
    for place in range(last.first - 1, -1, -1):
        if tokens[place].text in _IN:
            return tokens[place].start
        if tokens[place].text not in ARTICLES | ADJECTIVES and place not in inside:
            return None
    return None


def _fits_setting(label: Label, place: str) -> bool:
    if label.parent in _PETS and place in _SETTINGS_OF_PETS:
        return True
    return place in _SETTINGS_OF_ALL or label.kind in _SETTINGS.get(place, ())


def _substitute(reading: Reading, mention: Mention, name: str, number: str, *, drop_colors: bool = False) -> str | None:
    """Replace the noun by the name; None without an article or with contradicting colors."""
    start = reading.article_of(mention)
    if start is None:
        return None
    own = set(name.lower().replace("-", " ").split())
    dropped = set(own)
    adjectives = reading.tokens[start + 1 : mention.first]
    if _colors_conflict({token.text for token in adjectives} & COLORS, own & COLORS):
        if not drop_colors:
            return None
        dropped |= COLORS | {"and"}
    phrase = f"{_between(reading, start, mention.first, dropped)} {name}".strip()
    if reading.tokens[start].text == "the":
        phrase = f"the {phrase}"
    elif number == "count":
        phrase = f"{indefinite_article(phrase)} {phrase}"
    return reading.text[: reading.tokens[start].start] + phrase + reading.text[reading.tokens[mention.last].end :]


def _colors_conflict(colors: set[str], own: set[str]) -> bool:
    """A black bear is not brown; a golden retriever may be."""
    return bool(own and colors - own - (_LIKE_GOLD if "golden" in own else set()))


def _between(reading: Reading, start: int, end: int, dropped: set[str]) -> str:
    """Return the adjectives after the article, verbatim where none is dropped."""
    kept = [token for token in reading.tokens[start + 1 : end] if token.text not in dropped]
    if len(kept) == end - start - 1:
        return reading.text[reading.tokens[start].end : reading.tokens[end].start].strip()
    return " ".join(reading.text[token.start : token.end] for token in kept)
