"""Loaded once a process: the network, what it last saw, and who tells of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from workers.english.labels import read_labels
from workers.models.base import Pixels
from workers.models.blank_image import has_detail
from workers.models.embedded.calibration import support
from workers.models.embedded.decoder_input import BEAMS
from workers.models.embedded.network import DecodedSentence, Network
from workers.models.embedded.policy.caption_policy import Seen, Teller
from workers.models.embedded.weights import FOLDER
from workers.models.last_batch import LastBatchCache

NOTHING = Seen(np.zeros(1000, dtype=np.float32), np.zeros(1000, dtype=np.float32), "", 0.0)


class Sight:
    def __init__(self, threads: int | None = None, folder: Path = FOLDER) -> None:
        """Raises what Network raises."""
        if threads is not None:
            torch.set_num_threads(threads)
        # Denormals of a picture without detail make the depthwise layers many times slower on x86.
        torch.set_flush_denormal(True)
        self.network = Network(folder)
        self._last = LastBatchCache[list[Seen]]()
        config = self.network.config
        content = [self.network.text([token]) for token in config.content]
        self.teller = Teller(read_labels(), content)
        self._places = {word: place for place, word in enumerate(content)}
        self.revision = f"{config.revision}+{self.network.revision}"
        self.options = {"beams": BEAMS}

    def see(self, batch: Sequence[Pixels]) -> list[Seen]:
        """The second of two successive calls with the same pictures is free."""
        if (known := self._last.get(batch)) is not None:
            return known
        looks = [self.network.look(pixels) for pixels in batch]
        told = self.network.tell(looks) if looks else []
        seen = [
            Seen(look.labels, look.words, told.text, self._confidence(told, look.words))
            if has_detail(pixels)
            else NOTHING
            for pixels, look, told in zip(batch, looks, told, strict=True)
        ]
        return self._last.put(batch, seen)

    def _confidence(self, told: DecodedSentence, words: NDArray[np.float32]) -> float:
        return self.network.config.calibration(told.score, support(told.text, words, self._places))
