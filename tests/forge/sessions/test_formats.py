"""Accepted image formats."""

from collections.abc import Callable

import pi_heif
import pytest
from PIL import Image as PillowImage

import decoding
from tests import images
from tests.decoding import files
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


def test_broken_exif_is_accepted(api: ApiClient) -> None:
    data = files.jpeg_with(files.jpeg_segment(0xE1, b"Exif\0\0neither II nor MM"))
    assert api.upload(("phone.jpg", data)).status_code == 201


def test_whole_file_of_a_variant_that_is_not_read_is_unsupported(api: ApiClient) -> None:
    response = api.upload(("scan.jpg", files.lossless_jpeg((128,), precision=12)))
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_image")


def test_image_has_the_size_of_its_clean_aperture(api: ApiClient) -> None:
    image = api.upload(("a.avif", files.clean_aperture_avif(0, 80))).json()["images"][0]
    assert (image["width"], image["height"]) == (80, 120)
