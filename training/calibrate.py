"""How sure a caption may be: the mean log-probability of its tokens, against how often such captions are right.

The curve is fitted on every other validation picture; the table is of the rest.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from training.pictures import Pictures
from training.scores import told_of
from training.truth import RIGHT, support
from workers.models.embedded.decoder import Speaker

MOST = {"flickr8k": 1000, "coco": 202, "grocery": 100, "fashion": 100}
BINS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)


def write(speaker: Speaker, pictures: Pictures, path: Path) -> None:
    """The slope and offset of the logistic curve, as JSON; prints the table."""
    scores, right = (np.concatenate(parts) for parts in zip(*_judged(speaker, pictures), strict=True))
    slope, offset = logistic(scores[::2], right[::2])
    path.write_text(json.dumps({"slope": round(slope, 4), "offset": round(offset, 4)}) + "\n", encoding="utf-8")
    print(f"slope {slope:.3f}, offset {offset:.3f}")
    print(table(1 / (1 + np.exp(-(slope * scores[1::2] + offset))), right[1::2]), flush=True)


def _judged(speaker: Speaker, pictures: Pictures) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    parts = []
    for subset, most in MOST.items():
        views = pictures.first_views(subset, "val")[:most]
        told = told_of(speaker, pictures, views)
        rows = [pictures.features.views[view].row for view in views.tolist()]
        right = [support(text, pictures.references(row)) >= RIGHT for (text, _), row in zip(told, rows, strict=True)]
        parts.append((np.array([score for _, score in told]), np.array(right, dtype=np.float64)))
    return parts


def logistic(scores: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float]:
    curve = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    told, true = torch.from_numpy(scores), torch.from_numpy(right)
    optimizer = torch.optim.LBFGS([curve], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(curve[0] * told + curve[1], true)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return float(curve[0]), float(curve[1])


def table(confidence: Sequence[float] | NDArray[np.float64], right: Sequence[float] | NDArray[np.float64]) -> str:
    """Markdown: for each range of confidence how many there are, what they say, what is true."""
    sure, true = np.asarray(confidence), np.asarray(right)
    lines = ["| confidence | number | mean confidence | right |", "| --- | --- | --- | --- |"]
    for low, high in itertools.pairwise(BINS):
        part = (sure >= low) & ((sure < high) | (high == 1.0))
        if part.any():
            lines.append(f"| {low:.2f}-{high:.2f} | {part.sum()} | {sure[part].mean():.2f} | {true[part].mean():.2f} |")
    return "\n".join(lines)
