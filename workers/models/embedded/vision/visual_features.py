"""What the decoder is shown of the backbone, and the detector of content words on it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.models.embedded.vision.backbone import POOLED_CHANNELS, TOP_CELLS, TOP_CHANNELS, TRUNK_CHANNELS, Backbone

CELLS = TOP_CELLS**2
COLORS = 12
CELL_CHANNELS = TOP_CHANNELS + TRUNK_CHANNELS + COLORS
DETECTED_WORDS = 1000


@dataclass(slots=True)
class Glance:
    """`grid` (n, 81, 352), `coarse` (n, 81, 120), what the trunk said in the cells of the grid, `pooled` (n, 2, 1280),
    mean and maximum, and `labels` (n, 1000) logits.
    """

    grid: Tensor
    coarse: Tensor
    pooled: Tensor
    labels: Tensor


def glance(backbone: Backbone, planes: Tensor) -> Glance:
    """Of (n, 3, 260, 260) in -1..1."""
    mid = backbone.trunk(planes)
    grid = backbone.top(mid)
    wide = backbone.head.wide(grid)
    mean = wide.mean((2, 3))
    coarse = functional.avg_pool2d(mid, 2, ceil_mode=True)
    pooled = torch.stack([mean, wide.amax((2, 3))], dim=1)
    return Glance(_by_cell(grid), _by_cell(coarse), pooled, backbone.head.labels(mean))


def _by_cell(planes: Tensor) -> Tensor:
    return planes.flatten(2).transpose(1, 2)


class Detector(nn.Module):
    """Which of the thousand content words belong to the picture: (n, 2, 1280) pooled to logits."""

    def __init__(self) -> None:
        super().__init__()
        # A layer norm over both would drown the means, which are small beside the maxima.
        self.register_buffer("middle", torch.zeros(2 * POOLED_CHANNELS))
        self.register_buffer("spread", torch.ones(2 * POOLED_CHANNELS))
        self.layers = nn.Sequential(
            nn.Dropout(0.3),
            nn.Linear(2 * POOLED_CHANNELS, 384),
            nn.GELU(),
            nn.Dropout(0.3),
            nn.Linear(384, DETECTED_WORDS),
        )

    middle: Tensor
    spread: Tensor

    def forward(self, pooled: Tensor) -> Tensor:
        answer: Tensor = self.layers((pooled.flatten(1) - self.middle) / self.spread)
        return answer


def cells(grid: Tensor, coarse: Tensor, colors: Tensor) -> Tensor:
    """(n, 81, 352), (n, 81, 120) and (n, 81, 12) of 0..255 to (n, 81, 484)."""
    return torch.cat([grid, coarse, (colors - 127.5) / 64], dim=2)
