"""Each photograph through the backbone, once: what every later stage starts from.

Kept as memory maps of one line a view: `grid` (81, 352), `coarse` (81, 120) and `pooled` (2, 1280) of a glance and
`labels` (1000,), probabilities, as float16; `rgb` (81, 12) as uint8, four colours for each cell of the grid.
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

from training.datasets.captioned import Row
from training.progress import progress
from workers.models.embedded.vision.backbone import (
    POOLED_CHANNELS,
    SIDE,
    TOP_CHANNELS,
    TRUNK_CHANNELS,
    Backbone,
    can_pack,
    imagenet_backbone,
    pack_backbone,
)
from workers.models.embedded.vision.pixels import cell_colors, normalised
from workers.models.embedded.vision.visual_features import CELLS, COLORS, glance

VIEWS = {"coco": 2, "flickr8k": 2, "objects": 2}
CHUNK = 64
SHAPES: dict[str, tuple[tuple[int, ...], type[Any]]] = {
    "grid": ((CELLS, TOP_CHANNELS), np.float16),
    "coarse": ((CELLS, TRUNK_CHANNELS), np.float16),
    "pooled": ((2, POOLED_CHANNELS), np.float16),
    "labels": ((1000,), np.float16),
    "rgb": ((CELLS, COLORS), np.uint8),
}


@dataclass(frozen=True, slots=True)
class View:
    """`number` 0 is the whole picture; further ones are cut and mirrored by chance."""

    row: int
    number: int


class Features:
    """Rows and their views, with one memory map for each thing known of a view."""

    def __init__(self, folder: Path, rows: Sequence[Row]) -> None:
        self.folder, self.rows = folder, list(rows)
        self.views = [View(n, v) for n, row in enumerate(rows) for v in range(view_count(row))]
        self.first = np.array([n for n, view in enumerate(self.views) if view.number == 0])
        shapes = SHAPES.items()
        self.maps = {name: self._map(name, shape, kind) for name, (shape, kind) in shapes}
        self.done = self._map("done", (), np.uint8)

    def __getattr__(self, name: str) -> "np.memmap[Any, Any]":
        return self.maps[name]

    def first_views(self, subset: str, split: str) -> NDArray[np.int64]:
        """The whole pictures of a part, not what was cut from them."""
        of_part = [(self.rows[self.views[v].row], v) for v in self.first.tolist()]
        return np.array([v for row, v in of_part if row.subset == subset and row.split == split], dtype=np.int64)

    def _map(self, name: str, shape: tuple[int, ...], kind: type[Any]) -> "np.memmap[Any, Any]":
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.bin"
        full = (len(self.views), *shape)
        if not path.exists():
            return np.memmap(path, dtype=kind, mode="w+", shape=full)
        return np.memmap(path, dtype=kind, mode="r+", shape=full)


def views_of_rows(features: Features) -> list[list[int]]:
    views: list[list[int]] = [[] for _ in features.rows]
    for number, view in enumerate(features.views):
        views[view.row].append(number)
    return views


def epoch(features: Features, shares: dict[str, float], chance: np.random.Generator) -> NDArray[np.int64]:
    """Training rows in random order, each set by its share: 2 is twice, 0 is not at all."""
    rows: list[int] = []
    for number, row in enumerate(features.rows):
        if row.split == "train":
            rows += [number] * int(shares[row.subset] + chance.random())
    return chance.permutation(np.array(rows))


def view_count(row: Row) -> int:
    return VIEWS.get(row.subset, 1) if row.split == "train" else 1


def extract(features: Features, workers: int) -> None:
    """Fills the maps; what an earlier run did is not done again."""
    todo = np.flatnonzero(np.asarray(features.done) == 0)
    chunks = [todo[at : at + CHUNK] for at in range(0, len(todo), CHUNK)]
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(features.folder, features.rows)) as pool:
        for _ in progress(pool.map(_extract_chunk, chunks), total=len(chunks), label="features"):
            pass


_state: dict[str, object] = {}


def _start(folder: Path, rows: Sequence[Row]) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    backbone = imagenet_backbone()
    if can_pack():
        pack_backbone(backbone)
    _state.update(features=Features(folder, rows), backbone=backbone)


def _extract_chunk(numbers: NDArray[np.int64]) -> None:
    features, backbone = _state["features"], _state["backbone"]
    assert isinstance(features, Features)
    assert isinstance(backbone, Backbone)
    for number in numbers.tolist():
        view = features.views[number]
        picture = picture_of(features.rows[view.row], view)
        with torch.inference_mode():
            seen = glance(backbone, normalised(picture))
        for name, said in (("grid", seen.grid), ("coarse", seen.coarse), ("pooled", seen.pooled)):
            features.maps[name][number] = said[0].numpy()
        features.maps["labels"][number] = seen.labels.softmax(-1)[0].numpy()
        features.maps["rgb"][number] = cell_colors(picture)
        features.done[number] = 1


def picture_of(row: Row, view: View) -> Image.Image:
    picture = Image.open(row.path).convert("RGB")
    return picture if view.number == 0 else _varied(picture, np.random.default_rng((view.row, view.number)))


def _varied(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Cut to 70 to 100 % of each side and, three times in four, mirrored."""
    width, height = picture.size
    across, down = (chance.uniform(0.7, 1.0) for _ in range(2))
    left, top = chance.uniform(0, 1 - across) * width, chance.uniform(0, 1 - down) * height
    box = (left, top, left + across * width, top + down * height)
    cut = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    return cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance.random() < 0.75 else cut
