"""A folder with a model as transformers' save_pretrained writes it: checked before anything heavy is imported."""

import hashlib
import json
from pathlib import Path

from workers.models.base import ModelUnavailable

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
# By the config's `model_type`: either will do, the one file or those of older checkpoints.
TOKENIZERS = {
    "blip": (("tokenizer.json",), ("vocab.txt",)),
    "clip": (("tokenizer.json",), ("vocab.json", "merges.txt")),
}


def require(folder: Path, kind: str) -> None:
    """Raises ModelUnavailable with one sentence on what is missing or wrong; `kind`, "blip" or "clip", is the config's
    `model_type`.

    Pickled weights are never opened: to load a pickle is to run it.
    """
    if not folder.is_dir():
        raise ModelUnavailable(f"There is no checkpoint folder {folder}.")
    found = _kind(folder)
    if found != kind:
        raise ModelUnavailable(f"{folder} holds a model of type {found!r}, and {kind!r} is asked for.")
    if not (folder / PREPROCESSOR).is_file():
        raise ModelUnavailable(f"{folder} lacks {PREPROCESSOR}.")
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZERS[kind]):
        raise ModelUnavailable(f"{folder} lacks a tokenizer: {' or '.join(map(' and '.join, TOKENIZERS[kind]))}.")
    if not weights(folder):
        pickled = next((path.name for end in ("*.bin", "*.pt", "*.pth") for path in sorted(folder.glob(end))), "")
        pickle = f"; {pickled} is not safetensors and is not opened" if pickled else ""
        raise ModelUnavailable(f"{folder} lacks model.safetensors{pickle}.")


def weights(folder: Path) -> list[Path]:
    """The safetensors files of the model: one, or the shards that its index names. Empty if any is missing."""
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
    """The first twelve digits of a SHA-256 of the weights: reads all of them, about a second for 600 MB."""
    digest = hashlib.sha256()
    for path in weights(folder):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _kind(folder: Path) -> str:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelUnavailable(f"{folder} lacks {CONFIG}.") from error
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{folder / CONFIG} is damaged.") from error
    return str(config.get("model_type", "")) if isinstance(config, dict) else ""
