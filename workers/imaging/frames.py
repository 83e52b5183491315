"""Choose the frame of an animation that shows most."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

import decoding
from workers.imaging.blank import has_detail

# Frames that are judged, and pages that are tried.
MAX_JUDGED = 8
# Longer side of the views by which frames and pages are judged, whatever the size asked for: each size has the same.
JUDGED_SIDE = 256
# Frames up to the last one judged are decoded; these pixels take about half a second.
_MAX_PIXELS = 48_000_000
# A later frame must show more than the first by this factor.
_MARGIN = 1.05

Pixels = NDArray[np.uint8]
T = TypeVar("T")


def judged_frames(width: int, height: int, frames: int) -> list[int]:
    """Return the indices of up to MAX_JUDGED evenly spread frames, among those that fit into the bound of pixels."""
    reachable = max(1, min(frames, _MAX_PIXELS // (width * height)))
    count = min(MAX_JUDGED, reachable)
    return sorted({round(index * (reachable - 1) / max(1, count - 1)) for index in range(count)})


def telling(view: Pixels) -> float:
    """Return how much a frame shows: bits of entropy by contrast of edges; 0 if it is nearly uniform."""
    if not has_detail(view):
        return 0.0
    grey = view.mean(axis=2)
    shares = np.bincount((grey.ravel() / 4).astype(np.intp), minlength=64) / grey.size
    entropy = float(-sum(share * np.log2(share) for share in shares if share))
    edges = float(sum(np.abs(np.diff(grey, axis=axis)).mean() for axis in (0, 1) if grey.shape[axis] > 1))
    return entropy * float(np.log1p(edges))


def best_frame(
    image: decoding.OpenImage,
    indices: Sequence[int],
    limits: decoding.Limits,
    view: Callable[[], Pixels],
    render: Callable[[], T],
) -> T:
    """Return `render()` of the most telling frame, the first of equals; `view()` returns the current one for judgement.

    The first frame's errors are raised. At a later one's, or beyond the limits, the best so far is returned.
    """
    until = time.thread_time() + limits.seconds
    best, result = telling(view()) * _MARGIN, render()
    for index in indices[1:]:
        if time.thread_time() > until:
            break
        try:
            image.seek(index)
            score = telling(view())
            if score > best:
                best, result = score, render()
        except Exception:  # noqa: BLE001 (hostile bytes make decoders raise any exception)
            break
    return result
