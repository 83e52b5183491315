"""Text that the shipped models read in drawn images."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workers.images import SAMPLES
from tests.workers.models.ocr.drawings import drawn, pixels, words
from workers.models.ocr import TextReader
from workers.models.ocr.layout import headline
from workers.models.ocr.reader import MAX_LINES

ROOT = Path(__file__).parents[4]
POSTER = drawn(
    [("SUMMER FESTIVAL", 60, 60, 80), ("Live music and food", 60, 260, 40), ("Saturday 14 June", 60, 400, 40)],
)


def test_it_reads_a_poster_exactly_and_in_order(reader: TextReader) -> None:
    lines = reader.read(pixels(POSTER))

    assert words(lines) == ["SUMMER FESTIVAL", "Live music and food", "Saturday 14 June"]
    assert headline(lines) == "SUMMER FESTIVAL"


def test_boxes_are_shares_of_the_image_and_contain_the_text(reader: TextReader) -> None:
    title = reader.read(pixels(POSTER))[0]

    assert title.confidence > 0.9
    assert 0.03 < title.left < 0.1
    assert 0.08 < title.top < 0.16
    assert 0.7 < title.right <= 1
    assert 0.2 < title.bottom < 0.3


def test_it_reads_white_on_dark(reader: TextReader) -> None:
    image = drawn([("Open all night", 100, 250, 60)], ink="white", paper="#102040")

    assert words(reader.read(pixels(image))) == ["Open all night"]


def test_it_reads_a_receipt_row_by_row(reader: TextReader) -> None:
    rows = [("Milk", "1.20"), ("Bread", "2.85"), ("Butter", "3.40")]
    texts = [(item, 60, 150 + 90 * number, 36) for number, (item, _) in enumerate(rows)]
    texts += [(price, 460, 150 + 90 * number, 36) for number, (_, price) in enumerate(rows)]
    image = drawn([("Corner Shop", 60, 40, 44), *texts], size=(600, 500))

    assert words(reader.read(pixels(image))) == ["Corner Shop", "Milk", "1.20", "Bread", "2.85", "Butter", "3.40"]


def test_it_reads_columns_one_after_the_other(reader: TextReader) -> None:
    left = ["The river rises early", "in the northern hills", "and reaches the plain"]
    right = ["Ships could reach the", "harbor until the sand", "closed its entrance"]
    texts = [(text, 40, 100 + 60 * number, 30) for number, text in enumerate(left)]
    texts += [(text, 480, 100 + 60 * number, 30) for number, text in enumerate(right)]

    assert words(reader.read(pixels(drawn(texts, size=(860, 400))))) == [*left, *right]


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270])
def test_it_reads_text_rotated_by_a_quarter_turn(reader: TextReader, turn: Image.Transpose) -> None:
    image = drawn([("Number of visitors", 60, 40, 50)], size=(600, 140)).transpose(turn)

    assert words(reader.read(pixels(image))) == ["Number of visitors"]


def test_it_reads_slightly_rotated_text(reader: TextReader) -> None:
    image = drawn([("Farmers Market", 150, 250, 60)]).rotate(8, fillcolor="white")

    assert words(reader.read(pixels(image))) == ["Farmers Market"]


def test_it_reads_a_large_image(reader: TextReader) -> None:
    image = drawn([("Annual Report", 300, 600, 240)], size=(3000, 2000))

    assert words(reader.read(pixels(image))) == ["Annual Report"]


def test_it_reads_a_small_image(reader: TextReader) -> None:
    image = drawn([("Hello world", 10, 8, 16)], size=(120, 36))

    assert words(reader.read(pixels(image))) == ["Hello world"]


def test_it_reads_the_largest_lines_of_a_long_page(reader: TextReader) -> None:
    body = [(f"This is line number {number} of a page", 60, 160 + 34 * number, 20) for number in range(30)]
    lines = reader.read(pixels(drawn([("Chapter one", 60, 40, 60), *body], size=(800, 1200))))

    assert len(lines) == MAX_LINES
    assert lines[0].text == "Chapter one"
    assert [line.top for line in lines] == sorted(line.top for line in lines)


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (300, 8), (17, 2000), (2000, 17), (31, 31), (5000, 40)])
def test_images_of_any_proportions_are_read(reader: TextReader, size: tuple[int, int]) -> None:
    assert reader.read(pixels(Image.new("RGB", size, "white"))) == []


@pytest.mark.parametrize("color", ["white", "black", "#c04020"])
def test_a_blank_image_has_no_text(reader: TextReader, color: str) -> None:
    assert reader.read(pixels(Image.new("RGB", (640, 480), color))) == []


@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_text(reader: TextReader, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (480, 640, 3), dtype=np.uint8)

    assert reader.read(noise) == []


def test_stripes_and_a_grid_have_no_text(reader: TextReader) -> None:
    image = np.full((480, 640, 3), 255, np.uint8)
    image[:, ::16] = image[::24] = 0

    assert reader.read(image) == []


# The officer wears a name tag and badges, the rocket has its name on the hull.
@pytest.mark.parametrize("name", ["cat", "coffee", "deep-field", "horse", "photographer", "raccoon"])
def test_photographs_without_text_have_none(reader: TextReader, name: str) -> None:
    with Image.open(SAMPLES / f"{name}.jpg") as image:
        assert reader.read(pixels(image.convert("RGB"))) == []


def test_the_same_image_gives_the_same_lines_in_every_thread(reader: TextReader) -> None:
    image = pixels(POSTER)
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(reader.read, [image] * 6))

    assert all(result == results[0] for result in results)


def test_the_image_is_not_changed(reader: TextReader) -> None:
    image = pixels(POSTER)
    before = image.copy()
    reader.read(image)

    assert np.array_equal(image, before)


def test_a_view_that_is_not_contiguous_is_read(reader: TextReader) -> None:
    image = pixels(POSTER.transpose(Image.Transpose.FLIP_LEFT_RIGHT))[:, ::-1]

    assert "SUMMER FESTIVAL" in words(reader.read(image))


def test_importing_it_imports_no_library() -> None:
    code = (
        "import sys, workers.models.ocr.layout as layout; print({'cv2', 'rapidocr', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
