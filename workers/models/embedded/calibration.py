"""Calibrate a sentence's confidence from the decoder's likelihood and the word detector's support."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of a sentence without any word of the detector.
NO_WORD_SUPPORT = -3.0
MIN_PROBABILITY = 1e-3


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic regression on `score`, the mean token log-probability, and `support`. The fields are config.json's."""

    score: float
    support: float
    offset: float

    def __call__(self, score: float, support: float) -> float:
        """Return the expected share of correct captions, 0..1."""
        return 1 / (1 + math.exp(-(self.score * score + self.support * support + self.offset)))


def detector_support(sentence: str, words: NDArray[np.float32], word_index: Mapping[str, int]) -> float:
    """Return the mean log-probability of the sentence's words in `words` (1000,), the detector's probabilities."""
    detectable = [float(words[word_index[word]]) for word in sentence.split() if word in word_index]
    if not detectable:
        return NO_WORD_SUPPORT
    return sum(math.log(probability + MIN_PROBABILITY) for probability in detectable) / len(detectable)
