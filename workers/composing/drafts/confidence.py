"""The calibrated confidence: how probably alt and caption are right, by what they were written from."""

import math

# Slope and offset of a logistic regression on the evidence's log-odds, fitted on wild-dev by `bin/bench words
# --calibrate`: evidence is the probability of the kind, or of a photograph's main thing.
CALIBRATION = {"photo": (1.02, 0.23), "drawn": (0.51, -0.37), "written": (0.57, 0.1)}
# Of the images of wild-dev above it (six of ten) 8 % had words for something else.
REVIEW_BELOW = 0.56
_LEAST = 0.01


def confidence_of(group: str, evidence: float) -> float:
    """Return the confidence, 0..1, for `group` photo, drawn or written and the evidence's probability."""
    slope, offset = CALIBRATION[group]
    return 1 / (1 + math.exp(-(slope * _log_odds(evidence) + offset)))


def evidence_of(group: str, confidence: float) -> float:
    """Return the evidence that has this confidence: the inverse, for fitting anew."""
    slope, offset = CALIBRATION[group]
    return 1 / (1 + math.exp(-(_log_odds(confidence) - offset) / slope))


def _log_odds(probability: float) -> float:
    clipped = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(clipped / (1 - clipped))
