"""The CLIP tagger on a small random checkpoint, whose tags are meaningless but deterministic."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workers.clip_checkpoints import save_clip
from tests.workers.images import solid
from workers.models.base import Caption, Captioner, Hint, Pixels, Tag
from workers.models.clip.encoder import Clip
from workers.models.clip.tagger import ClipTagger
from workers.models.clip.vocabulary import Term, read_vocabulary
from workers.models.evidence import Evidence
from workers.runtime.engine import Engine

# Every twentieth term.
TERMS = read_vocabulary()[::20]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("checkpoints") / "small-clip")


class RandomTextClip(Clip):
    """Random text embeddings: those of random weights are nearly parallel, so that no term differs from the mean."""

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in texts]
        drawn = [torch.from_numpy(np.random.default_rng(seed).normal(size=24)).float() for seed in seeds]
        return torch.nn.functional.normalize(torch.stack(drawn), dim=-1) if drawn else super().embed_texts(texts)


@pytest.fixture(scope="module")
def tagger(folder: Path) -> ClipTagger:
    """A tagger with the whole vocabulary."""
    tagger = ClipTagger(RandomTextClip(folder, threads=1))
    tagger.load()
    return tagger


@pytest.fixture(scope="module")
def images() -> list[Pixels]:
    rng = np.random.default_rng(3)
    small = rng.integers(0, 256, (24, 4, 5, 3), dtype=np.uint8)
    return [image.repeat(12, axis=0).repeat(9, axis=1) for image in small]


def in_batches(tagger: ClipTagger, images: Sequence[Pixels], size: int) -> list[list[Tag]]:
    return [tags for at in range(0, len(images), size) for tags in tagger.predict(images[at : at + size])]


def texts(tags: Sequence[Tag]) -> list[str]:
    return [tag.text for tag in tags]


def test_tags_do_not_depend_on_the_batch(tagger: ClipTagger, images: list[Pixels]) -> None:
    alone = in_batches(tagger, images, 1)
    assert any(alone)
    for size in (3, 8):
        together = in_batches(tagger, images, size)
        assert [texts(tags) for tags in together] == [texts(tags) for tags in alone]


def evidence_in_batches(tagger: ClipTagger, images: Sequence[Pixels], size: int) -> list[Evidence]:
    return [found for at in range(0, len(images), size) for found in tagger.evidence(images[at : at + size])]


def test_evidence_does_not_depend_on_the_batch(tagger: ClipTagger, images: list[Pixels]) -> None:
    alone = evidence_in_batches(tagger, images, 1)
    assert any(found.nouns for found in alone)
    assert len(set(alone)) == len(images)
    for size in (1, 3, 8):
        assert evidence_in_batches(tagger, images, size) == alone


class BatchDependentClip(RandomTextClip):
    """Returns other embeddings in a batch, as an extreme case of rounding."""

    calls: int = 0

    def embed_images(self, images: Sequence[Pixels]) -> Tensor:
        self.calls += 1
        vectors = super().embed_images(images)
        return vectors if len(images) == 1 else vectors.flip(0)


def test_an_image_whose_tags_depend_on_rounding_is_encoded_again_alone(
    folder: Path, images: list[Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = BatchDependentClip(folder)
    tagger = ClipTagger(clip)
    tagger.load()
    alone = in_batches(tagger, images[:8], 1)
    # Makes every selection sensitive to rounding.
    monkeypatch.setattr("workers.models.clip.tagger.COSINE_ROUNDING", 1.0)
    clip.calls = 0
    assert tagger.predict(images[:8]) == alone
    assert clip.calls == 9
    # The same, without encoding any image again.
    evidence = tagger.evidence(images[:8])
    assert clip.calls == 9
    assert evidence == evidence_in_batches(tagger, images[:8], 1)


def test_a_blank_image_has_no_tags(tagger: ClipTagger) -> None:
    assert tagger.predict([solid("white"), solid("#204080")]) == [[], []]


def test_an_empty_batch_has_an_empty_result(tagger: ClipTagger) -> None:
    assert tagger.predict([]) == []
    assert tagger.evidence([]) == []


def test_a_tag_has_a_confidence_and_the_attributes_of_its_term(tagger: ClipTagger, images: list[Pixels]) -> None:
    terms = {term.text: term for term in read_vocabulary()}
    for tag in (tag for tags in tagger.predict(images) for tag in tags):
        assert 0 < tag.confidence <= 1
        term = terms[tag.text]
        assert (tag.kind, tag.parent, tag.number) == (term.kind, term.parent, term.number)


class MatchingClip(RandomTextClip):
    """Embeds prompts with the word "staged" exactly as the given image."""

    def __init__(self, folder: Path, image: Pixels) -> None:
        super().__init__(folder)
        self._image = image

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        vectors = super().embed_texts(texts)
        vectors[[place for place, text in enumerate(texts) if "staged" in text]] = self.embed_images([self._image])[0]
        return vectors


def test_an_account_s_terms_tag_its_own_images_only(folder: Path, images: list[Pixels]) -> None:
    image = images[0]
    tagger = ClipTagger(MatchingClip(folder, image), terms=TERMS)
    tagger.load()
    batch = [image, image.copy(), image.copy()]
    hints = [Hint(terms=("staged widget",)), Hint(), Hint(terms=("staged crate", "something else"))]
    alice, without, bob = (texts(tags) for tags in tagger.tag(batch, hints))
    assert alice == ["staged widget", *without]
    assert bob == ["staged crate", *without]
    assert without == texts(tagger.predict([image])[0])


def test_an_account_s_term_that_is_in_the_vocabulary_is_no_second_tag(tagger: ClipTagger, images: list[Pixels]) -> None:
    hints = [Hint(terms=tuple(f"{term.text}s" for term in read_vocabulary()[:100]))] * len(images)
    assert tagger.tag(images, hints) == tagger.predict(images)


def test_the_caption_reaches_the_tag_selection(folder: Path, images: list[Pixels]) -> None:
    either = [Term(text, f"staged {text}", group="either", max_tags=1) for text in ("dawn", "dusk")]
    tagger = ClipTagger(MatchingClip(folder, images[0]), terms=[*either, *TERMS])
    tagger.load()
    for caption, kept in (("", "dawn"), ("a field at dusk", "dusk"), ("a field at dawn", "dawn")):
        assert texts(tagger.tag([images[0]], [Hint(caption=caption)])[0]) == [kept]


def test_the_vocabulary_is_embedded_once_per_checkpoint(folder: Path, tmp_path: Path, images: list[Pixels]) -> None:
    batch_sizes: list[int] = []

    class CountingClip(Clip):
        def embed_texts(self, texts: Sequence[str]) -> Tensor:
            batch_sizes.append(len(texts))
            return super().embed_texts(texts)

    results = []
    for _ in range(2):
        tagger = ClipTagger(CountingClip(folder), cache=tmp_path, terms=TERMS)
        tagger.load()
        results.append(tagger.predict(images))
        tagger.unload()
    assert results[0] == results[1]
    assert batch_sizes.count(len(TERMS)) == 1


def test_the_revision_names_checkpoint_and_vocabulary(tagger: ClipTagger, folder: Path) -> None:
    assert ClipTagger(Clip(folder)).revision == ""
    checkpoint, vocabulary = tagger.revision.split("+")
    fewer = ClipTagger(Clip(folder), terms=TERMS)
    fewer.load()
    assert tagger.name == "small-clip"
    assert fewer.revision.startswith(f"{checkpoint}+")
    assert not fewer.revision.endswith(vocabulary)


def test_tags_are_the_same_after_unload_and_load(folder: Path, images: list[Pixels]) -> None:
    tagger = ClipTagger(RandomTextClip(folder))
    tagger.load()
    tagger.load()
    before = tagger.predict(images[:3]), tagger.evidence(images[:3])
    tagger.unload()
    tagger.unload()
    tagger.load()
    assert (tagger.predict(images[:3]), tagger.evidence(images[:3])) == before


class OneCaptionCaptioner(Captioner):
    name = "one-caption"
    revision = "1"

    def load(self) -> None:
        pass

    def unload(self) -> None:
        pass

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        return [[Caption("a staged dusk", 0.9)] for _ in batch]


def test_the_engine_passes_terms_and_caption_to_the_tagger(folder: Path, images: list[Pixels]) -> None:
    either = [Term(text, f"staged {text}", group="either", max_tags=1) for text in ("dawn", "dusk")]
    clip = MatchingClip(folder, images[0])
    engine = Engine(OneCaptionCaptioner(), ClipTagger(clip, terms=[*either, *TERMS]), batch_size=4)
    engine.load()
    assert texts(engine.describe(images[0], 60, terms=("staged widget",)).tags) == ["dusk", "staged widget"]
    assert texts(engine.describe(images[0], 60).tags) == ["dusk"]
    engine.close(60)
