"""The BLIP captioner: the same sentences as transformers' `generate`, independent of the batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from decoding import Limits
from tests.workers.blip_checkpoints import SIDE, save_blip
from workers.imaging.decoding import decode
from workers.models.blip import BlipCaptioner, candidates
from workers.models.blip.options import BlipOptions
from workers.models.text_decoder.beam_search import Hypothesis

OPTIONS = BlipOptions(max_new_tokens=12)
PROMPTS = OPTIONS.prompts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_blip(tmp_path_factory.mktemp("blip"))


@pytest.fixture(scope="module")
def images() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    sizes = [(20, 31), (64, 64), (90, 20), (1, 1), (33, 77), (48, 40), (32, 32), (25, 90)]
    return [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.fixture(scope="module")
def blip(folder: Path) -> Any:
    from workers.models.blip.model import Blip
    from workers.models.precision import detect_processor

    return Blip(folder, "fp32", detect_processor(), OPTIONS)


@pytest.fixture(scope="module")
def library(folder: Path) -> Any:
    from transformers import BlipForConditionalGeneration

    return BlipForConditionalGeneration.from_pretrained(folder)


@pytest.fixture(scope="module")
def inputs(folder: Path, images: list[NDArray[np.uint8]]) -> Any:
    """The preprocessed images, by transformers."""
    from transformers import BlipImageProcessorPil

    processor: Any = BlipImageProcessorPil.from_pretrained(folder)
    return processor(images, return_tensors="pt", input_data_format="channels_last")["pixel_values"]


def hypotheses(blip: Any, inputs: Any) -> list[list[list[Hypothesis]]]:
    from workers.models.text_decoder.generation import generate

    return generate(blip.decoder, blip.encode(inputs), blip.prompts, blip.generation)


def test_preprocessing_equals_that_of_transformers(blip: Any, inputs: Any, images: list[NDArray[np.uint8]]) -> None:
    import torch

    torch.testing.assert_close(blip.preprocessor(images), inputs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("view", [0, 1])
def test_the_sentences_are_those_of_generate(library: Any, folder: Path, inputs: Any, view: int, beams: int) -> None:
    import torch

    from workers.models.blip.model import Blip
    from workers.models.precision import detect_processor

    own = Blip(folder, "fp32", detect_processor(), BlipOptions((PROMPTS[view],), beams, OPTIONS.max_new_tokens))
    prompt = own.prompts[0]
    # `generate` takes the last token for the end token and drops it.
    prompts = torch.tensor([[*prompt, 3]] * len(inputs))
    generated = library.generate(
        inputs,
        prompts,
        num_beams=beams,
        num_return_sequences=beams,
        max_new_tokens=OPTIONS.max_new_tokens,
        early_stopping=beams > 1,
        no_repeat_ngram_size=OPTIONS.no_repeat_ngram_size,
    )
    expected = [tuple(token for token in row if token not in (0, 3)) for row in generated.tolist()]
    found = [sentence.ids for image in hypotheses(own, inputs) for sentence in image[0]]
    assert found == expected
    assert len({len(row) for row in found}) > 1, "some end and some are cut"


def test_the_scores_are_those_of_generate(library: Any, blip: Any, inputs: Any) -> None:
    import torch

    prompts = torch.tensor([[*blip.prompts[1], 3]] * len(inputs))
    generated = library.generate(
        inputs,
        prompts,
        num_beams=3,
        num_return_sequences=3,
        max_new_tokens=OPTIONS.max_new_tokens,
        early_stopping=True,
        no_repeat_ngram_size=3,
        return_dict_in_generate=True,
        output_scores=True,
    )
    found = [sentence.score for image in hypotheses(blip, inputs) for sentence in image[1]]
    assert found == pytest.approx(generated.sequences_scores.tolist(), abs=1e-4)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_captions_do_not_depend_on_the_batch(folder: Path, images: list[NDArray[np.uint8]], size: int) -> None:
    captioner = loaded(folder, "fp32")
    together = captioner.predict(images)
    parts = [captioner.predict(images[at : at + size]) for at in range(0, len(images), size)]
    assert [[caption.text for caption in one] for part in parts for one in part] == [
        [caption.text for caption in one] for one in together
    ]
    assert len({tuple(caption.text for caption in one) for one in together}) > 4, "different images, different captions"


def test_int8_layers_are_bitwise_independent_of_the_batch(folder: Path, inputs: Any) -> None:
    import torch

    from workers.models.packed_linear import Int8Linear

    torch.manual_seed(0)
    layer = Int8Linear(torch.nn.Linear(64, 96))
    rows = torch.randn(40, 64)
    assert torch.equal(layer(rows)[7:9], layer(rows[7:9]))


@pytest.mark.parametrize("precision", ["int8", "fp16", "fp32"])
def test_packed_layers_approximate_the_plain_layer(precision: str) -> None:
    import torch

    from workers.models.packed_linear import linear_packer

    torch.manual_seed(0)
    plain = torch.nn.Linear(64, 96)
    rows = torch.randn(2, 5, 64) * torch.tensor([0.1, 1, 10, 100, 0])[:, None]
    packed = linear_packer(precision, "cpu", rows=5)(plain)
    for row in range(5):
        expected = plain(rows[:, row])
        error = (packed(rows)[:, row] - expected).norm() / expected.norm()
        assert error < {"int8": 0.03, "fp16": 1e-3, "fp32": 1e-5}[precision], row


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_every_precision_produces_captions(folder: Path, images: list[NDArray[np.uint8]], precision: str) -> None:
    captioner = loaded(folder, precision)
    assert captioner.revision.endswith(f"+{precision}")
    assert all(captioner.predict(images))


def test_candidates_are_sorted_by_confidence(folder: Path, images: list[NDArray[np.uint8]]) -> None:
    candidates_of_images = loaded(folder, "fp32").predict(images)
    assert max(map(len, candidates_of_images)) > 2
    for one in candidates_of_images:
        assert [c.confidence for c in one] == sorted((c.confidence for c in one), reverse=True)
        assert all(0 < c.confidence <= 1 for c in one)


def test_candidates_are_cleaned_up_and_deduplicated() -> None:
    sentences = [
        ("", "a dog on grass", -0.5),
        ("a picture of", "a picture of dogs on the grass", -0.1),
        ("", "a picture of", -0.01),
        ("", "a cat on a cat on a cat", -0.9),
    ]
    found = candidates(sentences)
    assert [caption.text for caption in found] == ["dogs on the grass", "a cat"]
    assert found[0].confidence == pytest.approx(0.9048)


def test_sentences_without_content_are_no_candidates() -> None:
    assert candidates([("", "a picture of", -0.1), ("a picture of", "...", -0.2)]) == []


def test_decoding_at_reduced_size_hardly_changes_the_input() -> None:
    """decode() keeps 448 pixels a side, which are resized to BLIP's 384."""
    from workers.models.blip.pixels import Preprocessor

    prepare = Preprocessor(384, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    data = (Path(__file__).parents[3] / "samples" / "officer.jpg").read_bytes()
    reduced, full = (
        prepare([decode(data, limits=Limits(pixels=10**8), max_side=side).pixels]) for side in (448, 10**5)
    )
    # In gray levels of 255.
    assert float((reduced - full).abs().mean()) * 127.5 < 2.0


def test_predict_on_an_unloaded_model_raises(folder: Path) -> None:
    captioner = loaded(folder, "fp32")
    captioner.unload()
    with pytest.raises(RuntimeError, match="load"):
        captioner.predict([np.zeros((SIDE, SIDE, 3), dtype=np.uint8)])


def test_an_empty_batch_has_an_empty_result(folder: Path) -> None:
    assert loaded(folder, "fp32").predict([]) == []


def loaded(folder: Path, precision: str) -> BlipCaptioner:
    captioner = BlipCaptioner(folder, precision=precision, options=OPTIONS)
    captioner.load()
    return captioner
