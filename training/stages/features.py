"""Run each photograph through the backbone once, and store its features for the later stages.

Memory maps with a row per view, in float16: `grid` (81, 352), `coarse` (81, 120), `pooled` (2, 1280) and
`texture` (240,) of its VisualFeatures, and `labels` (1000,), probabilities. In uint8: `rgb` (81, 12), four colors of
each grid cell.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from training.datasets.captioned import DESCRIBED_SETS, Row
from training.progress import progress
from workers.models.embedded.vision.backbone import (
    INPUT_SIDE,
    POOLED_CHANNELS,
    TOP_CHANNELS,
    TRUNK_CHANNELS,
    Backbone,
    can_pack,
    imagenet_backbone,
    pack_backbone,
)
from workers.models.embedded.vision.pixels import cell_colors, preprocess
from workers.models.embedded.vision.visual_features import COLOR_CHANNELS, GRID_CELLS, extract_visual_features

VIEWS = {"coco": 2, "flickr8k": 2, "objects": 2, **dict.fromkeys(DESCRIBED_SETS, 2)}
CHUNK = 64
SHAPES: dict[str, tuple[tuple[int, ...], type[Any]]] = {
    "grid": ((GRID_CELLS, TOP_CHANNELS), np.float16),
    "coarse": ((GRID_CELLS, TRUNK_CHANNELS), np.float16),
    "pooled": ((2, POOLED_CHANNELS), np.float16),
    "texture": ((2 * TRUNK_CHANNELS,), np.float16),
    "labels": ((1000,), np.float16),
    "rgb": ((GRID_CELLS, COLOR_CHANNELS), np.uint8),
}


@dataclass(frozen=True, slots=True)
class View:
    """An augmentation of a row's image. `number` 0: the whole image; others: randomly cropped and mirrored."""

    row: int
    number: int


class FeatureStore:
    """Rows and their views, with one memory map for each feature."""

    def __init__(self, folder: Path, rows: Sequence[Row]) -> None:
        self.folder, self.rows = folder, list(rows)
        self.views = [View(n, v) for n, row in enumerate(rows) for v in range(view_count(row))]
        self.first = np.array([n for n, view in enumerate(self.views) if view.number == 0])
        self.maps = {name: self._map(name, shape, dtype) for name, (shape, dtype) in SHAPES.items()}
        self.done = self._map("done", (), np.uint8)

    def __getattr__(self, name: str) -> "np.memmap[Any, Any]":
        return self.maps[name]

    def first_views(self, subset: str, split: str) -> NDArray[np.int64]:
        """Return the views that are whole images."""
        rows = [(self.rows[self.views[v].row], v) for v in self.first.tolist()]
        return np.array([v for row, v in rows if row.subset == subset and row.split == split], dtype=np.int64)

    def _map(self, name: str, shape: tuple[int, ...], dtype: type[Any]) -> "np.memmap[Any, Any]":
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.bin"
        full_shape = (len(self.views), *shape)
        if not path.exists():
            return np.memmap(path, dtype=dtype, mode="w+", shape=full_shape)
        return np.memmap(path, dtype=dtype, mode="r+", shape=full_shape)


def views_by_row(features: FeatureStore) -> list[list[int]]:
    views: list[list[int]] = [[] for _ in features.rows]
    for number, view in enumerate(features.views):
        views[view.row].append(number)
    return views


def sample_epoch(features: FeatureStore, shares: dict[str, float], rng: np.random.Generator) -> NDArray[np.int64]:
    """Shuffle the training rows, each `shares[subset]` times on average, or never."""
    rows: list[int] = []
    for number, row in enumerate(features.rows):
        if row.split == "train":
            rows += [number] * int(shares.get(row.subset, 0.0) + rng.random())
    return rng.permutation(np.array(rows))


def view_count(row: Row) -> int:
    return VIEWS.get(row.subset, 1) if row.split == "train" else 1


def extract_features(features: FeatureStore, processes: int) -> None:
    """Fill the maps, except for views that an earlier run completed."""
    todo = np.flatnonzero(np.asarray(features.done) == 0)
    chunks = [todo[at : at + CHUNK] for at in range(0, len(todo), CHUNK)]
    with ProcessPoolExecutor(processes, initializer=_start, initargs=(features.folder, features.rows)) as pool:
        for _ in progress(pool.map(_extract_chunk, chunks), total=len(chunks), label="features"):
            pass


_state: dict[str, object] = {}


def _start(folder: Path, rows: Sequence[Row]) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    backbone = imagenet_backbone()
    if can_pack():
        pack_backbone(backbone)
    _state.update(store=FeatureStore(folder, rows), backbone=backbone)


def _extract_chunk(views: NDArray[np.int64]) -> None:
    store, backbone = _state["store"], _state["backbone"]
    assert isinstance(store, FeatureStore)
    assert isinstance(backbone, Backbone)
    for number in views.tolist():
        view = store.views[number]
        image = load_view(store.rows[view.row], view)
        with torch.inference_mode():
            features = extract_visual_features(backbone, preprocess(image))
        for name in ("grid", "coarse", "pooled", "texture"):
            store.maps[name][number] = getattr(features, name)[0].numpy()
        store.maps["labels"][number] = features.labels.softmax(-1)[0].numpy()
        store.maps["rgb"][number] = cell_colors(image)
        store.done[number] = 1


def load_view(row: Row, view: View) -> Image.Image:
    image = Image.open(row.path).convert("RGB")
    return image if view.number == 0 else _augment(image, np.random.default_rng((view.row, view.number)))


def _augment(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Crop to 70 to 100 % of each side; mirror with probability 0.75."""
    width, height = image.size
    x_share, y_share = (rng.uniform(0.7, 1.0) for _ in range(2))
    left, top = rng.uniform(0, 1 - x_share) * width, rng.uniform(0, 1 - y_share) * height
    box = (left, top, left + x_share * width, top + y_share * height)
    crop = image.resize((INPUT_SIDE, INPUT_SIDE), Image.Resampling.BICUBIC, box=box)
    return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.75 else crop
