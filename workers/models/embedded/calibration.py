"""How sure a sentence is: the decoder's own likelihood, and whether the detector sees what it tells of."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of a sentence none of whose words the detector knows.
UNKNOWN_SUPPORT = -3.0
LEAST_PROBABILITY = 1e-3


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic curve over `score`, the mean log-probability of the tokens, and the detector's `support`."""

    score: float
    support: float
    offset: float

    def __call__(self, score: float, support: float) -> float:
        """The share of such captions that are right, 0..1."""
        return 1 / (1 + math.exp(-(self.score * score + self.support * support + self.offset)))


def support(sentence: str, words: NDArray[np.float32], places: Mapping[str, int]) -> float:
    """Mean log-probability, by the detector, of the sentence's words that it knows; `places` says where each is."""
    known = [float(words[places[word]]) for word in sentence.split() if word in places]
    if not known:
        return UNKNOWN_SUPPORT
    return sum(math.log(probability + LEAST_PROBABILITY) for probability in known) / len(known)
