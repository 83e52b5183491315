"""Preprocess an image for the backbone: the whole image, resized to a square."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from workers.models.embedded.vision.backbone import GRID_SIDE, INPUT_SIDE


def preprocess(image: Image.Image) -> Tensor:
    """Return (1, 3, 260, 260), about -1..1, for an RGB image of any size."""
    resized = np.asarray(image.resize((INPUT_SIDE, INPUT_SIDE), Image.Resampling.BICUBIC), dtype=np.float32)
    planes = torch.from_numpy((resized - 127.0) / 128.0).permute(2, 0, 1)[None]
    return planes.contiguous(memory_format=torch.channels_last)


def cell_colors(image: Image.Image) -> NDArray[np.uint8]:
    """Return (81, 12): the mean color of each quarter of each grid cell, which deep features do not keep."""
    side = 2 * GRID_SIDE
    small = np.asarray(image.resize((side, side), Image.Resampling.BOX))
    cells = small.reshape(GRID_SIDE, 2, GRID_SIDE, 2, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(cells).reshape(GRID_SIDE**2, 12)
