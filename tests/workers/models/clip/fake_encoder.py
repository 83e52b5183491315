"""A CLIP with chosen embeddings: an image resembles the prompts it is made of, and nothing else."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.models.base import Pixels
from workers.models.clip.encoder import Clip

DIMENSIONS = 2048


class FakeClip(Clip):
    """Random text embeddings, which are nearly orthogonal, and images as weighted sums of them.

    `contents`: the weights of the prompts, by the image's first pixel.
    """

    def __init__(self, contents: Mapping[int, Mapping[str, float]], *, scale: float = 100.0) -> None:
        super().__init__(Path("fake"), revision="fake")
        self._contents, self.logit_scale = contents, scale
        self.encoded: list[int] = []

    def load(self) -> None:
        pass

    def embed_images(self, images: Sequence[Pixels]) -> Tensor:
        self.encoded.append(len(images))
        sums = [self._sum(self._contents[int(image[0, 0, 0])]) for image in images]
        return torch.from_numpy(np.stack(sums)).float()

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        rows = [_unit_vector(text) for text in texts]
        return torch.from_numpy(np.stack(rows)).float() if rows else torch.zeros(0, DIMENSIONS)

    def _sum(self, weights: Mapping[str, float]) -> NDArray[np.float64]:
        # Not normalized: the weights are the cosines.
        total: NDArray[np.float64] = np.sum([weight * _unit_vector(text) for text, weight in weights.items()], axis=0)
        return total


def _unit_vector(text: str) -> NDArray[np.float64]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    vector = np.random.default_rng(seed).normal(size=DIMENSIONS)
    unit: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return unit


def image_of(content: int) -> Pixels:
    """Return an image with detail whose first pixel selects the content."""
    image = np.random.default_rng(content).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image[0, 0, 0] = content
    return image
