"""BLIP's captions reranked by CLIP, and the models that `auto` chooses."""

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
from tests.workers.clip_checkpoints import save_clip
from tests.workers.images import SAMPLES, solid
from workers import models
from workers.imaging.decoding import decode
from workers.models import blip_clip
from workers.models.base import Caption, Captioner, ModelUnavailable, Pixels
from workers.models.blip_clip import RerankingCaptioner, rerank
from workers.models.checkpoints import store
from workers.models.embedded import EmbeddedCaptioner

DOG, PUPPY, PARK = (Caption(text, 0.5) for text in ("a dog on grass", "dogs on the grass", "people in a park"))


class FixedCaptioner(Captioner):
    requires_caption = True
    name, revision = "fixed", "1"

    def __init__(self, *captions: Sequence[Caption]) -> None:
        self.captions, self.loaded = [list(candidates) for candidates in captions], False

    def load(self) -> None:
        self.loaded = True

    def unload(self) -> None:
        self.loaded = False

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        return self.captions[: len(batch)]


class FixedScorer:
    """A scorer for which every image matches `text` alone."""

    def __init__(self, text: str) -> None:
        self.text, self.loaded, self.logit_scale = text, False, 100.0
        self.scored: list[str] = []

    def load(self) -> None:
        self.loaded = True

    def unload(self) -> None:
        self.loaded = False

    def embed_images(self, images: Sequence[Pixels]) -> Any:
        import torch

        return torch.tensor([[1.0, 0.0]] * len(images))

    def embed_texts(self, texts: Sequence[str]) -> Any:
        import torch

        self.scored += texts
        return torch.tensor([[1.0, 0.0] if text == self.text else [0.0, 1.0] for text in texts])


def texts(*images: list[Caption]) -> list[list[str]]:
    return [[caption.text for caption in captions] for captions in images]


def with_similarities(captions: list[Caption], similarities: list[float]) -> list[Caption]:
    return [replace(caption, similarity=one) for caption, one in zip(captions, similarities, strict=True)]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both default checkpoints in the layout of `models pull`."""
    folder = tmp_path_factory.mktemp("models")
    save_blip(folder / store.BLIP)
    save_clip(folder / store.CLIP)
    return folder


def test_the_caption_most_similar_to_the_image_comes_first() -> None:
    reranking = RerankingCaptioner(FixedCaptioner([DOG, PARK], [PARK, DOG]), FixedScorer(PARK.text))
    assert texts(*reranking.predict([solid("red"), solid("blue")])) == [[PARK.text, DOG.text]] * 2


def test_each_caption_keeps_its_similarity() -> None:
    reranking = RerankingCaptioner(FixedCaptioner([DOG, PARK]), FixedScorer(PARK.text))
    assert [caption.similarity for caption in reranking.predict([solid("red")])[0]] == [1.0, 0.0]


def test_equal_captions_are_embedded_once_per_batch() -> None:
    scorer = FixedScorer("")
    RerankingCaptioner(FixedCaptioner([DOG, PARK], [PARK, DOG]), scorer).predict([solid("red"), solid("blue")])
    assert scorer.scored == [DOG.text, PARK.text]


def test_an_image_without_candidates_stays_without() -> None:
    scorer = FixedScorer(DOG.text)
    assert texts(*RerankingCaptioner(FixedCaptioner([], [DOG]), scorer).predict([solid("red"), solid("blue")])) == [
        [],
        [DOG.text],
    ]
    assert RerankingCaptioner(FixedCaptioner([], []), scorer).predict([solid("red"), solid("blue")]) == [[], []]


def test_the_best_caption_of_another_subject_comes_second() -> None:
    dog, puppy, park = with_similarities([DOG, PUPPY, PARK], [0.3, 0.2, 0.1])
    assert rerank([dog, puppy, park], 10) == [dog, park, puppy]
    assert rerank([dog, puppy], 10) == [dog, puppy]
    assert rerank([dog], 10) == [dog]


def test_equal_similarities_are_ordered_by_confidence() -> None:
    sure, unsure = Caption("a dog", 0.9), Caption("a cat", 0.1)
    assert texts(rerank(with_similarities([unsure, sure], [0.1, 0.1]), 10)) == [["a dog", "a cat"]]
    assert texts(rerank(with_similarities([unsure, sure], [0.4, 0.1]), 10)) == [["a cat", "a dog"]]


def test_captioner_and_scorer_are_loaded_and_unloaded() -> None:
    captioner, scorer = FixedCaptioner(), FixedScorer("")
    reranking = RerankingCaptioner(captioner, scorer)
    reranking.load()
    assert captioner.loaded
    assert scorer.loaded
    reranking.unload()
    assert not captioner.loaded
    assert not scorer.loaded
    assert (reranking.name, reranking.revision, reranking.requires_caption) == ("fixed", "1", True)


def test_captioner_and_tagger_share_one_clip(checkpoints: Path) -> None:
    captioner, tagger = models.create("blip-clip", folder=checkpoints, precision="fp32", threads=1)
    captioner.load()
    tagger.load()
    assert captioner._scorer is tagger._clip  # type: ignore[attr-defined]
    assert captioner.name == store.BLIP
    assert captioner.revision.endswith("+fp32")
    assert tagger.name == store.CLIP
    image = decode((SAMPLES / "cat.jpg").read_bytes(), limits=Limits(pixels=10**8)).pixels
    alone, again = captioner.predict([image])[0], captioner.predict([solid("red"), image])[1]
    assert alone
    assert [caption.text for caption in alone] == [caption.text for caption in again]
    assert isinstance(tagger.predict([image])[0], list)
    captioner.unload()
    tagger.unload()


def test_auto_uses_installed_checkpoints_else_the_embedded_models(checkpoints: Path, tmp_path: Path) -> None:
    options: dict[str, object] = {"precision": "fp32", "blip": store.BLIP, "clip": store.CLIP, "threads": 1}
    assert isinstance(models.create("auto", folder=checkpoints, **options)[0], RerankingCaptioner)
    assert isinstance(models.create("auto", folder=tmp_path, **options)[0], EmbeddedCaptioner)
    assert isinstance(models.create("auto", threads=1)[0], EmbeddedCaptioner)


def test_auto_logs_an_unusable_checkpoint(checkpoints: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
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
def test_missing_weights_name_the_command_that_fetches_them(
    tmp_path: Path, options: dict[str, object], command: str
) -> None:
    with pytest.raises(ModelUnavailable, match=f"(?i){command}"):
        models.create("blip-clip", folder=tmp_path, **options)


def test_an_incomplete_checkpoint_names_the_file_and_the_command(checkpoints: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoints, tmp_path / "models"))
    (copy / store.CLIP / "model.safetensors").unlink()
    with pytest.raises(ModelUnavailable, match=r"lacks model\.safetensors; `bin/manage models pull`"):
        models.create("blip-clip", folder=copy)


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": True}, {"delay_ms": 1}])
def test_a_bad_option_is_named_in_the_error(checkpoints: Path, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        models.create("blip-clip", folder=checkpoints, **options)


def test_checkpoints_may_be_absolute_paths(checkpoints: Path, tmp_path: Path) -> None:
    options: dict[str, object] = {"blip": str(checkpoints / store.BLIP), "clip": str(checkpoints / store.CLIP)}
    assert isinstance(models.create("blip-clip", folder=tmp_path, **options)[0], RerankingCaptioner)
    assert blip_clip.is_installed({"folder": tmp_path, **options})


def test_captions_depend_on_the_pixels_alone(checkpoints: Path) -> None:
    """A copy of the array, which no cache by identity finds, gets the same captions."""
    captioner, _ = models.create("blip-clip", folder=checkpoints, precision="fp32")
    captioner.load()
    image = np.random.default_rng(1).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    assert captioner.predict([image]) == captioner.predict([image.copy()])
    captioner.unload()
