import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workers.clip_checkpoints import save_clip
from workers.models.base import ModelUnavailable, Pixels
from workers.models.clip.encoder import COSINE_ROUNDING, Clip

SHAPES = [(40, 30), (30, 40), (1, 300), (300, 3), (3, 3), (64, 64), (200, 20), (33, 32)]
TEXTS = ["a photo of a cat", "dog", "", "a very long text " * 20, "été 雨 \N{DOG FACE}", "cat", "a red car", "snow"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("checkpoints") / "small-clip")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    clip = Clip(folder, threads=1)
    clip.load()
    return clip


@pytest.fixture(scope="module")
def images() -> list[Pixels]:
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in SHAPES]


def in_batches(run: Callable[[Sequence[object]], Tensor], items: Sequence[object], size: int) -> Tensor:
    return torch.cat([run(items[start : start + size]) for start in range(0, len(items), size)])


def test_images_and_texts_are_embedded_as_unit_vectors(clip: Clip, images: list[Pixels]) -> None:
    for vectors in (clip.embed_images(images), clip.embed_texts(TEXTS)):
        assert vectors.shape == (8, 24)
        assert vectors.dtype == torch.float32
        assert torch.allclose(vectors.norm(dim=-1), torch.ones(8))
        assert len(torch.unique(vectors.round(decimals=4), dim=0)) == 8


@pytest.mark.parametrize("size", [1, 3])
def test_embeddings_do_not_depend_on_the_batch(clip: Clip, images: list[Pixels], size: int) -> None:
    for run, items in ((clip.embed_images, images), (clip.embed_texts, TEXTS)):
        batched = in_batches(run, items, size)  # type: ignore[arg-type]
        assert (batched - run(items)).abs().max() < COSINE_ROUNDING  # type: ignore[arg-type]


def test_text_embeddings_equal_those_of_transformers(folder: Path, clip: Clip) -> None:
    """With padding to 77 tokens and an attention mask."""
    from transformers import CLIPModel, CLIPTokenizer

    model, tokenizer = CLIPModel.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder)
    rows = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=77, return_tensors="pt")
    expected = torch.nn.functional.normalize(model.get_text_features(**rows).pooler_output, dim=-1)
    assert torch.allclose(clip.embed_texts(TEXTS), expected.detach(), atol=COSINE_ROUNDING)


def test_an_empty_batch_has_no_embeddings(clip: Clip) -> None:
    assert clip.embed_images([]).shape == clip.embed_texts([]).shape == (0, 24)


def test_the_logit_scale_is_the_checkpoint_s(clip: Clip) -> None:
    assert clip.logit_scale == pytest.approx(np.exp(2.6592), rel=1e-3)


def test_another_checkpoint_has_another_revision(clip: Clip, tmp_path: Path) -> None:
    other = Clip(save_clip(tmp_path / "other", seed=1))
    other.load()
    assert (clip.name, other.name) == ("small-clip", "other")
    assert len(clip.revision) == 12
    assert clip.revision != other.revision


def test_bf16_approximates_fp32(folder: Path, clip: Clip, images: list[Pixels]) -> None:
    half = Clip(folder, dtype="bf16")
    half.load()
    assert (half.embed_images(images) * clip.embed_images(images)).sum(-1).min() > 0.99
    assert half.embed_images(images).dtype == torch.float32


def test_it_can_be_unloaded_and_loaded_again(folder: Path, images: list[Pixels]) -> None:
    clip = Clip(folder)
    clip.load()
    before = clip.embed_images(images)
    clip.unload()
    clip.unload()
    with pytest.raises(RuntimeError, match="load"):
        clip.embed_images(images)
    clip.load()
    assert torch.equal(clip.embed_images(images), before)


def test_an_unknown_dtype_names_the_accepted_ones(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"fp16.*fp32, bf16"):
        Clip(folder, dtype="fp16")


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _with(name: str, content: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_text(content)

    return damage


def _pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _truncate_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def _remove_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["text_projection.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _shrink_vocabulary(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["vocab_size"] = 100
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without("config.json"), "lacks config.json"),
        (_with("config.json", "{"), "config.json is damaged"),
        (_with("config.json", "[]"), "type ''"),
        (_with("config.json", '{"model_type": "blip"}'), "type 'blip', and 'clip' is needed"),
        (_without("preprocessor_config.json"), "lacks preprocessor_config.json"),
        (_with("preprocessor_config.json", "no"), "damaged"),
        (_without("tokenizer.json"), "lacks a tokenizer: tokenizer.json or vocab.json and merges.txt"),
        (_with("tokenizer.json", "{}"), "damaged"),
        (_without("model.safetensors"), "lacks model.safetensors."),
        (_pickle_weights, "pytorch_model.bin is not safetensors and is not opened"),
        (_truncate_weights, "damaged"),
        (_remove_tensor, "lack text_projection.weight"),
        (_shrink_vocabulary, "damaged"),
        (_with("model.safetensors.index.json", "{}"), "index.json is damaged"),
        (_with("model.safetensors.index.json", '{"weight_map": {"a": "b.safetensors"}}'), "lacks model.safetensors"),
    ],
)
def test_a_damaged_folder_is_reported_in_one_sentence(
    damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    folder = save_clip(tmp_path / "damaged")
    damage(folder)
    with pytest.raises(ModelUnavailable) as caught:
        Clip(folder).load()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no checkpoint folder .*nowhere"):
        Clip(tmp_path / "nowhere").load()
