import numpy as np

from workers.models.embedded.beam_rerank import rerank
from workers.models.text_decoder.beam_search import Hypothesis


def test_it_prefers_the_beam_whose_word_is_detected() -> None:
    cat, dog = Hypothesis((1, 7), -0.9, -0.50), Hypothesis((1, 8), -0.9, -0.52)
    even_odds, dog_detected = np.full(2, 0.5, np.float32), np.array([0.1, 0.9], np.float32)
    assert rerank([cat, dog], even_odds, {7: 0, 8: 1}) == [cat, dog]
    assert rerank([cat, dog], dog_detected, {7: 0, 8: 1}) == [dog, cat]
    assert rerank([cat, dog], dog_detected, {}) == [cat, dog]


def test_an_undetected_word_weighs_less_than_a_detected_one() -> None:
    """The longer beam has two words, one as probably present as the other is absent."""
    short, long = Hypothesis((1,), -0.9, -0.50), Hypothesis((1, 7, 8), -0.9, -0.55)
    assert rerank([short, long], np.array([0.9, 0.1], np.float32), {7: 0, 8: 1}) == [long, short]
    assert rerank([short, long], np.array([0.1, 0.1], np.float32), {7: 0, 8: 1}) == [short, long]
