"""Fit the confidence of workers.composing.drafts.confidence on scored words, and choose the threshold for review."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.composing.drafts.confidence import CALIBRATION, evidence_of
from workers.composing.drafts.judge import group_of

MAX_WRONG = 0.08
# Pulls the fit towards the evidence as it is: wild-dev has a hundred images of a group.
RIDGE = 2.0
BANDS = (0.0, 0.33, 0.5, 0.65, 0.8, 1.01)


@dataclass(frozen=True, slots=True)
class Scored:
    """An image's produced `kind` and `confidence` and the scorer's `verdict`."""

    kind: str
    confidence: float
    verdict: str

    @property
    def is_right(self) -> bool:
        return self.verdict == "RIGHT"


def fitted(rows: Sequence[Scored]) -> dict[str, tuple[float, float]]:
    """Return slope and offset of each group."""
    found = {}
    for group in CALIBRATION:
        own = [row for row in rows if group_of(row.kind) == group]
        odds = np.array([_log_odds(evidence_of(group, row.confidence)) for row in own])
        found[group] = _logistic_fit(odds, np.array([row.is_right for row in own], dtype=np.float64))
    return found


def _logistic_fit(odds: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float]:
    """Newton's method with a ridge towards slope 1 and offset 0."""
    design = np.stack([odds, np.ones_like(odds)], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(30):
        probability = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (right - probability) - RIDGE * (weights - [1.0, 0.0])
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + RIDGE * np.eye(2)
        weights = weights + np.linalg.solve(curvature, gradient)
    return round(float(weights[0]), 2), round(float(weights[1]), 2)


def review_threshold(rows: Sequence[Scored]) -> float:
    """Return the lowest confidence above which at most MAX_WRONG of the images are WRONG."""
    for threshold in np.arange(0.05, 0.95, 0.01):
        unmarked = [row for row in rows if row.confidence >= threshold]
        if sum(row.verdict == "WRONG" for row in unmarked) <= MAX_WRONG * len(unmarked):
            return round(float(threshold), 2)
    return 0.95


def reliability(rows: Sequence[Scored]) -> list[str]:
    """Return a table: group, band of confidence, images, mean confidence, share that is right."""
    lines = []
    for group in CALIBRATION:
        for low, high in itertools.pairwise(BANDS):
            band = [row for row in rows if group_of(row.kind) == group and low <= row.confidence < high]
            if band:
                mean, right = (
                    sum(values) / len(band) for values in ([r.confidence for r in band], [r.is_right for r in band])
                )
                lines.append(f"| {group} | {low:.2f}-{min(high, 1):.2f} | {len(band)} | {mean:.2f} | {right:.2f} |")
    return lines


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
