"""BLIP by folder: the sentences of transformers' own `generate`, whatever the batch, faster."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from decoding import Limits
from tests.workers.blip_checkpoints import SIDE, save_blip, save_vocabulary
from workers.imaging.decoding import decode
from workers.models.base import ModelUnavailable
from workers.models.blip import BlipCaptioner, candidates
from workers.models.blip.options import Style
from workers.models.text_decoder.beam_search import Sentence

STYLE = Style(longest=12)
PROMPTS = STYLE.prompts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_blip(tmp_path_factory.mktemp("blip"))


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    sizes = [(20, 31), (64, 64), (90, 20), (1, 1), (33, 77), (48, 40), (32, 32), (25, 90)]
    return [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.fixture(scope="module")
def blip(folder: Path) -> Any:
    from workers.models.blip.model import Blip
    from workers.models.precision import processor

    return Blip(folder, "fp32", processor(), STYLE)


@pytest.fixture(scope="module")
def library(folder: Path) -> Any:
    from transformers import BlipForConditionalGeneration

    return BlipForConditionalGeneration.from_pretrained(folder)


@pytest.fixture(scope="module")
def inputs(folder: Path, pictures: list[NDArray[np.uint8]]) -> Any:
    """As transformers prepares them."""
    from transformers import BlipImageProcessorPil

    processor: Any = BlipImageProcessorPil.from_pretrained(folder)
    return processor(pictures, return_tensors="pt", input_data_format="channels_last")["pixel_values"]


def sentences(blip: Any, inputs: Any) -> list[list[list[Sentence]]]:
    from workers.models.text_decoder.generation import tell

    return tell(blip.decoder, blip.see(inputs), blip.prompts, blip.rules)


def ids(found: list[list[list[Sentence]]]) -> list[list[list[tuple[int, ...]]]]:
    return [[[sentence.ids for sentence in view] for view in picture] for picture in found]


def test_pictures_are_prepared_as_transformers_prepares_them(
    blip: Any, inputs: Any, pictures: list[NDArray[np.uint8]]
) -> None:
    import torch

    torch.testing.assert_close(blip.preprocessor(pictures), inputs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("view", [0, 1])
def test_the_sentences_are_those_of_generate(library: Any, folder: Path, inputs: Any, view: int, beams: int) -> None:
    import torch

    from workers.models.blip.model import Blip
    from workers.models.precision import processor

    own = Blip(folder, "fp32", processor(), Style((PROMPTS[view],), beams, STYLE.longest))
    prompt = own.prompts[0]
    # What stands last is taken for the end token and left out.
    asked = torch.tensor([[*prompt, 3]] * len(inputs))
    answer = library.generate(
        inputs,
        asked,
        num_beams=beams,
        num_return_sequences=beams,
        max_new_tokens=STYLE.longest,
        early_stopping=beams > 1,
        no_repeat_ngram_size=STYLE.unrepeated,
    )
    expected = [tuple(token for token in row if token not in (0, 3)) for row in answer.tolist()]
    found = [sentence.ids for picture in sentences(own, inputs) for sentence in picture[0]]
    assert found == expected
    assert len({len(row) for row in found}) > 1, "some end and some are cut"


def test_a_score_is_that_of_generate(library: Any, blip: Any, inputs: Any) -> None:
    import torch

    asked = torch.tensor([[*blip.prompts[1], 3]] * len(inputs))
    answer = library.generate(
        inputs,
        asked,
        num_beams=3,
        num_return_sequences=3,
        max_new_tokens=STYLE.longest,
        early_stopping=True,
        no_repeat_ngram_size=3,
        return_dict_in_generate=True,
        output_scores=True,
    )
    found = [sentence.score for picture in sentences(blip, inputs) for sentence in picture[1]]
    assert found == pytest.approx(answer.sequences_scores.tolist(), abs=1e-4)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_picture_s_words_do_not_depend_on_its_batch(
    folder: Path, pictures: list[NDArray[np.uint8]], size: int
) -> None:
    captioner = loaded(folder, "fp32")
    together = captioner.predict(pictures)
    parts = [captioner.predict(pictures[at : at + size]) for at in range(0, len(pictures), size)]
    assert [[told.text for told in one] for part in parts for one in part] == [
        [told.text for told in one] for one in together
    ]
    assert len({tuple(told.text for told in one) for one in together}) > 4, "the pictures are told apart"


def test_in_int8_sight_does_not_depend_on_the_batch_in_a_single_bit(folder: Path, inputs: Any) -> None:
    import torch

    from workers.models.packed_linear import Int8Linear

    torch.manual_seed(0)
    layer = Int8Linear(torch.nn.Linear(64, 96))
    rows = torch.randn(40, 64)
    assert torch.equal(layer(rows)[7:9], layer(rows[7:9]))


@pytest.mark.parametrize("precision", ["int8", "fp16", "fp32"])
def test_packed_layers_multiply_almost_the_same_numbers(precision: str) -> None:
    import torch

    from workers.models.packed_linear import linear

    torch.manual_seed(0)
    plain = torch.nn.Linear(64, 96)
    rows = torch.randn(2, 5, 64) * torch.tensor([0.1, 1, 10, 100, 0])[:, None]
    packed = linear(precision, "cpu", rows=5)(plain)
    for row in range(5):
        expected = plain(rows[:, row])
        error = (packed(rows)[:, row] - expected).norm() / expected.norm()
        assert error < {"int8": 0.03, "fp16": 1e-3, "fp32": 1e-5}[precision], row


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_it_speaks_in_every_precision(folder: Path, pictures: list[NDArray[np.uint8]], precision: str) -> None:
    captioner = loaded(folder, precision)
    assert captioner.revision.endswith(f"+{precision}")
    assert all(captioner.predict(pictures))


def test_a_picture_has_several_candidates_the_surest_first(folder: Path, pictures: list[NDArray[np.uint8]]) -> None:
    told = loaded(folder, "fp32").predict(pictures)
    assert max(map(len, told)) > 2
    for one in told:
        assert [c.confidence for c in one] == sorted((c.confidence for c in one), reverse=True)
        assert all(0 < c.confidence <= 1 for c in one)


def test_candidates_are_guarded_and_say_different_things() -> None:
    told = [
        ("", "a dog on grass", -0.5),
        ("a picture of", "a picture of dogs on the grass", -0.1),
        ("", "a picture of", -0.01),
        ("", "a cat on a cat on a cat", -0.9),
    ]
    found = candidates(told)
    assert [caption.text for caption in found] == ["dogs on the grass", "a cat"]
    assert found[0].confidence == pytest.approx(0.9048)


def test_where_the_guards_leave_nothing_there_are_no_candidates() -> None:
    assert candidates([("", "a picture of", -0.1), ("a picture of", "...", -0.2)]) == []


def test_a_reduced_photograph_is_as_good_as_the_whole() -> None:
    """decode() keeps 448 pixels a side, from which the 384 of BLIP are made."""
    from workers.models.blip.pixels import Preprocessor

    prepare = Preprocessor(384, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    data = (Path(__file__).parents[3] / "samples" / "astronaut.jpg").read_bytes()
    reduced, whole = (
        prepare([decode(data, limits=Limits(pixels=10**8), max_side=side).pixels]) for side in (448, 10**5)
    )
    # In steps of 1 in 255.
    assert float((reduced - whole).abs().mean()) * 127.5 < 2.0


# --- Bad checkpoints ---


def spoilt(folder: Path, copy: Path) -> Path:
    return Path(shutil.copytree(folder, copy / "spoilt"))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("config.json", "lacks config.json"),
        ("model.safetensors", "lacks model.safetensors"),
        ("preprocessor_config.json", "lacks preprocessor_config.json"),
        ("vocab.txt", "lacks a tokenizer"),
    ],
)
def test_a_missing_file_is_named(folder: Path, tmp_path: Path, name: str, complaint: str) -> None:
    copy = spoilt(folder, tmp_path)
    (copy / name).unlink()
    with pytest.raises(ModelUnavailable, match=complaint):
        BlipCaptioner(copy).load()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"])
def test_a_damaged_file_is_told_in_one_sentence(folder: Path, tmp_path: Path, name: str) -> None:
    copy = spoilt(folder, tmp_path)
    (copy / name).write_bytes(b'{"damaged')
    with pytest.raises(ModelUnavailable, match="damaged") as caught:
        BlipCaptioner(copy).load()
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_not_opened(folder: Path, tmp_path: Path) -> None:
    copy = spoilt(folder, tmp_path)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match=r"pytorch_model\.bin is not safetensors"):
        BlipCaptioner(copy).load()


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"model_type": "clip"}, "'clip', and 'blip' is asked for"),
        ({"architectures": ["BlipForQuestionAnswering"]}, "BlipForQuestionAnswering, and a BlipForConditional"),
    ],
)
def test_another_architecture_is_named(folder: Path, tmp_path: Path, told: dict[str, Any], complaint: str) -> None:
    path = spoilt(folder, tmp_path) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
    with pytest.raises(ModelUnavailable, match=complaint):
        BlipCaptioner(path.parent).load()


def test_weights_that_lack_a_layer_are_not_made_up(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = spoilt(folder, tmp_path) / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "layers.1.mlp" not in k}, path, {"format": "pt"})
    with pytest.raises(ModelUnavailable, match=r"lack vision_model\.encoder\.layers\.1\.mlp\.fc1\.bias and 3 more"):
        BlipCaptioner(path.parent).load()


def test_a_tokenizer_that_knows_too_much_or_a_vocabulary_of_another_model_is_noticed(
    folder: Path, tmp_path: Path
) -> None:
    copy = spoilt(folder, tmp_path)
    save_vocabulary(copy)
    (copy / "vocab.txt").write_text("[UNK]\n" + "\n".join(f"w{n}" for n in range(500)))
    with pytest.raises(ModelUnavailable, match="501 tokens, and the model knows"):
        BlipCaptioner(copy).load()


def test_an_unknown_precision_is_told_the_accepted_ones(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"'fp64'; accepted: auto, fp32, bf16, int8"):
        BlipCaptioner(folder, precision="fp64").load()


def test_predicting_before_load_or_after_unload_says_so(folder: Path) -> None:
    captioner = loaded(folder, "fp32")
    captioner.unload()
    with pytest.raises(RuntimeError, match="load"):
        captioner.predict([np.zeros((SIDE, SIDE, 3), dtype=np.uint8)])


def test_an_empty_batch_has_no_answers(folder: Path) -> None:
    assert loaded(folder, "fp32").predict([]) == []


def loaded(folder: Path, precision: str) -> BlipCaptioner:
    captioner = BlipCaptioner(folder, precision=precision, style=STYLE)
    captioner.load()
    return captioner
