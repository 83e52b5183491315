"""BLIP's sentences in the order that CLIP gives them, and which models `auto` takes."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decoding import Limits
from tests.workers.blip_checkpoints import save_blip
from tests.workers.checkpoints import save_clip
from tests.workers.images import SAMPLES, solid
from workers import models
from workers.imaging.decoding import decode
from workers.models import blip_clip
from workers.models.base import Caption, Captioner, ModelUnavailable, Pixels
from workers.models.blip_clip import Judged, ordered
from workers.models.checkpoints import store
from workers.models.embedded import EmbeddedCaptioner

DOG, PUPPY, PARK = (Caption(text, 0.5) for text in ("a dog on grass", "dogs on the grass", "people in a park"))


class Says(Captioner):
    must_speak = True
    name, revision = "says", "1"

    def __init__(self, *told: Sequence[Caption]) -> None:
        self.told, self.loaded = [list(captions) for captions in told], False

    def load(self) -> None:
        self.loaded = True

    def unload(self) -> None:
        self.loaded = False

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        return self.told[: len(batch)]


class Likes:
    """A judge to whom every picture shows `text`."""

    def __init__(self, text: str) -> None:
        self.text, self.loaded, self.scale = text, False, 100.0
        self.asked: list[str] = []

    def load(self) -> None:
        self.loaded = True

    def unload(self) -> None:
        self.loaded = False

    def images(self, pixels: Sequence[Pixels]) -> Any:
        import torch

        return torch.tensor([[1.0, 0.0]] * len(pixels))

    def texts(self, texts: Sequence[str]) -> Any:
        import torch

        self.asked += texts
        return torch.tensor([[1.0, 0.0] if text == self.text else [0.0, 1.0] for text in texts])


def texts(*pictures: list[Caption]) -> list[list[str]]:
    return [[caption.text for caption in captions] for captions in pictures]


def fitting(captions: list[Caption], similarities: list[float]) -> list[Caption]:
    return [replace(caption, similarity=one) for caption, one in zip(captions, similarities, strict=True)]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both defaults, as `models pull` would lay them down."""
    folder = tmp_path_factory.mktemp("models")
    save_blip(folder / store.BLIP)
    save_clip(folder / store.CLIP)
    return folder


def test_the_sentence_that_fits_the_picture_comes_first() -> None:
    judged = Judged(Says([DOG, PARK], [PARK, DOG]), Likes(PARK.text))
    assert texts(*judged.predict([solid("red"), solid("blue")])) == [[PARK.text, DOG.text]] * 2


def test_what_the_picture_says_of_each_sentence_is_kept() -> None:
    judged = Judged(Says([DOG, PARK]), Likes(PARK.text))
    assert [caption.similarity for caption in judged.predict([solid("red")])[0]] == [1.0, 0.0]


def test_each_sentence_is_read_once_a_batch() -> None:
    judge = Likes("")
    Judged(Says([DOG, PARK], [PARK, DOG]), judge).predict([solid("red"), solid("blue")])
    assert judge.asked == [DOG.text, PARK.text]


def test_a_picture_of_which_nothing_is_said_stays_so() -> None:
    judge = Likes(DOG.text)
    assert texts(*Judged(Says([], [DOG]), judge).predict([solid("red"), solid("blue")])) == [[], [DOG.text]]
    assert Judged(Says([], []), judge).predict([solid("red"), solid("blue")]) == [[], []]


def test_what_tells_of_something_else_follows_the_best() -> None:
    dog, puppy, park = fitting([DOG, PUPPY, PARK], [0.3, 0.2, 0.1])
    assert ordered([dog, puppy, park], 10) == [dog, park, puppy]
    assert ordered([dog, puppy], 10) == [dog, puppy]
    assert ordered([dog], 10) == [dog]


def test_where_the_picture_does_not_decide_the_surer_sentence_does() -> None:
    sure, unsure = Caption("a dog", 0.9), Caption("a cat", 0.1)
    assert texts(ordered(fitting([unsure, sure], [0.1, 0.1]), 10)) == [["a dog", "a cat"]]
    assert texts(ordered(fitting([unsure, sure], [0.4, 0.1]), 10)) == [["a cat", "a dog"]]


def test_both_are_loaded_and_unloaded() -> None:
    captioner, judge = Says(), Likes("")
    judged = Judged(captioner, judge)
    judged.load()
    assert captioner.loaded
    assert judge.loaded
    judged.unload()
    assert not captioner.loaded
    assert not judge.loaded
    assert (judged.name, judged.revision, judged.must_speak) == ("says", "1", True)


def test_the_pair_captions_and_tags_with_one_clip(checkpoints: Path) -> None:
    captioner, tagger = models.create("blip-clip", folder=checkpoints, precision="fp32", threads=1)
    captioner.load()
    tagger.load()
    assert captioner._judge is tagger._clip  # type: ignore[attr-defined]
    assert captioner.name == store.BLIP
    assert captioner.revision.endswith("+fp32")
    assert tagger.name == store.CLIP
    picture = decode((SAMPLES / "cat.jpg").read_bytes(), limits=Limits(pixels=10**8)).pixels
    alone, again = captioner.predict([picture])[0], captioner.predict([solid("red"), picture])[1]
    assert alone
    assert [caption.text for caption in alone] == [caption.text for caption in again]
    assert isinstance(tagger.predict([picture])[0], list)
    captioner.unload()
    tagger.unload()


def test_auto_takes_them_where_they_are_and_else_what_ships(checkpoints: Path, tmp_path: Path) -> None:
    options: dict[str, object] = {"precision": "fp32", "blip": store.BLIP, "clip": store.CLIP, "threads": 1}
    assert isinstance(models.create("auto", folder=checkpoints, **options)[0], Judged)
    assert isinstance(models.create("auto", folder=tmp_path, **options)[0], EmbeddedCaptioner)
    assert isinstance(models.create("auto", threads=1)[0], EmbeddedCaptioner)


def test_auto_tells_of_a_checkpoint_that_is_of_no_use(
    checkpoints: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = Path(shutil.copytree(checkpoints, tmp_path / "models"))
    (copy / store.BLIP / "model.safetensors").unlink()
    with caplog.at_level(logging.WARNING):
        assert isinstance(models.create("auto", folder=copy)[0], EmbeddedCaptioner)
    assert "lacks model.safetensors" in caplog.text


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ({}, "the weights of Salesforce/blip-image-captioning-base are not.*`bin/manage models pull`"),
        ({"blip": store.BLIP_LARGE}, f"`bin/manage models pull {store.BLIP_LARGE}`"),
        ({"blip": "/nowhere"}, "no checkpoint folder /nowhere"),
        ({"blip": "../elsewhere"}, "neither a model's name nor an absolute path"),
    ],
)
def test_missing_weights_are_told_with_the_command_that_mends_it(
    tmp_path: Path, options: dict[str, object], command: str
) -> None:
    with pytest.raises(ModelUnavailable, match=f"(?i){command}"):
        models.create("blip-clip", folder=tmp_path, **options)


def test_half_a_checkpoint_is_told_with_the_file_and_the_command(checkpoints: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoints, tmp_path / "models"))
    (copy / store.CLIP / "model.safetensors").unlink()
    with pytest.raises(ModelUnavailable, match=r"lacks model\.safetensors; `bin/manage models pull`"):
        models.create("blip-clip", folder=copy)


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": True}, {"delay_ms": 1}])
def test_a_bad_option_names_itself(checkpoints: Path, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        models.create("blip-clip", folder=checkpoints, **options)


def test_a_folder_elsewhere_may_be_named(checkpoints: Path, tmp_path: Path) -> None:
    options: dict[str, object] = {"blip": str(checkpoints / store.BLIP), "clip": str(checkpoints / store.CLIP)}
    assert isinstance(models.create("blip-clip", folder=tmp_path, **options)[0], Judged)
    assert blip_clip.is_here({"folder": tmp_path, **options})


def test_captions_are_of_pixels_only(checkpoints: Path) -> None:
    """The same pixels in another array, hence another object, get the same words."""
    captioner, _ = models.create("blip-clip", folder=checkpoints, precision="fp32")
    captioner.load()
    picture = np.random.default_rng(1).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    assert captioner.predict([picture]) == captioner.predict([picture.copy()])
    captioner.unload()
