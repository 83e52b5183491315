"""The loaded network of one process, with the predictions of the last batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from workers.english.labels import read_labels
from workers.imaging.blank import has_detail
from workers.models.base import Caption, Pixels, Tag
from workers.models.embedded.calibration import detector_support
from workers.models.embedded.decoder_input import BEAMS
from workers.models.embedded.label_tags import LabelTagger
from workers.models.embedded.network import DecodedSentence, EncodedImage, Network
from workers.models.embedded.weights import FOLDER
from workers.models.evidence import Evidence
from workers.models.last_batch import LastBatchCache


@dataclass(frozen=True, slots=True)
class ImagePrediction:
    """`labels` (1000,) and `words` (1000,): probabilities; `sentence` with its calibrated `confidence`; `evidence`."""

    labels: NDArray[np.float32]
    words: NDArray[np.float32]
    sentence: str
    confidence: float
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def captions(self) -> list[Caption]:
        """Return the decoder's sentence, or none; workers.composing checks it against the evidence."""
        return [Caption(self.sentence, round(self.confidence, 3))] if self.sentence else []


BLANK = ImagePrediction(np.zeros(1000, dtype=np.float32), np.zeros(1000, dtype=np.float32), "", 0.0)


class EmbeddedInference:
    def __init__(self, threads: int | None = None, folder: Path = FOLDER) -> None:
        """Raises what Network raises."""
        if threads is not None:
            torch.set_num_threads(threads)
        # An image without detail produces denormals, which make depthwise convolutions many times slower on x86.
        torch.set_flush_denormal(True)
        self.network = Network(folder)
        self._last = LastBatchCache[list[ImagePrediction]]()
        config = self.network.config
        content = [self.network.detokenize([token]) for token in config.content]
        self._tagger = LabelTagger(read_labels(), content)
        self._word_index = {word: index for index, word in enumerate(content)}
        self.revision = f"{config.revision}+{self.network.revision}"
        self.options = {"beams": BEAMS}

    def predict(self, batch: Sequence[Pixels]) -> list[ImagePrediction]:
        """Return a prediction for each image; a second call with the same batch reuses the first one's."""
        if (cached := self._last.get(batch)) is not None:
            return cached
        images = [self.network.encode(pixels) for pixels in batch]
        sentences = self.network.decode(images) if images else []
        predictions = [
            self._prediction(image, sentence) if has_detail(pixels) else BLANK
            for pixels, image, sentence in zip(batch, images, sentences, strict=True)
        ]
        return self._last.put(batch, predictions)

    def tags(self, prediction: ImagePrediction) -> list[Tag]:
        return self._tagger.tags(prediction.labels, prediction.words)

    def _prediction(self, image: EncodedImage, sentence: DecodedSentence) -> ImagePrediction:
        confidence = self._confidence(sentence, image.words)
        return ImagePrediction(image.labels, image.words, sentence.text, confidence, image.evidence)

    def _confidence(self, sentence: DecodedSentence, words: NDArray[np.float32]) -> float:
        support = detector_support(sentence.text, words, self._word_index)
        return self.network.config.calibration(sentence.score, support)
