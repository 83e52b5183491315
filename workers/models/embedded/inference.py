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
    """`labels` (1000,) and `words` (1000,): probabilities; `captions`: the decoder's sentences, best first, each with
    its calibrated confidence, which workers.composing checks against the `evidence`.
    """

    labels: NDArray[np.float32]
    words: NDArray[np.float32]
    captions: list[Caption] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)


BLANK = ImagePrediction(np.zeros(1000, dtype=np.float32), np.zeros(1000, dtype=np.float32))


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
            self._prediction(image, own) if has_detail(pixels) else BLANK
            for pixels, image, own in zip(batch, images, sentences, strict=True)
        ]
        return self._last.put(batch, predictions)

    def evidence(self, batch: Sequence[Pixels]) -> list[Evidence]:
        """Return the evidence alone, without decoding sentences, unless the batch was predicted before."""
        if (cached := self._last.get(batch)) is not None:
            return [prediction.evidence for prediction in cached]
        return [self.network.encode(pixels).evidence if has_detail(pixels) else BLANK.evidence for pixels in batch]

    def tags(self, prediction: ImagePrediction) -> list[Tag]:
        return self._tagger.tags(prediction.labels, prediction.words)

    def _prediction(self, image: EncodedImage, sentences: Sequence[DecodedSentence]) -> ImagePrediction:
        captions = [
            Caption(sentence.text, round(self._confidence(sentence, image.words), 3))
            for sentence in sentences
            if sentence.text
        ]
        return ImagePrediction(image.labels, image.words, captions, image.evidence)

    def _confidence(self, sentence: DecodedSentence, words: NDArray[np.float32]) -> float:
        support = detector_support(sentence.text, words, self._word_index)
        return self.network.config.calibration(sentence.score, support)
