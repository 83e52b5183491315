"""Rerank the beams by the decoder's own order and the word detector's probabilities."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.models.text_decoder.beam_search import Hypothesis

# Weights of a word's log-odds beside a beam's rank, above and below even odds: the detector's misses outnumber the
# decoder's inventions. 1,000 validation images of Flickr8k: METEOR 21.6, CIDEr 58.8; with 0.03 for both 21.4 and
# 58.8; with 0 for both CIDEr 56.9.
DETECTED_WEIGHT, UNDETECTED_WEIGHT = 0.05, 0.01
# Bounds the log-odds, so that no single word decides.
_MIN_PROBABILITY = 1e-4


def rerank(beams: Sequence[Hypothesis], words: NDArray[np.float32], word_index: Mapping[int, int]) -> list[Hypothesis]:
    """Return the beams, best first. `words` (1000,): the detector's probabilities, at `word_index` of a token id."""
    probabilities = np.clip(words.astype(np.float64), _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    log_odds = np.log(probabilities / (1 - probabilities))
    bonus = np.where(log_odds > 0, DETECTED_WEIGHT, UNDETECTED_WEIGHT) * log_odds

    def score(beam: Hypothesis) -> float:
        detectable = {word_index[token] for token in beam.ids if token in word_index}
        return beam.rank + sum(float(bonus[index]) for index in sorted(detectable))

    return sorted(beams, key=score, reverse=True)
