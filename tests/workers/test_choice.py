"""Of the beams one is told."""

import numpy as np

from workers.models.embedded.choice import chosen
from workers.models.sentences.beams import Sentence


def test_of_the_beams_the_one_is_told_that_the_detector_sees() -> None:
    cat, dog = Sentence((1, 7), -0.9, -0.50), Sentence((1, 8), -0.9, -0.52)
    nothing, sees_dogs = np.full(2, 0.5, np.float32), np.array([0.1, 0.9], np.float32)
    assert chosen([cat, dog], nothing, {7: 0, 8: 1}) is cat
    assert chosen([cat, dog], sees_dogs, {7: 0, 8: 1}) is dog
    assert chosen([cat, dog], sees_dogs, {}) is cat
