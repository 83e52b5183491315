"""Generated test images, as bytes and as arrays."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

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


def bar_chart() -> Image.Image:
    image = Image.new("RGB", (800, 600), "white")
    draw = ImageDraw.Draw(image)
    for number, height in enumerate((120, 310, 220, 400, 90)):
        left = 120 + number * 120
        draw.rectangle((left, 520 - height, left + 80, 520), fill="brown")
    draw.line((90, 60, 90, 520, 720, 520), fill="grey", width=3)
    draw.text((200, 15), "Visits by month of the year", fill="grey", font=ImageFont.load_default(28))
    return image


def page_of_text() -> Image.Image:
    image = Image.new("RGB", (800, 600), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    for top in range(20, 580, 34):
        draw.text((30, top), "What is written here is only told as written lines", fill="black", font=font)
    return image
