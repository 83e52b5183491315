"""Choose the caption and the tags of an image from the decoder's sentence, the labels and the detected words."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.english.grammar import singularize
from workers.english.labels import Label
from workers.english.nouns import Lexicon, Noun
from workers.models.base import Caption, Tag
from workers.models.embedded.policy.concepts import ConceptMembership
from workers.models.embedded.policy.evidence import Evidence
from workers.models.embedded.policy.label_captions import DOUBTFUL, captions_of, tags_of
from workers.models.embedded.policy.label_fusion import fuse_label
from workers.models.embedded.policy.people_fallback import PeopleFallback

# A label above it is right in 96 of 100 single-object photographs.
CONFIDENT_LABEL = 0.5
# Below this probability of its nouns a setting is cut, where a label of MIN_LABEL names the thing in it.
MIN_SETTING = 0.15
MIN_LABEL = 0.2
SETTING = re.compile(r" (sitting )?(on|in|at) ")
# Below it more sentences are wrong than right.
MIN_CONFIDENCE = 0.33
MIN_TAG_WORD = 0.5


@dataclass(frozen=True, slots=True)
class ImagePrediction:
    """`labels` (1000,) and `words` (1000,): probabilities; `sentence` with its calibrated `confidence`."""

    labels: NDArray[np.float32]
    words: NDArray[np.float32]
    sentence: str
    confidence: float


class CaptionPolicy:
    """`content`: the detected words in the detector's order."""

    def __init__(self, labels: list[Label], content: list[str]) -> None:
        self._labels = labels
        self._membership = ConceptMembership(labels)
        self._lexicon = Lexicon(labels)
        detected_nouns = {index: found for index, word in enumerate(content) if (found := self._noun(word))}
        self._people_fallback = PeopleFallback(detected_nouns, self._membership.concept_number("person"))
        self._nouns = {index: singularize(content[index]) for index in detected_nouns}
        self._evidence = Evidence(labels, self._lexicon, self._nouns)

    def captions(self, prediction: ImagePrediction) -> list[Caption]:
        """Return one sentence or phrase, or none."""
        return (
            self._fused_caption(prediction) or self._sentence_caption(prediction) or self._fallback_caption(prediction)
        )

    def _fused_caption(self, prediction: ImagePrediction) -> list[Caption]:
        """Return the sentence fused with a confident label that it names or that replaces it."""
        confident = self._confident_label(prediction)
        if confident is None or not prediction.sentence:
            return []
        fusion = fuse_label(self._lexicon, prediction.sentence, prediction.confidence, *confident)
        if fusion.outcome == "replaced":
            return [Caption(fusion.sentence, round(confident[1], 3))]
        if fusion.outcome in {"named", "narrowed"}:
            sentence = self._without_undetected_setting(fusion.sentence, prediction)
            return [self._named_caption(sentence, prediction.confidence, confident[1])]
        return []

    def _named_caption(self, sentence: str, confidence: float, probability: float) -> Caption:
        """Raise the confidence by the label's: fully where the sentence names one thing, else by half."""
        is_alone = len(self._lexicon.read(sentence).things) < 2
        label_confidence = probability if is_alone else (confidence + probability) / 2
        return Caption(sentence, round(max(confidence, label_confidence), 3))

    def _sentence_caption(self, prediction: ImagePrediction) -> list[Caption]:
        if not prediction.sentence or prediction.confidence < MIN_CONFIDENCE or self._is_contradicted(prediction):
            return []
        sentence = self._without_undetected_setting(prediction.sentence, prediction)
        return [Caption(sentence, round(prediction.confidence, 3))]

    def _is_contradicted(self, prediction: ImagePrediction) -> bool:
        return self._evidence.contradicts(self._lexicon.read(prediction.sentence), prediction.labels, prediction.words)

    def _fallback_caption(self, prediction: ImagePrediction) -> list[Caption]:
        """Return a phrase from the labels and the sentence's people."""
        people = self._people_fallback.detect(self._lexicon.read(prediction.sentence), prediction.words)
        return captions_of(self._membership, prediction.labels, people)

    def _without_undetected_setting(self, sentence: str, prediction: ImagePrediction) -> str:
        """Cut "in front of a building" after a thing that a label names, where no building is detected."""
        reading = self._lexicon.read(sentence)
        things = reading.things
        index = int(prediction.labels.argmax())
        words = self._lexicon.words_of(self._labels[index])
        if len(things) < 2 or prediction.labels[index] < MIN_LABEL:
            return sentence
        if things[0].noun.text not in words.all:
            return sentence
        rest = sentence[reading.tokens[things[0].last].end :]
        if not SETTING.match(rest):
            return sentence
        probabilities = (self._evidence.word_probability(thing.noun.text, prediction.words) for thing in things[1:])
        is_detected = any(probability >= MIN_SETTING for probability in probabilities)
        return sentence if is_detected else sentence.removesuffix(rest)

    def tags(self, prediction: ImagePrediction) -> list[Tag]:
        tags = {tag.text: tag for tag in tags_of(self._membership, prediction.labels)}
        confident = self._confident_label(prediction)
        if confident is not None and confident[0].name not in tags:
            label, probability = confident
            own = Tag(label.name, round(probability, 3), label.kind, label.hypernym, label.number)
            tags = {own.text: own, **tags}
        for index in np.argsort(-prediction.words, kind="stable").tolist():
            if prediction.words[index] < MIN_TAG_WORD:
                break
            noun = self._nouns.get(index)
            if noun is not None:
                # Without a kind, so that workers.composing puts it into no sentence.
                tags.setdefault(noun, Tag(noun, round(float(prediction.words[index]), 3)))
        return list(tags.values())

    def _confident_label(self, prediction: ImagePrediction) -> tuple[Label, float] | None:
        index = int(prediction.labels.argmax())
        label, probability = self._labels[index], float(prediction.labels[index])
        if probability <= CONFIDENT_LABEL or label.kind == "person" or label.name in DOUBTFUL:
            return None
        return label, probability

    def _noun(self, word: str) -> Noun | None:
        """Return the word's noun, unless it names a group or a part."""
        mentions = self._lexicon.read(f"a {word}").mentions
        noun = mentions[0].noun if len(mentions) == 1 else None
        return noun if noun and noun.kind not in {"group", "part"} else None
