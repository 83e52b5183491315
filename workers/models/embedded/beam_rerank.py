"""Which of the beams is told: the decoder's own order, and how much of each sentence the detector sees."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.models.text_decoder.beam_search import Hypothesis

# What a word's log-odds count beside a sentence's rank: of those that are rather seen than not, and of the others,
# which the detector has more often missed than the decoder made up. 1,000 validation pictures of Flickr8k: METEOR
# 21.6 and CIDEr 58.8; with 0.03 for both 21.4 and 58.8; with neither CIDEr 56.9.
SEEN, UNSEEN = 0.05, 0.01
# No single word decides: beyond these odds the detector is as good as certain.
_EDGE = 1e-4


def chosen(sentences: Sequence[Hypothesis], words: NDArray[np.float32], places: Mapping[int, int]) -> Hypothesis:
    """`words` (1000,): probabilities of the detector; `places`: token id → which of them it is."""
    sure = np.clip(words.astype(np.float64), _EDGE, 1 - _EDGE)
    odds = np.log(sure / (1 - sure))
    worths = np.where(odds > 0, SEEN, UNSEEN) * odds

    def worth(sentence: Hypothesis) -> float:
        said = {places[token] for token in sentence.ids if token in places}
        return sentence.rank + sum(float(worths[place]) for place in sorted(said))

    return max(sentences, key=worth)
