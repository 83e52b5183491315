"""Fit probabilities to the evidence heads' logits by minimizing the log loss of described images."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from training.datasets.evidence_targets import EvidenceTargets

# Nearly all are surely absent: with them the curve would fit nothing else.
MIN_PROBABILITY = 0.02


def fit_calibration(logits: dict[str, Tensor], targets: EvidenceTargets) -> dict[str, float | list[float]]:
    """Return a temperature, which divides the logits, or slope and offset of a logit, for each head."""
    return {
        "kind": fit_temperature(logits["kind"], targets.kind),
        "main": _fit_nouns(logits["main"], targets.main.dense_all()),
        "present": _fit_nouns(logits["present"], targets.present.dense_all()),
        "people": fit_temperature(logits["people"], targets.people),
        "text": fit_slope_and_offset(logits["text"], targets.text),
    }


def fit_temperature(logits: Tensor, classes: Tensor) -> float:
    """`logits` (n, classes), `classes` (n,)."""
    # Its logarithm, so that it stays positive.
    fitted = _minimize(lambda log: functional.cross_entropy(logits.double() / log.exp(), classes), [0.0])
    return round(float(fitted.exp()), 4)


def fit_slope_and_offset(logits: Tensor, is_true: Tensor) -> list[float]:
    """`logits` (n,), `is_true` (n,) of 0..1. Raises ValueError where there is nothing to fit."""
    if len(logits) == 0:
        raise ValueError("no logits to calibrate")
    x, y = logits.double(), is_true.double()
    fitted = _minimize(lambda line: functional.binary_cross_entropy_with_logits(line[0] * x + line[1], y), [1.0, 0.0])
    return [round(value, 4) for value in fitted.tolist()]


def _fit_nouns(logits: Tensor, wanted: Tensor) -> list[float]:
    likely = logits.sigmoid() >= MIN_PROBABILITY
    return fit_slope_and_offset(logits[likely], wanted[likely])


def _minimize(loss_of: Callable[[Tensor], Tensor], start: list[float]) -> Tensor:
    values = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([values], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(values)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return values.detach()
