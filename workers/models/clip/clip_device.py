"""CLIP where the processor is best at it."""

from pathlib import Path
from typing import Any

from workers.models.checkpoints import checkpoint
from workers.models.clip.encoder import KIND, Clip


class PlacedClip(Clip):
    """Device and numbers are chosen at `load`: a process that only asks for its models' names needs no torch."""

    def __init__(self, folder: Path, *, precision: str = "auto", **how: Any) -> None:
        super().__init__(folder, **how)
        self._precision = precision

    def load(self) -> None:
        checkpoint.require(self.folder, KIND)
        from workers.models.precision import choose, processor

        here = processor()
        precision = choose(self._precision, here, name="CLIP")
        # A picture in fp32 takes CLIP a tenth of BLIP's time: int8 would save little and move the tags.
        self.dtype, self.device = "bf16" if precision == "bf16" else "fp32", here.device
        super().load()
