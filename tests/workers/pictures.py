"""Pictures made on the spot, as bytes and as arrays."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "samples"


def solid(color: tuple[int, int, int] | str, width: int = 40, height: int = 30) -> NDArray[np.uint8]:
    return np.array(Image.new("RGB", (width, height), color), dtype=np.uint8)


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def left_red_right_blue(width: int = 64, height: int = 32) -> Image.Image:
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image
