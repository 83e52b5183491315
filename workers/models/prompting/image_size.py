"""The sides of an image for a vision model."""

from PIL import Image

MAX_SIDE = 1024
MIN_SIDE = 256


def scaled(image: Image.Image, side: int) -> Image.Image:
    """Return the image with at most `side` pixels a side."""
    scale = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image if scale == 1.0 else image.resize((width, height), Image.Resampling.LANCZOS)
