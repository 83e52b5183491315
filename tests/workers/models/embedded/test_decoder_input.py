"""The slots of the decoder's input that evidence fills."""

import pytest

pytest.importorskip("torch")

from workers.models.embedded.decoder_input import MAIN_NOUNS, NOUN_SLOTS, WORDS_PER_NOUN, noun_slots
from workers.models.evidence import Evidence, NounEvidence

TOKENS = {"dog": [11], "hot air balloon": [21, 22, 23], "grass": [31], "sky": [41], "noise": [51]}


def slots(*nouns: NounEvidence) -> tuple[list[int], list[float]]:
    ids, probabilities = noun_slots(Evidence(nouns=nouns), TOKENS.__getitem__)
    assert len(ids) == len(probabilities) == NOUN_SLOTS
    return ids.tolist(), [round(float(p), 2) for p in probabilities]


def test_main_nouns_come_first_the_surest_at_the_front() -> None:
    ids, probabilities = slots(NounEvidence("grass", 0.1, 0.9), NounEvidence("dog", 0.8, 0.9))
    assert ids[:4] == [11, 0, 31, 0]
    assert probabilities[:4] == [0.8, 0.0, 0.1, 0.0]


def test_a_noun_that_is_only_present_has_a_later_slot() -> None:
    ids, probabilities = slots(NounEvidence("dog", 0.8, 0.9), NounEvidence("sky", 0.01, 0.6))
    first = MAIN_NOUNS * WORDS_PER_NOUN
    assert (ids[first], probabilities[first]) == (41, 0.6)
    assert ids[2:first] == [0] * (first - 2)


def test_a_long_noun_keeps_its_last_tokens() -> None:
    ids, _ = slots(NounEvidence("hot air balloon", 0.5, 0.5))
    assert ids[:2] == [22, 23]


def test_nouns_without_evidence_leave_the_slots_empty() -> None:
    ids, probabilities = slots(NounEvidence("noise", 0.01, 0.05))
    assert ids == [0] * NOUN_SLOTS
    assert probabilities == [0.0] * NOUN_SLOTS
