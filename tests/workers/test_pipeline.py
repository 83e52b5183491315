import json
from collections.abc import Iterator

import pytest
from PIL import Image

from decoding import Limits, Unsupported
from tests.workers.images import encoded, left_red_right_blue
from workers.models import create
from workers.models.options import Options
from workers.pipeline import NoCaptionProduced, describe
from workers.runtime.engine import Engine


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine(*create("scripted"), batch_size=2)
    engine.load()
    yield engine
    engine.close(10)


def test_an_image_gets_the_six_metadata_fields(engine: Engine) -> None:
    composed = describe(
        engine, encoded(left_red_right_blue(), "PNG"), limits=Limits(pixels=10_000), timeout_s=10
    ).composed
    metadata = composed.as_metadata()
    assert list(metadata) == ["title", "alt", "caption", "description", "filename", "seoTags"]
    assert all(metadata.values())
    assert "beside" in composed.caption
    assert "red" in composed.description
    assert "blue" in composed.description


def test_exif_orientation_decides_the_format(engine: Engine) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(left_red_right_blue(60, 40), "JPEG", exif=exif)
    composed = describe(engine, data, limits=Limits(pixels=10_000), timeout_s=10).composed
    assert "portrait format" in composed.description


def test_the_same_bytes_give_the_same_metadata(engine: Engine) -> None:
    data = encoded(left_red_right_blue(), "JPEG")
    first, second = (describe(engine, data, limits=Limits(pixels=10_000), timeout_s=10) for _ in range(2))
    assert first.composed == second.composed


def test_provenance_is_json_with_models_scores_and_times(engine: Engine) -> None:
    analysis = describe(engine, encoded(left_red_right_blue(), "PNG"), limits=Limits(pixels=10_000), timeout_s=10)
    provenance = json.loads(json.dumps(analysis.provenance))
    assert provenance["models"]["captioner"] == {
        "name": "scripted-captioner",
        "revision": "1",
        "options": {},
    }
    assert provenance["assessment"] == analysis.assessment
    assert set(analysis.assessment) == {"kind", "confidence", "needsReview"}
    assert provenance["captions"][0]["confidence"] == 0.9
    assert "similarity" not in provenance["captions"][0]  # CLIP has not scored it
    assert {tag["confidence"] for tag in provenance["tags"]} == {0.9, 0.6}
    assert set(provenance["milliseconds"]) == {"decode", "wait", "caption", "tag", "read", "compose"}


def test_an_image_without_a_required_caption_fails_instead_of_an_empty_alt() -> None:
    engine = Engine(*create("scripted", silent_color="#00ff00"), batch_size=2)
    engine.load()
    with pytest.raises(NoCaptionProduced):
        describe(
            engine, encoded(Image.new("RGB", (40, 30), "#00ff00"), "PNG"), limits=Limits(pixels=10_000), timeout_s=10
        )
    assert describe(
        engine, encoded(left_red_right_blue(), "PNG"), limits=Limits(pixels=10_000), timeout_s=10
    ).composed.alt
    engine.close(10)


def test_a_file_that_is_no_image_is_rejected_before_inference(engine: Engine) -> None:
    items = engine.batcher.items
    with pytest.raises(Unsupported):
        describe(engine, b"hello", limits=Limits(pixels=10_000), timeout_s=10)
    assert engine.batcher.items == items


def test_regions_of_english_are_translations_in_their_spelling(engine: Engine) -> None:
    options = Options(language="en-US", translations=("en-GB",))

    analysis = describe(
        engine, encoded(left_red_right_blue(), "PNG"), limits=Limits(pixels=10_000), timeout_s=10, options=options
    )

    assert "main colors are red" in analysis.metadata["description"]
    assert "main colours are red" in analysis.translated["en-GB"]["description"]
    assert set(analysis.translated["en-GB"]) == {"title", "alt", "caption", "description", "seoTags"}
