"""Text detection and recognition by PP-OCRv6 small, which the package rapidocr contains; nothing is downloaded."""

import math
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.models.base import ModelUnavailable, Pixels

Corners = NDArray[np.float32]
_MODELS = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}
LONGEST_SIDE = 1280
# Small images are scaled up to this: of the texts of 107 images 0.86 instead of 0.83 are found, in 0.1 s more.
SHORTEST_SIDE = 480
# A strip this many times as high as wide is read as text that was rotated by a quarter turn.
_VERTICAL_RATIO = 1.5


class Engine(Protocol):
    def scaled(self, pixels: Pixels) -> Pixels:
        """Return the RGB image (h, w, 3) within LONGEST_SIDE, in the engine's channel order."""

    def detect(self, image: Pixels) -> list[Corners]:
        """Return for each line its corners (4, 2) as x, y in pixels: top left, top right, bottom right, bottom left."""

    def recognize(self, image: Pixels, line: Corners) -> tuple[str, float]:
        """Return text and confidence 0..1 of a line."""


class RapidEngine:
    """rapidocr on onnxruntime. Not thread-safe."""

    def __init__(self, *, threads: int = 1) -> None:
        """Raises ModelUnavailable where packages or model files are missing."""
        try:
            import cv2
            import onnxruntime  # noqa: F401  # rapidocr itself imports it with its first model only
            import rapidocr
        except ImportError as error:
            raise ModelUnavailable(
                f"Text recognition lacks the package {error.name or error}; run bin/setup, or set FORGE_OCR=off."
            ) from error
        folder = Path(rapidocr.__file__).parent / "models"
        if missing := [name for name in _MODELS.values() if not (folder / name).is_file()]:
            raise ModelUnavailable(
                f"Text recognition lacks {folder / missing[0]}; install rapidocr again, or set FORGE_OCR=off."
            )
        cv2.setNumThreads(threads)
        self._cv2: Any = cv2
        self._rapid: Any = rapidocr.RapidOCR(params=_parameters(folder, threads))

    def scaled(self, pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        ratio = min(LONGEST_SIDE / max(height, width), max(1.0, SHORTEST_SIDE / min(height, width)))
        if ratio != 1:
            size = max(1, round(width * ratio)), max(1, round(height * ratio))
            method = self._cv2.INTER_AREA if ratio < 1 else self._cv2.INTER_LINEAR
            pixels = self._cv2.resize(pixels, size, interpolation=method)
        return np.ascontiguousarray(pixels[:, :, ::-1])

    def detect(self, image: Pixels) -> list[Corners]:
        found = self._rapid(image, use_det=True, use_cls=False, use_rec=False).boxes
        return [] if found is None else [np.asarray(corners, np.float32) for corners in found]

    def recognize(self, image: Pixels, line: Corners) -> tuple[str, float]:
        """As Engine. A vertical line is read in both directions, and the more confident reading returned."""
        strip = self._strip(image, line)
        height, width = strip.shape[:2]
        strips = [np.rot90(strip), np.rot90(strip, -1)] if height >= _VERTICAL_RATIO * width else [strip]
        result = self._rapid.recognize_txt(strips)
        text, confidence = max(zip(result.txts, result.scores, strict=True), key=lambda reading: reading[1])
        return str(text), float(confidence)

    def _strip(self, image: Pixels, corners: Corners) -> Pixels:
        """Return the line, made rectangular by a perspective transform."""
        sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
        width, height = (max(1, math.ceil(max(sides[first], sides[first + 2]))) for first in (0, 1))
        target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        transform = self._cv2.getPerspectiveTransform(corners, target)
        cubic, edge = self._cv2.INTER_CUBIC, self._cv2.BORDER_REPLICATE
        strip: Pixels = self._cv2.warpPerspective(image, transform, (width, height), flags=cubic, borderMode=edge)
        return strip


def _parameters(folder: Path, threads: int) -> dict[str, object]:
    return {
        "Global.log_level": "error",
        "Global.use_cls": False,
        "Global.use_preprocess_img": False,  # `scaled` did it
        "Det.model_path": str(folder / _MODELS["Det"]),
        "Det.limit_type": "max",
        "Det.limit_side_len": LONGEST_SIDE,
        "Rec.model_path": str(folder / _MODELS["Rec"]),
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
