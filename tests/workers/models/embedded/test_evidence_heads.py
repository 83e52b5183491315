"""From logits to evidence: wider nouns are as probable as their narrower ones together."""

import math

import pytest
import torch

from workers.models.embedded.evidence_heads import EvidenceCalibrator, HeadCalibration
from workers.models.evidence import KINDS, PEOPLE, Evidence

CALIBRATION = HeadCalibration(1.0, 1.0, (1.0, 0.0), (1.0, 0.0), (1.0, 0.0))
NOUNS = ["plant", "flower", "lily", "tiger lily", "rose", "blossom"]
# "Flower" and "blossom" are synonyms.
WIDER = [[], [0, 5], [0, 1, 5], [0, 1, 2, 5], [0, 1, 5], [0, 1]]


def found(**main: float) -> Evidence:
    calibrator = EvidenceCalibrator(NOUNS, WIDER, CALIBRATION)
    probabilities = [main.get(noun.replace(" ", "_"), 0.0001) for noun in NOUNS]
    logits = torch.tensor([math.log(value / (1 - value)) for value in probabilities])
    return calibrator.evidence(torch.zeros(len(KINDS)), torch.zeros(len(PEOPLE)), torch.zeros(1), logits, logits)


def main_of(evidence: Evidence, noun: str) -> float:
    item = evidence.find(noun)
    return item.main if item else 0.0


def test_several_narrower_nouns_make_a_wider_one_more_probable() -> None:
    evidence = found(lily=0.3, rose=0.4)

    assert main_of(evidence, "flower") == pytest.approx(1 - 0.7 * 0.6, abs=1e-3)
    assert main_of(evidence, "plant") == pytest.approx(1 - 0.7 * 0.6, abs=1e-3)


def test_a_noun_between_is_not_counted_beside_its_narrower_one() -> None:
    evidence = found(lily=0.3, tiger_lily=0.5)

    assert main_of(evidence, "lily") == pytest.approx(0.5, abs=1e-3)
    assert main_of(evidence, "flower") == pytest.approx(0.5, abs=1e-3)


def test_of_synonyms_one_counts() -> None:
    evidence = found(flower=0.4, blossom=0.4)

    assert main_of(evidence, "plant") == pytest.approx(0.4, abs=1e-3)


def test_a_wider_noun_that_is_surer_by_itself_stays_so() -> None:
    assert main_of(found(flower=0.9, rose=0.2), "flower") == pytest.approx(0.9, abs=1e-3)
