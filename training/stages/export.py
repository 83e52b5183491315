"""Export the shipped files: half-precision weights, tokenizer, configuration and their hashes."""

import hashlib
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from training.caption_model import CaptionModel
from training.datasets.tokenized import Vocabulary
from workers.models.embedded.vision.visual_features import WordDetector
from workers.models.embedded.weights import CONFIG, FILES, MODEL, SUMS, TOKENIZER

# Incremented when a retrained captioner is shipped.
REVISION = "4"


def write(folder: Path, detector: WordDetector, model: CaptionModel, vocabulary: Vocabulary, variant: str) -> Path:
    """Write the files to `folder`/export; `folder` has the tokenizer and the calibration."""
    target = folder / "export"
    target.mkdir(exist_ok=True)
    save_file({**_half("detector", detector), **_half("speaker", model)}, target / MODEL)
    shutil.copyfile(folder / "tokenizer.json", target / TOKENIZER)
    config = {
        "vocabulary": len(model.word_embeddings),
        "content": vocabulary.content,
        "labels": vocabulary.labels,
        "calibration": json.loads((folder / "calibration.json").read_text(encoding="utf-8")),
        "revision": f"{variant}-{REVISION}",
    }
    (target / CONFIG).write_text(json.dumps(config) + "\n", encoding="utf-8")
    write_sums(target)
    print(f"{sum(path.stat().st_size for path in target.iterdir()) / 1e6:.1f} MB in {target}")
    return target


def write_sums(target: Path) -> None:
    """Write the hashes of the shipped files that are there: the evidence stage may run without the others."""
    paths = [target / name for name in FILES if (target / name).exists()]
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    (target / SUMS).write_text("".join(sums), encoding="ascii")


def _half(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """Return the state dict in fp16, without tensors that are tied to another."""
    state = module.state_dict()
    tied = [name for name in state if name.startswith("decoder.cls.predictions.decoder.")]
    return {f"{prefix}.{name}": state[name].to(torch.float16).contiguous() for name in state if name not in tied}
