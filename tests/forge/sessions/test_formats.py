"""Accepted image formats."""

from collections.abc import Callable

import pi_heif
import pytest
from PIL import Image as PillowImage

import decoding
from tests import images
from tests.forge.conftest import ApiClient

SOLID = PillowImage.new("RGB", (40, 30), "teal")


FORMATS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: images.encode(SOLID, "JPEG"),
    "MPO": lambda: images.encode(SOLID, "MPO", save_all=True, append_images=[SOLID]),
    "PNG": lambda: images.encode(SOLID, "PNG"),
    "16-bit PNG": lambda: images.encode(PillowImage.new("I;16", (40, 30), 40_000), "PNG"),
    "palette PNG": lambda: images.encode(SOLID.convert("P"), "PNG"),
    "alpha PNG": lambda: images.encode(SOLID.convert("RGBA"), "PNG"),
    "WebP": lambda: images.encode(SOLID, "WEBP"),
    "GIF": lambda: images.encode(SOLID, "GIF"),
    "animated GIF": images.animated_gif,
    "BMP": lambda: images.encode(SOLID, "BMP"),
    "TIFF": lambda: images.encode(SOLID, "TIFF"),
    "CMYK JPEG": lambda: images.encode(SOLID.convert("CMYK"), "JPEG"),
    "grey JPEG": lambda: images.encode(SOLID.convert("L"), "JPEG"),
    "AVIF": lambda: images.encode(SOLID, "AVIF"),
}


@pytest.mark.parametrize("format", FORMATS)
def test_the_format_is_detected_from_the_bytes(api: ApiClient, format: str) -> None:
    response = api.upload(("image.txt", FORMATS[format]()))

    assert response.status_code == 201, response.json()
    image = response.json()["images"][0]
    assert (image["width"], image["height"]) == (40, 30)
    assert not image["uploadPath"].endswith(".txt")


def test_heic_is_an_accepted_format() -> None:
    """Without an encoder, which is GPL, the test checks that the decoder is registered and the format accepted."""
    assert pi_heif.libheif_version()
    assert decoding.FILE_TYPES["HEIF"] == ("heic", "image/heic")
    assert "HEIF" in PillowImage.OPEN


def test_a_rotated_image_has_its_upright_size(api: ApiClient) -> None:
    image = api.upload(("phone.jpg", images.rotated_jpeg((64, 48)))).json()["images"][0]

    assert (image["width"], image["height"]) == (48, 64)
