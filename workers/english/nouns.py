"""Find nouns (nouns.tsv) and the words for labels (label_names.tsv) in captions.

Tables and word order suffice for the limited English of captions, without a part-of-speech tagger.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from workers.english.grammar import singularize
from workers.english.labels import Label
from workers.english.tokens import Token, normalized, tokenize

NOUNS_FILE = Path(__file__).with_name("nouns.tsv")
LABEL_NAMES_FILE = Path(__file__).with_name("label_names.tsv")

ARTICLES = frozenset(("a", "an", "the"))
COLORS = frozenset((
    "beige", "black", "blond", "blonde", "blue", "brown", "cream", "gold", "golden", "gray", "green", "grey", "khaki",
    "lavender", "magenta", "maroon", "multicolored", "navy", "olive", "orange", "pink", "purple", "red", "silver",
    "tan", "teal", "turquoise", "violet", "white", "yellow",
))  # fmt: skip
ADJECTIVES = COLORS | frozenset((
    "adult", "baby", "big", "cold", "colored", "colorful", "colourful", "covered", "curly", "cute", "dark", "dirty",
    "dry", "eared", "fat", "female", "floppy", "fluffy", "furry", "grassy", "haired", "hot", "huge", "inflatable",
    "large", "legged", "light", "little", "long", "male", "medium", "metal", "old", "open", "painted", "plain",
    "plastic", "ripe", "rusty", "shaggy", "shiny", "short", "sleeping", "sliced", "small", "snowy", "spotted", "steel",
    "stone", "striped", "stuffed", "tall", "tiny", "vintage", "wet", "wild", "wood", "wooden", "young",
))  # fmt: skip
_BEFORE_VERB = frozenset(("to", "who", "that", "which", "he", "she", "it", "they", "then", "also"))
_IRREGULAR = {
    "calves": "calf", "children": "child", "feet": "foot", "geese": "goose", "glasses": "glass", "knives": "knife",
    "leaves": "leaf", "loaves": "loaf", "men": "man", "mice": "mouse", "oxen": "ox", "people": "person",
    "scarves": "scarf", "shelves": "shelf", "teeth": "tooth", "wolves": "wolf", "women": "woman",
}  # fmt: skip
# "A bowl of soup", "a couple of dogs".
_PARTITIVE_BEFORE_OF = frozenset(("clothing", "container", "household", "person"))

# Columns of label_names.tsv.
_FIELDS = {"same": "synonyms", "wider": "hypernyms"}

Role = Literal["head", "modifier", "owner"]


@dataclass(frozen=True, slots=True)
class Noun:
    """`text` is lower case, its words separated by blanks: "t shirt"."""

    text: str
    kind: str
    parent: str
    also_verb: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """A noun at tokens `first` to `last`. "A dog's toy car" has owner, modifier and head."""

    noun: Noun
    first: int
    last: int
    plural: bool
    role: Role = "head"


@dataclass(frozen=True)
class Reading:
    text: str
    tokens: Sequence[Token]
    mentions: Sequence[Mention]

    @cached_property
    def things(self) -> list[Mention]:
        """The objects, subject first: soup in "a bowl of soup", dog in "a dog's face"."""
        return [mention for mention in self.mentions if mention.role != "modifier" and not self._is_partitive(mention)]

    def _is_partitive(self, mention: Mention) -> bool:
        after = self.tokens[mention.last + 1].text if mention.last + 1 < len(self.tokens) else ""
        return mention.noun.kind in {"group", "part"} or (after == "of" and mention.noun.kind in _PARTITIVE_BEFORE_OF)

    def article_of(self, mention: Mention) -> int | None:
        """Return the token index of the noun's article, or None."""
        for index in range(mention.first - 1, -1, -1):
            token = self.tokens[index]
            if self.tokens[index + 1].after_punctuation:
                return None
            if token.text in ARTICLES:
                return index
            if not (_is_adjective(token) or _is_and_between_colors(self.tokens, index)):
                return None
        return None


@dataclass(frozen=True, slots=True)
class LabelWords:
    synonyms: frozenset[str] = frozenset()
    hypernyms: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        return self.synonyms | self.hypernyms


def read_nouns(path: Path = NOUNS_FILE) -> list[Noun]:
    return [Noun(normalized(row["noun"]), row["kind"], row["parent"], "verb" in row["said_as"]) for row in _rows(path)]


def read_label_names(path: Path = LABEL_NAMES_FILE) -> dict[str, LabelWords]:
    """Return words by label name, "parent:dog" or "kind:animal"."""
    names: dict[str, LabelWords] = {}
    for row in _rows(path):
        found = frozenset(map(normalized, row["words"].split("; ")))
        words = names.get(row["label"], LabelWords())
        names[row["label"]] = replace(words, **{_FIELDS[row["how"]]: found})
    return names


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


class Lexicon:
    """The nouns of the tables and the words of each label."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self._names = read_label_names()
        self._nouns = {noun.text: noun for noun in read_nouns()}
        self._people = frozenset(noun.text for noun in self._nouns.values() if noun.kind == "person")
        broad = {word for key, words in self._names.items() if key.startswith("kind:") for word in words.all}
        self._of_labels = {word for label in labels for word in self.words_of(label).all} - broad
        for label in labels:
            for text in sorted(self.words_of(label).all):
                self._nouns.setdefault(text, Noun(text, label.kind, label.parent))
        self._longest = max(text.count(" ") + 1 for text in self._nouns)

    def words_of(self, label: Label) -> LabelWords:
        if label.kind == "person":
            return LabelWords(self._people)
        keys = (label.name, f"parent:{label.parent}", f"kind:{label.kind}")
        found = [self._names.get(key, LabelWords()) for key in keys]
        synonyms = frozenset((normalized(label.name),)).union(*(words.synonyms for words in found))
        hypernyms = frozenset((label.hypernym,)).union(*(words.hypernyms for words in found))
        return LabelWords(synonyms, hypernyms - synonyms - {""})

    def is_label(self, noun: Noun) -> bool:
        """Return whether the noun names a label of the backbone; giraffe does not."""
        return noun.text in self._of_labels

    def read(self, sentence: str) -> Reading:
        tokens = tokenize(sentence)
        found: list[Mention] = []
        index = 0
        while index < len(tokens):
            mention = self._mention_at(tokens, index)
            if mention is None or _is_verb(tokens, mention, found):
                index += 1
            else:
                found.append(mention)
                index = mention.last + 1
        return Reading(sentence, tokens, _with_roles(tokens, found))

    def _mention_at(self, tokens: Sequence[Token], index: int) -> Mention | None:
        """Return the longest noun at this token, such as "hot dog"."""
        for size in range(min(self._longest, len(tokens) - index), 0, -1):
            *stem, last = tokens[index : index + size]
            if any(token.after_punctuation for token in tokens[index + 1 : index + size]):
                continue
            for form in _base_forms(last.text):
                noun = self._nouns.get(" ".join([*(token.text for token in stem), form]))
                # "A men's shirt" mentions no person.
                if noun and not (last.possessive and noun.kind == "person" and form != last.text):
                    return Mention(noun, index, index + size - 1, form != last.text)
        return None


def _base_forms(word: str) -> Iterator[str]:
    """Yield candidate lemmas; "glasses" may be one."""
    yield word
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    yield singularize(word)
    for ending in ("s", "es"):
        if word.endswith(ending):
            yield word.removesuffix(ending)


def _is_verb(tokens: Sequence[Token], mention: Mention, found: Sequence[Mention]) -> bool:
    """Return whether it is a verb: "people watch", "a boy sits and fishes"."""
    if not mention.noun.also_verb or mention.first == 0 or tokens[mention.first].after_punctuation:
        return False
    before = tokens[mention.first - 1]
    last = found[-1] if found else None
    if before.text == "and":
        return last is None or last.last != mention.first - 2
    if last is None or last.last != mention.first - 1 or before.possessive:
        return before.text in _BEFORE_VERB or before.text.endswith("ly")
    return last.noun.kind in {"person", "animal"} or last.plural != mention.plural


def _with_roles(tokens: Sequence[Token], found: Sequence[Mention]) -> list[Mention]:
    begins = {mention.first for mention in found}
    mentions = []
    for mention in found:
        index = mention.last + 1
        while index < len(tokens) and not tokens[index].after_punctuation and index not in begins:
            if not (_is_adjective(tokens[index]) or _is_and_between_colors(tokens, index)):
                break
            index += 1
        role: Role = "modifier" if index in begins and not tokens[index].after_punctuation else "head"
        mentions.append(replace(mention, role="owner" if tokens[mention.last].possessive else role))
    return mentions


def _is_adjective(token: Token) -> bool:
    return token.text in ADJECTIVES or (token.possessive and token.text in _IRREGULAR)


def _is_and_between_colors(tokens: Sequence[Token], index: int) -> bool:
    around = [token.text for token in tokens[max(index - 1, 0) : index + 2]]
    return len(around) == 3 and around[1] == "and" and {around[0], around[2]} <= COLORS
