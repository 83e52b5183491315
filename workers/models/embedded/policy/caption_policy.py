"""What is told of a picture: the decoder's sentence, the sure label, the detected words, and who gives way to whom."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.english.grammar import singularize
from workers.english.labels import Label
from workers.english.nouns import Lexicon, Noun
from workers.models.base import Caption, Tag
from workers.models.embedded.policy.concepts import Vocabulary
from workers.models.embedded.policy.evidence import Witnesses
from workers.models.embedded.policy.label_captions import DOUBTFUL, captions_of, tags_of
from workers.models.embedded.policy.label_fusion import agreed
from workers.models.embedded.policy.people_fallback import Someone

# A label above it is right in 96 of 100 single-object photographs.
SURE = 0.5
# A setting whose nouns the detector sees less than this is not told of a thing that a label names.
LEAST_SETTING = 0.15
LEAST_LABEL = 0.2
SETTING = re.compile(r" (sitting )?(on|in|at) ")
# Of the sentences below it more are wrong than right: better a modest word that is true.
LEAST_CONFIDENCE = 0.33
# The least probability of a detected word that becomes a tag.
LEAST_WORD = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """`labels` (1000,) and `words` (1000,) probabilities; `sentence` with its calibrated `confidence`."""

    labels: NDArray[np.float32]
    words: NDArray[np.float32]
    sentence: str
    confidence: float


class Teller:
    """`content`: the detected words in the detector's order."""

    def __init__(self, labels: list[Label], content: list[str]) -> None:
        self._labels = labels
        self._vocabulary = Vocabulary(labels)
        self._lexicon = Lexicon(labels)
        detected = {number: found for number, word in enumerate(content) if (found := self._noun(word))}
        self._someone = Someone(detected, self._vocabulary.concept_number("person"))
        self._nouns = {number: singularize(content[number]) for number in detected}
        self._witnesses = Witnesses(labels, self._lexicon, self._nouns)

    def captions(self, seen: Seen) -> list[Caption]:
        """One sentence or phrase, or none where nothing is sure."""
        return self._agreed(seen) or self._believed(seen) or self._modest(seen)

    def _agreed(self, seen: Seen) -> list[Caption]:
        """Where one label is sure, and the sentence names it or gives way to it."""
        sure = self._sure_label(seen)
        if sure is None or not seen.sentence:
            return []
        agreement = agreed(self._lexicon, seen.sentence, seen.confidence, *sure)
        if agreement.outcome == "replaced":
            return [Caption(agreement.sentence, round(sure[1], 3))]
        if agreement.outcome in {"named", "narrowed"}:
            return [self._named(self._grounded(agreement.sentence, seen), seen.confidence, sure[1])]
        return []

    def _named(self, sentence: str, confidence: float, probability: float) -> Caption:
        """Where the thing is all that is told, the label vouches for it; of anything more, for a part."""
        is_alone = len(self._lexicon.read(sentence).things) < 2
        vouched = probability if is_alone else (confidence + probability) / 2
        return Caption(sentence, round(max(confidence, vouched), 3))

    def _believed(self, seen: Seen) -> list[Caption]:
        """The sentence, unless it is doubtful or the witnesses speak against it."""
        if not seen.sentence or seen.confidence < LEAST_CONFIDENCE or self._is_refuted(seen):
            return []
        return [Caption(self._grounded(seen.sentence, seen), round(seen.confidence, 3))]

    def _is_refuted(self, seen: Seen) -> bool:
        return self._witnesses.refute(self._lexicon.read(seen.sentence), seen.labels, seen.words)

    def _modest(self, seen: Seen) -> list[Caption]:
        """What the labels say together, and who is in the picture."""
        people = self._someone.of(self._lexicon.read(seen.sentence), seen.words)
        return captions_of(self._vocabulary, seen.labels, people)

    def _grounded(self, sentence: str, seen: Seen) -> str:
        """Without "in front of a building" after a thing that a label names, where nobody sees a building."""
        reading = self._lexicon.read(sentence)
        things = reading.things
        number = int(seen.labels.argmax())
        words = self._lexicon.words_of(self._labels[number])
        if len(things) < 2 or seen.labels[number] < LEAST_LABEL or things[0].noun.text not in words.all:
            return sentence
        rest = sentence[reading.tokens[things[0].last].end :]
        if not SETTING.match(rest):
            return sentence
        is_seen = any(self._witnesses.sight_of(thing.noun.text, seen.words) >= LEAST_SETTING for thing in things[1:])
        return sentence if is_seen else sentence.removesuffix(rest)

    def tags(self, seen: Seen) -> list[Tag]:
        tags = {tag.text: tag for tag in tags_of(self._vocabulary, seen.labels)}
        sure = self._sure_label(seen)
        if sure is not None and sure[0].name not in tags:
            label, probability = sure
            own = Tag(label.name, round(probability, 3), label.kind, label.hypernym, label.number)
            tags = {own.text: own, **tags}
        for number in np.argsort(-seen.words, kind="stable").tolist():
            if seen.words[number] < LEAST_WORD:
                break
            noun = self._nouns.get(number)
            if noun is not None:
                # Without a kind: compose makes no sentence of it.
                tags.setdefault(noun, Tag(noun, round(float(seen.words[number]), 3)))
        return list(tags.values())

    def _sure_label(self, seen: Seen) -> tuple[Label, float] | None:
        number = int(seen.labels.argmax())
        label, probability = self._labels[number], float(seen.labels[number])
        if probability <= SURE or label.kind == "person" or label.name in DOUBTFUL:
            return None
        return label, probability

    def _noun(self, word: str) -> Noun | None:
        """If it is one that can be searched for."""
        mentions = self._lexicon.read(f"a {word}").mentions
        noun = mentions[0].noun if len(mentions) == 1 else None
        return noun if noun and noun.kind not in {"group", "part"} else None
