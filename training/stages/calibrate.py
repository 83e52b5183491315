"""How sure a caption may be: what the decoder and the detector say of it, against how often such captions are right.

The curve is fitted on every other validation picture; the table is of the rest.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from training.caption_model import Speaker
from training.datasets.image_batches import Pictures
from training.scoring.caption_metrics import told_of
from training.scoring.caption_support import RIGHT, supported
from workers.models.embedded.calibration import Calibration, support

MOST = {"flickr8k": 1000, "coco": 202, "grocery": 100, "fashion": 100}
BINS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)


def write(speaker: Speaker, pictures: Pictures, path: Path) -> None:
    """The curve as JSON; prints the table."""
    found, right = (np.concatenate(parts) for parts in zip(*_judged(speaker, pictures), strict=True))
    curve = logistic(found[::2], right[::2])
    path.write_text(json.dumps(asdict(curve)) + "\n", encoding="utf-8")
    print(curve)
    print(table([curve(*row) for row in found[1::2].tolist()], right[1::2]), flush=True)


def _judged(speaker: Speaker, pictures: Pictures) -> list[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """For each set (n, 2), score and support, and (n,), whether the caption is right."""
    places = {pictures.vocabulary.text([token]): place for place, token in enumerate(pictures.vocabulary.content)}
    parts = []
    for subset, most in MOST.items():
        views = pictures.features.first_views(subset, "val")[:most]
        told = told_of(speaker, pictures, views)
        words = pictures.words[views].astype(np.float32)
        found = [(score, support(text, row, places)) for (text, score), row in zip(told, words, strict=True)]
        rows = [pictures.features.views[view].row for view in views.tolist()]
        shares = [supported(text, pictures.references(row)) for (text, _), row in zip(told, rows, strict=True)]
        parts.append((np.array(found), np.array(shares) >= RIGHT))
    return parts


def logistic(found: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    curve = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    told, true = torch.from_numpy(found), torch.from_numpy(right.astype(np.float64))
    optimizer = torch.optim.LBFGS([curve], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(told @ curve[:2] + curve[2], true)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return Calibration(*(round(value, 4) for value in curve.tolist()))


def table(confidence: Sequence[float] | NDArray[np.float64], right: Sequence[float] | NDArray[np.float64]) -> str:
    """Markdown: for each range of confidence how many there are, what they say, what is true."""
    sure, true = np.asarray(confidence), np.asarray(right)
    lines = ["| confidence | number | mean confidence | right |", "| --- | --- | --- | --- |"]
    for low, high in itertools.pairwise(BINS):
        part = (sure >= low) & ((sure < high) | (high == 1.0))
        if part.any():
            lines.append(f"| {low:.2f}-{high:.2f} | {part.sum()} | {sure[part].mean():.2f} | {true[part].mean():.2f} |")
    return "\n".join(lines)
