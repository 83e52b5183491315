"""Reads the text in an image within bounds of size, lines and time."""

import threading
import time
from collections.abc import Callable

import numpy as np

from workers.models.base import Pixels
from workers.models.evidence import TextLine
from workers.models.ocr.engine import Corners, Engine, RapidEngine
from workers.models.ocr.layout import reading_order
from workers.models.ocr.legible import Reading, legible

MAX_LINES = 24
BUDGET_S = 1.5
# Below this many pixels nothing is legible, and the detector would scale the side to 0.
_MIN_SIDE = 16
_MIN_LINE_HEIGHT = 5.0


class TextReader:
    """Text detection and recognition. Thread-safe: one image is read at a time.

    `budget_s`: processor seconds of the reading thread after which recognition starts no further lines; the largest are
    recognized first. By elapsed time a busy machine would read less of the same image. `start_engine` and `clock` are
    replaced in tests.
    """

    def __init__(
        self,
        *,
        budget_s: float = BUDGET_S,
        start_engine: Callable[[], Engine] | None = None,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._start_engine = start_engine or RapidEngine
        self._budget_s, self._clock = budget_s, clock
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Idempotent. Raises ModelUnavailable where packages or model files are missing."""
        with self._lock:
            if self._engine is None:
                self._engine = self._start_engine()

    def unload(self) -> None:
        with self._lock:
            self._engine = None

    def read(self, pixels: Pixels) -> list[TextLine]:
        """Return the legible lines of an image (h, w, 3) RGB in reading order; at most MAX_LINES.

        The same image gives the same lines unless the budget ends first.
        """
        with self._lock:
            if self._engine is None:
                raise RuntimeError("load() comes first")
            if min(pixels.shape[:2]) < _MIN_SIDE:
                return []
            return self._read(self._engine, pixels)

    def _read(self, engine: Engine, pixels: Pixels) -> list[TextLine]:
        deadline = self._clock() + self._budget_s
        image = engine.scaled(pixels)
        if min(image.shape[:2]) < _MIN_SIDE:
            return []
        found = sorted(engine.detect(image), key=_line_height, reverse=True)
        lines = [corners for corners in found if _line_height(corners) >= _MIN_LINE_HEIGHT][:MAX_LINES]
        readings: list[Reading] = []
        for line in lines:
            if self._clock() >= deadline:
                break
            readings.append(engine.recognize(image, line))
        texts = legible(readings)
        size = image.shape[1], image.shape[0]
        return reading_order(
            [
                _line(text, confidence, corners, size)
                for text, (_, confidence), corners in zip(texts, readings, lines, strict=False)
                if text is not None
            ]
        )


def _line_height(corners: Corners) -> float:
    """Return the shorter side of a line in pixels."""
    across, down = (float(np.linalg.norm(corners[first] - corners[first + 1])) for first in (0, 1))
    return min(across, down)


def _line(text: str, confidence: float, corners: Corners, size: tuple[int, int]) -> TextLine:
    (left, top), (right, bottom) = (np.clip(edge(corners, axis=0) / size, 0, 1).tolist() for edge in (np.min, np.max))
    return TextLine(text, min(1.0, confidence), left, top, right, bottom)
