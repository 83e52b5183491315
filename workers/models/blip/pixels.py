"""BLIP's preprocessing, equal to transformers' BlipImageProcessorPil."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from workers.models.base import ModelUnavailable, Pixels
from workers.models.checkpoints.checkpoint import PREPROCESSOR

# transformers' defaults.
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Preprocessor:
    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    resample: int = Image.Resampling.BICUBIC

    @classmethod
    def read(cls, folder: Path, side: int) -> "Preprocessor":
        """Read the settings; `side` is the input size of the weights. Raises ModelUnavailable."""
        path = folder / PREPROCESSOR
        try:
            settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            mean, deviation = settings.get("image_mean", _MEAN), settings.get("image_std", _DEVIATION)
            resample = int(settings.get("resample", Image.Resampling.BICUBIC))
            return cls(side, tuple(map(float, mean)), tuple(map(float, deviation)), resample)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ModelUnavailable(f"{path} is damaged.") from error

    def __call__(self, batch: Sequence[Pixels]) -> Tensor:
        """Squash to (n, 3, side, side) and normalize."""
        resample = Image.Resampling(self.resample)
        resized = [Image.fromarray(image).resize((self.side, self.side), resample) for image in batch]
        planes = torch.from_numpy(np.stack([np.asarray(image) for image in resized])).permute(0, 3, 1, 2)
        scale = 255 * torch.tensor(self.deviation)[:, None, None]
        shift = torch.tensor(self.mean)[:, None, None] / torch.tensor(self.deviation)[:, None, None]
        return (planes.float() / scale - shift).contiguous()
