"""Drawn text in Pillow's own scalable font, which every installation has."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from workers.models.base import Pixels
from workers.models.evidence import TextLine

# Text, left, top, size in pixels.
Text = tuple[str, int, int, int]


def drawn(
    texts: Sequence[Text], *, size: tuple[int, int] = (800, 600), ink: str = "black", paper: str = "white"
) -> Image.Image:
    image = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(image)
    for text, left, top, height in texts:
        draw.text((left, top), text, fill=ink, font=ImageFont.load_default(height))
    return image


def pixels(image: Image.Image) -> Pixels:
    return np.array(image, dtype=np.uint8)


def words(lines: Sequence[TextLine]) -> list[str]:
    return [line.text for line in lines]


def line(text: str, left: float, top: float, *, height: float = 0.05, width: float = 0.0) -> TextLine:
    """Return a line of usual proportions."""
    return TextLine(text, 0.99, left, top, left + (width or 0.5 * height * len(text)), top + height)
