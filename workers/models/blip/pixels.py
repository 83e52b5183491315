"""Pictures as BLIP takes them: the whole of each, squashed to a square, as transformers' BlipImageProcessorPil does."""

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

# transformers' own defaults, for what a checkpoint's file leaves out.
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Preprocessor:
    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    resample: int = Image.Resampling.BICUBIC

    @classmethod
    def read(cls, folder: Path, side: int) -> "Preprocessor":
        """`side`: the one that the weights were made for. Raises ModelUnavailable."""
        path = folder / PREPROCESSOR
        try:
            told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            mean, deviation = told.get("image_mean", _MEAN), told.get("image_std", _DEVIATION)
            resample = int(told.get("resample", Image.Resampling.BICUBIC))
            return cls(side, tuple(map(float, mean)), tuple(map(float, deviation)), resample)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ModelUnavailable(f"{path} is damaged.") from error

    def __call__(self, batch: Sequence[Pixels]) -> Tensor:
        """(n, 3, side, side)."""
        how = Image.Resampling(self.resample)
        squashed = [Image.fromarray(picture).resize((self.side, self.side), how) for picture in batch]
        planes = torch.from_numpy(np.stack([np.asarray(picture) for picture in squashed])).permute(0, 3, 1, 2)
        scale = 255 * torch.tensor(self.deviation)[:, None, None]
        shift = torch.tensor(self.mean)[:, None, None] / torch.tensor(self.deviation)[:, None, None]
        return (planes.float() / scale - shift).contiguous()
