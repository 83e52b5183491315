"""Loading of BLIP checkpoints that are damaged or of another architecture."""

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.workers.blip_checkpoints import save_blip, save_vocabulary
from workers.models.base import ModelUnavailable
from workers.models.blip import BlipCaptioner
from workers.models.checkpoints import checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_blip(tmp_path_factory.mktemp("blip"))


def copy_of(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target / "copy"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", "lacks config.json"),
        ("model.safetensors", "lacks model.safetensors"),
        ("preprocessor_config.json", "lacks preprocessor_config.json"),
        ("vocab.txt", "lacks a tokenizer"),
    ],
)
def test_a_missing_file_is_named(folder: Path, tmp_path: Path, name: str, message: str) -> None:
    copy = copy_of(folder, tmp_path)
    (copy / name).unlink()
    with pytest.raises(ModelUnavailable, match=message):
        BlipCaptioner(copy).load()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"])
def test_a_damaged_file_is_reported_in_one_sentence(folder: Path, tmp_path: Path, name: str) -> None:
    copy = copy_of(folder, tmp_path)
    (copy / name).write_bytes(b'{"damaged')
    with pytest.raises(ModelUnavailable, match="damaged") as caught:
        BlipCaptioner(copy).load()
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_not_opened(folder: Path, tmp_path: Path) -> None:
    copy = copy_of(folder, tmp_path)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match=r"pytorch_model\.bin is not safetensors"):
        BlipCaptioner(copy).load()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "clip"}, "'clip', and 'blip' is needed"),
        ({"architectures": ["BlipForQuestionAnswering"]}, "BlipForQuestionAnswering, and a BlipForConditional"),
    ],
)
def test_another_architecture_is_rejected_by_name(
    folder: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = copy_of(folder, tmp_path) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(ModelUnavailable, match=message):
        BlipCaptioner(path.parent).load()


def test_missing_weights_are_not_replaced_by_random_ones(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = copy_of(folder, tmp_path) / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "layers.1.mlp" not in k}, path, {"format": "pt"})
    with pytest.raises(ModelUnavailable, match=r"lack vision_model\.encoder\.layers\.1\.mlp\.fc1\.bias and 3 more"):
        BlipCaptioner(path.parent).load()


def test_a_tokenizer_with_more_tokens_than_the_model_is_rejected(folder: Path, tmp_path: Path) -> None:
    copy = copy_of(folder, tmp_path)
    save_vocabulary(copy)
    (copy / "vocab.txt").write_text("[UNK]\n" + "\n".join(f"w{n}" for n in range(500)))
    with pytest.raises(ModelUnavailable, match="501 tokens, and the model's vocabulary has"):
        BlipCaptioner(copy).load()


def test_an_unknown_precision_names_the_accepted_ones(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"'fp64'; accepted: auto, fp32, bf16, int8"):
        BlipCaptioner(folder, precision="fp64").load()


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    message = r"^BLIP lacks the package absent_package; run bin/setup\.$"
    with pytest.raises(ModelUnavailable, match=message), checkpoint.packages_of("BLIP"):
        importlib.import_module("absent_package")
