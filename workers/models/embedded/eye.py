"""The tuned half of the eye: a top of its own on the frozen trunk, and the detector of content words."""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.models.embedded.backbone import POOLED_CHANNELS, TOP_CELLS, TOP_CHANNELS, TRUNK_CHANNELS, Backbone

CELLS = TOP_CELLS**2
COLORS = 12
CELL_CHANNELS = TOP_CHANNELS + TRUNK_CHANNELS + COLORS
DETECTED_WORDS = 1000


@dataclass(slots=True)
class Glance:
    """`grid` (n, 352, 9, 9), `pooled` (n, 1280), `words` (n, 1000) logits."""

    grid: Tensor
    pooled: Tensor
    words: Tensor


class Detector(nn.Module):
    """Which of the thousand content words belong to the picture: (n, 2560), mean and maximum pooled, to logits."""

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
        answer: Tensor = self.layers((pooled - self.middle) / self.spread)
        return answer


class Eye(nn.Module):
    """What the trunk said, (n, 120, 17, 17), to a glance."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.top = deepcopy(backbone.top)
        self.wide = deepcopy(backbone.head.wide)
        self.detector = Detector()

    def forward(self, mid: Tensor) -> Glance:
        grid = self.top(mid)
        wide = self.wide(grid)
        pooled = wide.mean((2, 3))
        return Glance(grid, pooled, self.detector(torch.cat([pooled, wide.amax((2, 3))], dim=1)))


def coarse(mid: Tensor) -> Tensor:
    """(n, 120, 17, 17) to (n, 81, 120): what the trunk said, in the cells of the grid."""
    return functional.avg_pool2d(mid, 2, ceil_mode=True).flatten(2).transpose(1, 2)


def cells(grid: Tensor, coarse_mid: Tensor, colors: Tensor) -> Tensor:
    """(n, 81, 352), (n, 81, 120) and (n, 81, 12) of 0..255 to (n, 81, 484)."""
    return torch.cat([grid, coarse_mid, (colors - 127.5) / 64], dim=2)
