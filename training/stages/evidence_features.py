"""Run each image of the evidence rows through the backbone once, and store what the evidence heads read.

A store of its own: the other stages read features of the grid, and of other rows. A row has 3,800 numbers in float16:
mean and maximum of the 1,280 pooled channels, mean and standard deviation of the trunk's 120, and the square roots of
the 1,000 labels' probabilities.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from training.datasets.described import EvidenceRow
from training.progress import progress
from workers.models.embedded.evidence_heads import FEATURES, head_features
from workers.models.embedded.vision.backbone import Backbone, can_pack, imagenet_backbone, pack_backbone
from workers.models.embedded.vision.pixels import preprocess
from workers.models.embedded.vision.visual_features import extract_visual_features

CHUNK = 64


class EvidenceStore:
    """The features of one set's images: `vectors` (n, 3800) and `done` (n,).

    Its files are named by the images, so that rows added to a set are never read with the features of others.
    """

    def __init__(self, folder: Path, rows: Sequence[EvidenceRow]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.paths = [row.path for row in rows]
        names = "\n".join(path.name for path in self.paths)
        self._stem = folder / f"{rows[0].subset}-{hashlib.sha256(names.encode()).hexdigest()[:12]}"
        self.vectors = self._map("vectors", (len(rows), FEATURES), np.float16)
        self.done = self._map("done", (len(rows),), np.uint8)

    def _map(self, name: str, shape: tuple[int, ...], dtype: type[Any]) -> "np.memmap[Any, Any]":
        path = self._stem.with_name(f"{self._stem.name}.{name}")
        if not path.exists():
            return np.memmap(path, dtype=dtype, mode="w+", shape=shape)
        return np.memmap(path, dtype=dtype, mode="r+", shape=shape)


def extract_evidence_features(folder: Path, rows: Sequence[EvidenceRow], processes: int) -> NDArray[np.float16]:
    """Return (len(rows), 3800); images that an earlier run completed are not read again."""
    stores = [EvidenceStore(folder, list(part)) for _, part in groupby(rows, key=lambda row: row.subset)]
    chunks = [(store, chunk) for store in stores for chunk in _undone(store)]
    if chunks:
        _fill(chunks, processes)
    return np.concatenate([store.vectors for store in stores])


def _undone(store: EvidenceStore) -> list[NDArray[np.int64]]:
    todo = np.flatnonzero(np.asarray(store.done) == 0)
    return [todo[at : at + CHUNK] for at in range(0, len(todo), CHUNK)]


def _fill(chunks: Sequence[tuple[EvidenceStore, NDArray[np.int64]]], processes: int) -> None:
    paths = [[store.paths[row] for row in rows.tolist()] for store, rows in chunks]
    with ProcessPoolExecutor(processes, initializer=_start) as pool:
        results = progress(pool.map(_extract, paths), total=len(chunks), label="evidence features")
        for (store, rows), vectors in zip(chunks, results, strict=True):
            store.vectors[rows] = vectors
            store.done[rows] = 1


_backbones: list[Backbone] = []


def _start() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    backbone = imagenet_backbone()
    if can_pack():
        pack_backbone(backbone)
    _backbones.append(backbone)


def _extract(paths: Sequence[Path]) -> NDArray[np.float16]:
    with torch.inference_mode():
        planes = (preprocess(Image.open(path).convert("RGB")) for path in paths)
        vectors = [head_features(extract_visual_features(_backbones[0], image)) for image in planes]
        return torch.cat(vectors).to(torch.float16).numpy()
