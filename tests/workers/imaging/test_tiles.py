"""Images longer than 2.5:1 are cut into tiles beside the whole."""

import itertools

import numpy as np
import pytest
from PIL import Image

from decoding import Limits
from tests.workers.images import encoded
from workers.imaging.decoding import DecodedImage, decode
from workers.imaging.tiles import tile_spans


def read(data: bytes, max_side: int = 448) -> DecodedImage:
    return decode(data, limits=Limits(pixels=50_000_000), max_side=max_side)


def stripes(width: int, height: int) -> Image.Image:
    """Red rises from left to right, green from top to bottom."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8))


@pytest.mark.parametrize("size", [(100, 100), (640, 480), (480, 640), (2500, 1000), (400, 1000), (1, 1), (2, 1)])
def test_usual_images_have_no_tiles(size: tuple[int, int]) -> None:
    assert read(encoded(stripes(*size), "PNG")).tiles == ()


@pytest.mark.parametrize("ratio", [2.51, 2.7, 3, 3.5, 4, 5, 6, 8, 20])
def test_two_to_five_overlapping_tiles_cover_the_long_side(ratio: float) -> None:
    width = round(1000 * ratio)
    spans = tile_spans(width, 1000)
    assert tile_spans(1000, width) == spans
    assert 2 <= len(spans) <= 5
    assert (spans[0][0], spans[-1][1]) == (0, width)
    for (first, end), (following, _) in itertools.pairwise(spans):
        assert 0.05 < (end - following) / (end - first) < 0.15
    if ratio <= 6:
        assert all(900 <= end - first <= 1500 for first, end in spans)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_tiles_of_a_panorama_have_the_scale_of_the_model(file_format: str) -> None:
    decoded = read(encoded(stripes(4000, 1000), file_format))
    assert decoded.pixels.shape == (112, 448, 3)
    assert [max(tile.shape) for tile in decoded.tiles] == [448] * len(decoded.tiles)
    assert all(tile.dtype == np.uint8 and tile.flags.owndata for tile in decoded.tiles)
    reds = [float(tile[..., 0].mean()) for tile in decoded.tiles]
    assert reds == sorted(reds)
    assert reds[0] < 50 < 205 < reds[-1]


def test_tiles_follow_the_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = read(encoded(stripes(3000, 800), "JPEG"))
    turned = read(encoded(stripes(3000, 800), "JPEG", exif=exif))
    assert (turned.width, turned.height) == (800, 3000)
    assert [tile.shape[:2] for tile in turned.tiles] == [tile.shape[1::-1] for tile in upright.tiles]
    assert turned.tiles[0][..., 0].mean() < turned.tiles[-1][..., 0].mean()


def test_larger_decode_has_larger_tiles() -> None:
    tiles = read(encoded(stripes(1000, 6000), "PNG"), 1280).tiles
    assert all(max(tile.shape) == 1280 and tile.shape[1] > 900 for tile in tiles)
    assert len(tiles) == len(read(encoded(stripes(1000, 6000), "PNG")).tiles)


def test_very_long_image_has_five_tiles() -> None:
    decoded = read(encoded(Image.new("RGB", (60_000, 1), "red"), "PNG"))
    assert len(decoded.tiles) == 5
    assert all(tile.shape == (1, 448, 3) for tile in decoded.tiles)
