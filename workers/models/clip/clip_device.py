"""CLIP on the best device."""

from pathlib import Path
from typing import Any

from workers.models.checkpoints import checkpoint
from workers.models.clip.encoder import MODEL_TYPE, Clip


class AutoDeviceClip(Clip):
    """Chooses device and precision at `load`; before that no torch is needed."""

    def __init__(self, folder: Path, *, precision: str = "auto", **options: Any) -> None:
        super().__init__(folder, **options)
        self._precision = precision

    def load(self) -> None:
        checkpoint.require(self.folder, MODEL_TYPE)
        with checkpoint.packages_of("CLIP"):
            from workers.models.precision import prepare
        processor, precision = prepare(self._precision, threads=self._threads, name="CLIP")
        # fp32 takes a tenth of BLIP's time: int8 would save little and change the tags.
        self.dtype, self.device = "bf16" if precision == "bf16" else "fp32", processor.device
        super().load()
