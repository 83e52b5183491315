"""Visual features of the backbone for the decoder, and the word detector on them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.models.embedded.vision.backbone import GRID_SIDE, POOLED_CHANNELS, TOP_CHANNELS, TRUNK_CHANNELS, Backbone

GRID_CELLS = GRID_SIDE**2
COLOR_CHANNELS = 12
CELL_CHANNELS = TOP_CHANNELS + TRUNK_CHANNELS + COLOR_CHANNELS
DETECTED_WORDS = 1000


@dataclass(slots=True)
class VisualFeatures:
    """`grid` (n, 81, 352); `coarse` (n, 81, 120): the trunk's output on the grid; `pooled` (n, 2, 1280): mean and
    maximum; `texture` (n, 240): mean and standard deviation of the trunk's channels, which tell drawn from
    photographed; `labels` (n, 1000): logits.
    """

    grid: Tensor
    coarse: Tensor
    pooled: Tensor
    texture: Tensor
    labels: Tensor


def extract_visual_features(backbone: Backbone, planes: Tensor) -> VisualFeatures:
    """`planes` (n, 3, 260, 260) in -1..1."""
    mid = backbone.trunk(planes)
    grid = backbone.top(mid)
    wide = backbone.head.wide(grid)
    mean = wide.mean((2, 3))
    coarse = functional.avg_pool2d(mid, 2, ceil_mode=True)
    pooled = torch.stack([mean, wide.amax((2, 3))], dim=1)
    texture = torch.cat([mid.mean((2, 3)), mid.std((2, 3), correction=0)], dim=1)
    return VisualFeatures(_by_cell(grid), _by_cell(coarse), pooled, texture, backbone.head.labels(mean))


def _by_cell(planes: Tensor) -> Tensor:
    return planes.flatten(2).transpose(1, 2)


class WordDetector(nn.Module):
    """Detect the thousand content words in an image: (n, 2, 1280) pooled features to logits (n, 1000).

    Attributes are key names of model.safetensors.
    """

    def __init__(self) -> None:
        super().__init__()
        # Not a layer norm: the maxima are much larger than the means and would dominate it.
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
        logits: Tensor = self.layers((pooled.flatten(1) - self.middle) / self.spread)
        return logits


def cell_features(grid: Tensor, coarse: Tensor, colors: Tensor) -> Tensor:
    """Join (n, 81, 352), (n, 81, 120) and (n, 81, 12) of 0..255 to (n, 81, 484)."""
    return torch.cat([grid, coarse, (colors - 127.5) / 64], dim=2)
