"""Read the trained files beside this module and verify them by SHA-256."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.models.embedded.calibration import Calibration

FOLDER = Path(__file__).with_name("weights")
SUMS = "SHA256SUMS"
MODEL, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"
EVIDENCE_HEADS, EVIDENCE_NOUNS = "evidence.safetensors", "evidence.json"
FILES = (MODEL, TOKENIZER, CONFIG, EVIDENCE_HEADS, EVIDENCE_NOUNS)


@dataclass(frozen=True, slots=True)
class Config:
    """`content`: token ids of the detected words; `labels`: those of each label's name, in the backbone's order."""

    vocabulary: int
    content: list[int]
    labels: list[list[int]]
    calibration: Calibration
    revision: str


def read_config(folder: Path = FOLDER) -> Config:
    fields: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return Config(**{**fields, "calibration": Calibration(**fields["calibration"])})


def verify(folder: Path = FOLDER) -> str:
    """Return the first twelve digits of the SHA-256 of all files' hashes.

    Raises OSError where a file is missing, ValueError where its hash differs.
    """
    lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
    digests = {name: digest for digest, name in (line.split() for line in lines)}
    for name in FILES:
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digests.get(name):
            raise ValueError(f"{name} is damaged")
    return hashlib.sha256("".join(digests[name] for name in FILES).encode("ascii")).hexdigest()[:12]
