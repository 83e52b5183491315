"""The words of the shipped models for real files, through the whole pipeline with text reading."""

import io
import re
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from decoding import Limits
from tests.workers.images import SAMPLES, bar_chart, page_of_text
from workers import models
from workers.analysis import Analysis
from workers.models.ocr import create_reader
from workers.models.options import Options
from workers.pipeline import describe
from workers.runtime.engine import Engine

Describe = Callable[..., Analysis]


@pytest.fixture(scope="module")
def words_of() -> Iterator[Describe]:
    engine = Engine(*models.create("embedded", threads=1), batch_size=1)
    engine.load()
    reader = create_reader("auto")
    yield lambda data, **options: describe(
        engine, data, limits=Limits(pixels=10**8), timeout_s=60, reader=reader, options=Options(**options)
    )
    engine.close()


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def all_words(analysis: Analysis) -> set[str]:
    metadata = analysis.composed.as_metadata()
    text = " ".join((metadata["title"], metadata["alt"], metadata["caption"], metadata["description"]))
    return set(re.findall(r"[a-z0-9]+", text.lower()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat", {"cat"}),
        ("coffee", {"coffee", "cup", "espresso"}),
        ("officer", {"person"}),
        ("photographer", {"person", "camera", "tripod"}),
        ("raccoon", {"animal", "raccoon"}),
        ("rocket", {"rocket"}),
        ("deep-field", {"galaxy", "galaxies", "star", "stars", "space"}),
        ("horse", {"horse"}),
    ],
)
def test_the_alt_of_each_sample_names_its_main_thing(words_of: Describe, name: str, expected: set[str]) -> None:
    alt = words_of((SAMPLES / f"{name}.jpg").read_bytes()).composed.alt

    assert expected & set(re.findall(r"[a-z]+", alt.lower())), alt


@pytest.mark.parametrize(
    ("image", "kinds"),
    [(bar_chart(), {"chart", "diagram", "logo"}), (page_of_text(), {"document", "screenshot"})],
    ids=["chart", "page"],
)
def test_a_chart_or_page_is_no_product(words_of: Describe, image: Image.Image, kinds: set[str]) -> None:
    """Earlier words were socks and a wallet at confidence 0.9. A plain drawn chart may still be taken for a logo."""
    analysis = words_of(png(image))

    assert analysis.composed.kind in kinds
    assert analysis.composed.needs_review or analysis.composed.kind != "logo"
    assert not {"socks", "wallet", "product", "shoes", "person"} & all_words(analysis)


@pytest.mark.parametrize("color", ["white", "black", "red"])
def test_a_blank_file_is_called_blank(words_of: Describe, color: str) -> None:
    composed = words_of(png(Image.new("RGB", (400, 300), color))).composed

    assert composed.alt == f"A blank {color} image"
    assert composed.needs_review


def test_the_provenance_has_the_evidence(words_of: Describe) -> None:
    evidence = words_of((SAMPLES / "cat.jpg").read_bytes()).provenance["evidence"]

    assert isinstance(evidence, dict)
    assert set(evidence["kinds"]) >= {"photo"}
    assert "cat" in {noun["noun"] for noun in evidence["nouns"]}


@pytest.mark.parametrize("name", ["cat", "coffee", "rocket"])
def test_the_embedded_captioner_does_the_options(words_of: Describe, name: str) -> None:
    data = (SAMPLES / f"{name}.jpg").read_bytes()

    found = words_of(data, keywords=("Elephant", name), tag_count=2, alt_max_length=40)
    assert found.metadata["seoTags"][0] == name
    assert len(found.metadata["seoTags"]) == 2
    assert len(found.metadata["alt"]) <= 40
    assert found.extras["unusedKeywords"] == ["Elephant"]

    without = words_of(data, excluded_keywords=(name,))
    assert name not in all_words(without)
    assert name not in " ".join(without.metadata["seoTags"]).split()
    assert name not in without.metadata["filename"].split("-")
    assert len(without.metadata["alt"]) > 5


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_blank_image_is_decorative_where_it_may_be(words_of: Describe, mode: str) -> None:
    blank = png(Image.new(mode, (300, 200)))

    assert (words_of(blank, decorative=True).metadata["alt"], words_of(blank).metadata["alt"] != "") == ("", True)
    assert words_of(blank, decorative=True).extras == {"decorative": True}
