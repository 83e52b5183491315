"""Bounds of time and lines, and loading, with an engine that is scripted."""

import sys
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from tests.workers.models.ocr.drawings import words
from workers.models.base import ModelUnavailable, Pixels
from workers.models.ocr import TextReader
from workers.models.ocr.engine import Corners
from workers.models.ocr.reader import BUDGET_S, MAX_LINES

IMAGE = np.zeros((1000, 1000, 3), np.uint8)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class ScriptedEngine:
    """Lines of the given heights in pixels, one below the other; each takes a time to recognize."""

    def __init__(
        self, heights: Sequence[int], clock: Clock, *, detect_s: float = 0.0, recognize_s: float = 0.0
    ) -> None:
        self._heights, self._clock = heights, clock
        self._detect_s, self._recognize_s = detect_s, recognize_s
        self.recognized: list[int] = []
        self.concurrent = self.most_concurrent = 0

    def scaled(self, pixels: Pixels) -> Pixels:
        return pixels

    def detect(self, image: Pixels) -> list[Corners]:
        self._clock.now += self._detect_s
        tops = np.cumsum([0, *self._heights[:-1]])
        return [
            np.array([[0, top], [900, top], [900, top + height], [0, top + height]], np.float32)
            for top, height in zip(tops, self._heights, strict=True)
        ]

    def recognize(self, image: Pixels, line: Corners) -> tuple[str, float]:
        self.concurrent += 1
        self.most_concurrent = max(self.most_concurrent, self.concurrent)
        time.sleep(0.001)
        self._clock.now += self._recognize_s
        height = round(float(line[2, 1] - line[1, 1]))
        self.recognized.append(height)
        self.concurrent -= 1
        return f"line of {height}", 0.99


def loaded(heights: Sequence[int], **times: float) -> tuple[TextReader, ScriptedEngine]:
    clock = Clock()
    engine = ScriptedEngine(heights, clock, **times)
    reader = TextReader(start_engine=lambda: engine, clock=clock)
    reader.load()
    return reader, engine


def test_the_largest_lines_are_recognized_first() -> None:
    reader, engine = loaded([10, 50, 30])

    assert words(reader.read(IMAGE)) == ["line of 10", "line of 50", "line of 30"]
    assert engine.recognized == [50, 30, 10]


class WaitingEngine(ScriptedEngine):
    """Waits, as for a core that other processes have."""

    def recognize(self, image: Pixels, line: Corners) -> tuple[str, float]:
        time.sleep(0.3)
        return super().recognize(image, line)


def test_the_budget_is_of_processor_time_and_not_of_elapsed_time() -> None:
    reader = TextReader(start_engine=lambda: WaitingEngine([10, 50, 30], Clock()), budget_s=0.25)
    reader.load()

    assert len(reader.read(IMAGE)) == 3


def test_no_line_is_started_after_the_deadline() -> None:
    reader, engine = loaded([10, 50, 30, 40], recognize_s=BUDGET_S * 0.6)

    assert words(reader.read(IMAGE)) == ["line of 50", "line of 40"]
    assert engine.recognized == [50, 40]


def test_detection_counts_towards_the_budget() -> None:
    reader, engine = loaded([10, 50], detect_s=BUDGET_S)

    assert reader.read(IMAGE) == []
    assert engine.recognized == []


def test_the_budget_is_for_each_image() -> None:
    reader, _ = loaded([20, 30], recognize_s=BUDGET_S * 0.6)

    assert reader.read(IMAGE) == reader.read(IMAGE) != []


def test_a_limited_number_of_lines_is_recognized() -> None:
    reader, engine = loaded(list(range(6, 46)))

    assert len(reader.read(IMAGE)) == MAX_LINES
    assert engine.recognized == list(range(45, 45 - MAX_LINES, -1))


def test_lines_too_small_to_read_are_not_recognized() -> None:
    reader, engine = loaded([4, 20])
    reader.read(IMAGE)

    assert engine.recognized == [20]


def test_one_image_is_read_at_a_time() -> None:
    reader, engine = loaded([20] * 5)
    threads = [threading.Thread(target=reader.read, args=(IMAGE,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(engine.recognized) == 20
    assert engine.most_concurrent == 1


def test_load_and_unload_are_idempotent() -> None:
    started: list[ScriptedEngine] = []

    def start() -> ScriptedEngine:
        started.append(ScriptedEngine([20], Clock()))
        return started[-1]

    reader = TextReader(start_engine=start)
    reader.load()
    reader.load()
    assert len(started) == 1

    reader.unload()
    reader.unload()
    with pytest.raises(RuntimeError, match="load"):
        reader.read(IMAGE)

    reader.load()
    assert len(started) == 2


@pytest.mark.parametrize("package", ["rapidocr", "onnxruntime", "cv2"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ModelUnavailable, match=rf"{package}.*bin/setup.*FORGE_OCR=off"):
        TextReader().load()
