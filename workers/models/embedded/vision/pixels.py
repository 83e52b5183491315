"""A picture as the network takes it: the whole of it, squashed to a square."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from workers.models.embedded.vision.backbone import SIDE, TOP_CELLS


def normalised(picture: Image.Image) -> Tensor:
    """(1, 3, 260, 260), about -1..1, for any size of RGB picture."""
    squashed = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float32)
    planes = torch.from_numpy((squashed - 127.0) / 128.0).permute(2, 0, 1)[None]
    return planes.contiguous(memory_format=torch.channels_last)


def cell_colors(picture: Image.Image) -> NDArray[np.uint8]:
    """(81, 12): the mean colour of each quarter of each cell of the grid, since deep features forget colours."""
    side = 2 * TOP_CELLS
    small = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
    cells = small.reshape(TOP_CELLS, 2, TOP_CELLS, 2, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(cells).reshape(TOP_CELLS**2, 12)
