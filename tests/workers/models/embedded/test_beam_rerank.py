"""Of the beams one is told."""

import numpy as np

from workers.models.embedded.beam_rerank import chosen
from workers.models.text_decoder.beam_search import Hypothesis


def test_of_the_beams_the_one_is_told_that_the_detector_sees() -> None:
    cat, dog = Hypothesis((1, 7), -0.9, -0.50), Hypothesis((1, 8), -0.9, -0.52)
    nothing, sees_dogs = np.full(2, 0.5, np.float32), np.array([0.1, 0.9], np.float32)
    assert chosen([cat, dog], nothing, {7: 0, 8: 1}) is cat
    assert chosen([cat, dog], sees_dogs, {7: 0, 8: 1}) is dog
    assert chosen([cat, dog], sees_dogs, {}) is cat


def test_a_word_that_is_not_seen_counts_less_than_one_that_is() -> None:
    """The longer sentence tells of two things, of which one is seen and one is as surely not."""
    short, long = Hypothesis((1,), -0.9, -0.50), Hypothesis((1, 7, 8), -0.9, -0.55)
    assert chosen([short, long], np.array([0.9, 0.1], np.float32), {7: 0, 8: 1}) is long
    assert chosen([short, long], np.array([0.1, 0.1], np.float32), {7: 0, 8: 1}) is short
