"""On a small random checkpoint, whose tags mean nothing, but are always the same."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workers.checkpoints import save_clip
from tests.workers.images import solid
from workers.models.base import Caption, Captioner, Hint, Pixels, Tag
from workers.models.clip.encoder import Clip
from workers.models.clip.tagger import ClipTagger
from workers.models.clip.vocabulary import Term, read_vocabulary
from workers.runtime.engine import Engine

# Every twentieth: enough to choose from.
TERMS = read_vocabulary()[::20]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("checkpoints") / "small-clip")


class Scattered(Clip):
    """Prompts lie in all directions: with random weights they lie in one, and nothing stands out of the crowd."""

    def texts(self, texts: Sequence[str]) -> Tensor:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in texts]
        drawn = [torch.from_numpy(np.random.default_rng(seed).normal(size=24)).float() for seed in seeds]
        return torch.nn.functional.normalize(torch.stack(drawn), dim=-1) if drawn else super().texts(texts)


@pytest.fixture(scope="module")
def tagger(folder: Path) -> ClipTagger:
    """With the whole vocabulary, so that there is much to choose from."""
    tagger = ClipTagger(Scattered(folder, threads=1))
    tagger.load()
    return tagger


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    chance = np.random.default_rng(3)
    small = chance.integers(0, 256, (24, 4, 5, 3), dtype=np.uint8)
    return [picture.repeat(12, axis=0).repeat(9, axis=1) for picture in small]


def in_batches(tagger: ClipTagger, pictures: Sequence[Pixels], size: int) -> list[list[Tag]]:
    return [tags for at in range(0, len(pictures), size) for tags in tagger.predict(pictures[at : at + size])]


def texts(tags: Sequence[Tag]) -> list[str]:
    return [tag.text for tag in tags]


def test_the_batch_makes_no_difference(tagger: ClipTagger, pictures: list[Pixels]) -> None:
    alone = in_batches(tagger, pictures, 1)
    assert any(alone)
    for size in (3, 8):
        together = in_batches(tagger, pictures, size)
        assert [texts(tags) for tags in together] == [texts(tags) for tags in alone]


class Shaky(Scattered):
    """Rounds otherwise in a batch, and more than any processor does at one place."""

    looks: int = 0

    def images(self, pixels: Sequence[Pixels]) -> Tensor:
        self.looks += 1
        vectors = super().images(pixels)
        return vectors if len(pixels) == 1 else vectors.flip(0)


def test_a_picture_whose_tags_hang_on_rounding_is_looked_at_without_the_batch(
    folder: Path, pictures: list[Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = Shaky(folder)
    tagger = ClipTagger(clip)
    tagger.load()
    alone = in_batches(tagger, pictures[:8], 1)
    # As if every choice were a close one.
    monkeypatch.setattr("workers.models.clip.tagger.ROUNDING", 1.0)
    clip.looks = 0
    assert tagger.predict(pictures[:8]) == alone
    assert clip.looks == 9


def test_an_empty_picture_has_no_tags(tagger: ClipTagger) -> None:
    assert tagger.predict([solid("white"), solid("#204080")]) == [[], []]


def test_of_no_pictures_nothing_is_said(tagger: ClipTagger) -> None:
    assert tagger.predict([]) == []


def test_a_tag_has_a_confidence_and_what_the_vocabulary_says_of_it(tagger: ClipTagger, pictures: list[Pixels]) -> None:
    known = {term.text: term for term in read_vocabulary()}
    for tag in (tag for tags in tagger.predict(pictures) for tag in tags):
        assert 0 < tag.confidence <= 1
        term = known[tag.text]
        assert (tag.kind, tag.parent, tag.number) == (term.kind, term.parent, term.number)


class Staged(Scattered):
    """To which prompts with the word "staged" fit a picture exactly."""

    def __init__(self, folder: Path, picture: Pixels) -> None:
        super().__init__(folder)
        self._picture = picture

    def texts(self, texts: Sequence[str]) -> Tensor:
        vectors = super().texts(texts)
        vectors[[place for place, text in enumerate(texts) if "staged" in text]] = self.images([self._picture])[0]
        return vectors


def test_an_accounts_terms_tag_its_own_pictures_alone(folder: Path, pictures: list[Pixels]) -> None:
    picture = pictures[0]
    tagger = ClipTagger(Staged(folder, picture), terms=TERMS)
    tagger.load()
    batch = [picture, picture.copy(), picture.copy()]
    hints = [Hint(terms=("staged widget",)), Hint(), Hint(terms=("staged crate", "something else"))]
    alice, nobody, bob = (texts(tags) for tags in tagger.tag(batch, hints))
    assert alice == ["staged widget", *nobody]
    assert bob == ["staged crate", *nobody]
    assert nobody == texts(tagger.predict([picture])[0])


def test_an_accounts_term_that_is_shipped_is_no_second_one(tagger: ClipTagger, pictures: list[Pixels]) -> None:
    hints = [Hint(terms=tuple(f"{term.text}s" for term in read_vocabulary()[:100]))] * len(pictures)
    assert tagger.tag(pictures, hints) == tagger.predict(pictures)


def test_what_the_captioner_said_is_heard(folder: Path, pictures: list[Pixels]) -> None:
    """By rules that are tested where they stand; here, that the caption gets there."""
    either = [Term(text, f"staged {text}", group="either", most=1) for text in ("dawn", "dusk")]
    tagger = ClipTagger(Staged(folder, pictures[0]), terms=[*either, *TERMS])
    tagger.load()
    for said, kept in (("", "dawn"), ("a field at dusk", "dusk"), ("a field at dawn", "dawn")):
        assert texts(tagger.tag([pictures[0]], [Hint(said=said)])[0]) == [kept]


def test_the_vocabulary_is_read_once_a_checkpoint(folder: Path, tmp_path: Path, pictures: list[Pixels]) -> None:
    asked: list[int] = []

    class Counted(Clip):
        def texts(self, texts: Sequence[str]) -> Tensor:
            asked.append(len(texts))
            return super().texts(texts)

    told = []
    for _ in range(2):
        tagger = ClipTagger(Counted(folder), cache=tmp_path, terms=TERMS)
        tagger.load()
        told.append(tagger.predict(pictures))
        tagger.unload()
    assert told[0] == told[1]
    assert asked.count(len(TERMS)) == 1


def test_its_revision_is_that_of_checkpoint_and_vocabulary(tagger: ClipTagger, folder: Path) -> None:
    assert ClipTagger(Clip(folder)).revision == ""
    checkpoint, vocabulary = tagger.revision.split("+")
    fewer = ClipTagger(Clip(folder), terms=TERMS)
    fewer.load()
    assert tagger.name == "small-clip"
    assert fewer.revision.startswith(f"{checkpoint}+")
    assert not fewer.revision.endswith(vocabulary)


def test_unloaded_it_says_the_same_once_loaded_again(folder: Path, pictures: list[Pixels]) -> None:
    tagger = ClipTagger(Scattered(folder))
    tagger.load()
    tagger.load()
    before = tagger.predict(pictures[:3])
    tagger.unload()
    tagger.unload()
    tagger.load()
    assert tagger.predict(pictures[:3]) == before


class Speaking(Captioner):
    name = "speaking"
    revision = "1"

    def load(self) -> None:
        pass

    def unload(self) -> None:
        pass

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        return [[Caption("a staged dusk", 0.9)] for _ in batch]


def test_the_engine_hands_terms_and_caption_on(folder: Path, pictures: list[Pixels]) -> None:
    either = [Term(text, f"staged {text}", group="either", most=1) for text in ("dawn", "dusk")]
    clip = Staged(folder, pictures[0])
    engine = Engine(Speaking(), ClipTagger(clip, terms=[*either, *TERMS]), batch_size=4)
    engine.load()
    assert texts(engine.describe(pictures[0], 60, terms=("staged widget",)).tags) == ["dusk", "staged widget"]
    assert texts(engine.describe(pictures[0], 60).tags) == ["dusk"]
    engine.close(60)
