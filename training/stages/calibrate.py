"""Fit the confidence of a caption from the decoder's score and the detector's support.

The curve is fitted on every other validation image; the reliability table is of the rest.
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

from training.caption_model import CaptionModel
from training.datasets.image_batches import ImageBatches
from training.scoring.caption_metrics import predict_captions
from training.scoring.caption_support import MIN_SUPPORT, caption_support
from workers.models.embedded.calibration import Calibration, detector_support

LIMITS = {"flickr8k": 1000, "coco": 202, "grocery": 100, "fashion": 100}
BINS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)


def write(model: CaptionModel, batches: ImageBatches, path: Path) -> None:
    """Write the curve as JSON and print the reliability table."""
    inputs, correct = (np.concatenate(parts) for parts in zip(*_scored_captions(model, batches), strict=True))
    curve = fit_logistic(inputs[::2], correct[::2])
    path.write_text(json.dumps(asdict(curve)) + "\n", encoding="utf-8")
    print(curve)
    print(reliability_table([curve(*row) for row in inputs[1::2].tolist()], correct[1::2]), flush=True)


def _scored_captions(model: CaptionModel, batches: ImageBatches) -> list[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Return for each dataset (n, 2): score and support, and (n,): whether the caption is correct."""
    word_index = {batches.vocabulary.decode([token]): index for index, token in enumerate(batches.vocabulary.content)}
    parts = []
    for subset, limit in LIMITS.items():
        views = batches.features.first_views(subset, "val")[:limit]
        captions = predict_captions(model, batches, views)
        words = batches.words[views].astype(np.float32)
        inputs = [
            (score, detector_support(text, probabilities, word_index))
            for (text, score), probabilities in zip(captions, words, strict=True)
        ]
        rows = [batches.features.views[view].row for view in views.tolist()]
        shares = [caption_support(text, batches.references(row)) for (text, _), row in zip(captions, rows, strict=True)]
        parts.append((np.array(inputs), np.array(shares) >= MIN_SUPPORT))
    return parts


def fit_logistic(inputs: NDArray[np.float64], correct: NDArray[np.bool_]) -> Calibration:
    curve = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    x, y = torch.from_numpy(inputs), torch.from_numpy(correct.astype(np.float64))
    optimizer = torch.optim.LBFGS([curve], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(x @ curve[:2] + curve[2], y)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return Calibration(*(round(value, 4) for value in curve.tolist()))


def reliability_table(
    confidence: Sequence[float] | NDArray[np.float64], correct: Sequence[float] | NDArray[np.float64]
) -> str:
    """Return a Markdown table by bins of confidence."""
    predicted, actual = np.asarray(confidence), np.asarray(correct)
    lines = ["| confidence | number | mean confidence | right |", "| --- | --- | --- | --- |"]
    for low, high in itertools.pairwise(BINS):
        part = (predicted >= low) & ((predicted < high) | (high == 1.0))
        if part.any():
            means = f"{predicted[part].mean():.2f} | {actual[part].mean():.2f}"
            lines.append(f"| {low:.2f}-{high:.2f} | {part.sum()} | {means} |")
    return "\n".join(lines)
