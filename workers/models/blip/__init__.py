"""BLIP: sentences for pictures. Any checkpoint of transformers' BlipForConditionalGeneration, by folder."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workers.english.guards import alike, guarded
from workers.models.base import Caption, Captioner, ModelUnavailable, Pixels
from workers.models.blip.options import Style
from workers.models.checkpoints import checkpoint

if TYPE_CHECKING:
    from workers.models.blip.model import Blip

# More would cost CLIP more than they bring.
CANDIDATES = 4
_SAME = 0.99


class BlipCaptioner(Captioner):
    must_speak = True

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        revision: str = "",
        threads: int | None = None,
        precision: str = "auto",
        style: Style | None = None,
    ) -> None:
        """`revision`, where it is known already, saves hashing the weights. `threads` are torch's, for the whole
        process. `precision`: auto, fp32, bf16 or int8.
        """
        self._folder, self._threads, self._precision = folder, threads, precision
        self._style, self._known = style or Style(), revision
        self.name, self.revision = name or folder.name, ""
        self._blip: Blip | None = None

    def load(self) -> None:
        """Raises ValueError, too, for a precision that the processor has not."""
        if self._blip is not None:
            return
        # Before anything heavy is imported.
        checkpoint.require(self._folder, "blip")
        try:
            import torch

            from workers.models.blip.model import Blip
            from workers.models.precision import choose, processor
        except ImportError as error:
            raise ModelUnavailable(f"BLIP lacks the package {error.name}; run bin/setup.") from error
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        here = processor()
        precision = choose(self._precision, here, name="BLIP")
        self._blip = Blip(self._folder, precision, here, self._style)
        # The same weights in other numbers may find other words.
        self.revision = f"{self._known or checkpoint.revision(self._folder)}+{precision}"

    def unload(self) -> None:
        self._blip = None

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        if self._blip is None:
            raise RuntimeError("load() comes first")
        told = self._blip.sentences(batch)
        return [
            candidates(
                [
                    (prompt, sentence.text, sentence.score)
                    for prompt, sentences in zip(self._style.prompts, views, strict=True)
                    for sentence in sentences
                ]
            )
            for views in told
        ]


def candidates(told: Sequence[tuple[str, str, float]]) -> list[Caption]:
    """Of (prompt, text, mean log-probability): what the guards leave, the surest first, no two that say the same; at
    most CANDIDATES.
    """
    kept: list[Caption] = []
    for prompt, text, score in sorted(told, key=lambda sentence: -sentence[2]):
        line = guarded(text, prompt)
        if line and all(alike(line, other.text) < _SAME for other in kept):
            kept.append(Caption(line, round(math.exp(min(score, 0.0)), 4)))
    return kept[:CANDIDATES]
