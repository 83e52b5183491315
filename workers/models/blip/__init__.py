"""The BLIP captioner: any checkpoint folder of transformers' BlipForConditionalGeneration."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workers.english.caption_cleanup import clean_candidate, content_similarity
from workers.models.base import Caption, Captioner, Pixels
from workers.models.blip.options import BlipOptions
from workers.models.checkpoints import checkpoint

if TYPE_CHECKING:
    from workers.models.blip.model import Blip

# CLIP's time grows with each.
MAX_CANDIDATES = 4
_DUPLICATE_SIMILARITY = 0.99


class BlipCaptioner(Captioner):
    requires_caption = True
    name: str = ""
    revision: str = ""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        revision: str = "",
        threads: int | None = None,
        precision: str = "auto",
        options: BlipOptions | None = None,
    ) -> None:
        """A given `revision` saves hashing the weights. `threads` applies to the whole process.

        `precision`: auto, fp32, bf16 or int8.
        """
        self._folder, self._threads, self._precision = folder, threads, precision
        self._generation, self._weights_revision = options or BlipOptions(), revision
        self.name = name or folder.name
        self._blip: Blip | None = None
        self._device = ""

    @property
    def device(self) -> str:
        return self._device

    def load(self) -> None:
        """Raises ModelUnavailable, and ValueError for an unsupported precision."""
        if self._blip is not None:
            return
        # Before torch is imported.
        checkpoint.require(self._folder, "blip")
        with checkpoint.packages_of("BLIP"):
            from workers.models.blip.model import Blip
            from workers.models.precision import prepare
        processor, precision = prepare(self._precision, threads=self._threads, name="BLIP")
        self._device = processor.description
        self._blip = Blip(self._folder, precision, processor, self._generation)
        # Captions may depend on the precision.
        self.revision = f"{self._weights_revision or checkpoint.revision(self._folder)}+{precision}"

    def unload(self) -> None:
        self._blip = None

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        if self._blip is None:
            raise RuntimeError("load() comes first")
        return [
            candidates(
                [
                    (prompt, sentence.text, sentence.score)
                    for prompt, sentences in zip(self._generation.prompts, of_image, strict=True)
                    for sentence in sentences
                ]
            )
            for of_image in self._blip.caption(batch)
        ]


def candidates(sentences: Sequence[tuple[str, str, float]]) -> list[Caption]:
    """Clean up and deduplicate (prompt, text, mean log-probability); best first, at most MAX_CANDIDATES."""
    kept: list[Caption] = []
    for prompt, text, score in sorted(sentences, key=lambda sentence: -sentence[2]):
        cleaned = clean_candidate(text, prompt)
        if cleaned and all(content_similarity(cleaned, other.text) < _DUPLICATE_SIMILARITY for other in kept):
            kept.append(Caption(cleaned, round(math.exp(min(score, 0.0)), 4)))
    return kept[:MAX_CANDIDATES]
