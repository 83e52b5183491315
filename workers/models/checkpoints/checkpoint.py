"""Checks of checkpoint folders before torch is imported."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.models.base import ModelUnavailable

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
# Alternatives by `model_type`; the second is of older checkpoints.
TOKENIZERS = {
    "blip": (("tokenizer.json",), ("vocab.txt",)),
    "clip": (("tokenizer.json",), ("vocab.json", "merges.txt")),
}


@contextmanager
def packages_of(name: str) -> Iterator[None]:
    """Raise ModelUnavailable where an import in the body finds no package."""
    try:
        yield
    except ImportError as error:
        raise ModelUnavailable(f"{name} lacks the package {error.name}; run bin/setup.") from error


def require(folder: Path, model_type: str | None = None) -> None:
    """Raise ModelUnavailable, with one sentence, for an unusable checkpoint. None: of any type, whose tokenizer and
    preprocessor may have other files.

    Pickled weights are never opened: loading a pickle executes it.
    """
    if not folder.is_dir():
        raise ModelUnavailable(f"There is no checkpoint folder {folder}.")
    found = _model_type(folder)
    if model_type is not None and found != model_type:
        raise ModelUnavailable(f"{folder} holds a model of type {found!r}, and {model_type!r} is needed.")
    if model_type is not None:
        _require_inputs(folder, model_type)
    if not weight_files(folder):
        pickled = next((path.name for end in ("*.bin", "*.pt", "*.pth") for path in sorted(folder.glob(end))), "")
        pickle = f"; {pickled} is not safetensors and is not opened" if pickled else ""
        raise ModelUnavailable(f"{folder} lacks model.safetensors{pickle}.")


def _require_inputs(folder: Path, model_type: str) -> None:
    if not (folder / PREPROCESSOR).is_file():
        raise ModelUnavailable(f"{folder} lacks {PREPROCESSOR}.")
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZERS[model_type]):
        raise ModelUnavailable(f"{folder} lacks a tokenizer: {' or '.join(map(' and '.join, TOKENIZERS[model_type]))}.")


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors file or shards; empty if any is missing."""
    index = folder / "model.safetensors.index.json"
    names = ["model.safetensors"]
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, LookupError, AttributeError) as error:
            raise ModelUnavailable(f"{index} is damaged.") from error
    paths = [folder / name for name in names]
    return paths if all(path.is_file() for path in paths) else []


def revision(folder: Path) -> str:
    """Hash the weights: about a second for 600 MB."""
    digest = hashlib.sha256()
    for path in weight_files(folder):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _model_type(folder: Path) -> str:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelUnavailable(f"{folder} lacks {CONFIG}.") from error
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{folder / CONFIG} is damaged.") from error
    return str(config.get("model_type", "")) if isinstance(config, dict) else ""
