"""Local checkpoints of transformers' image-text-to-text kind: SmolVLM, Qwen-VL, Florence-2 and others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.models.base import threads_option
from workers.models.checkpoints import store
from workers.models.image_text.writer import CheckpointWriter

__all__ = ["CheckpointWriter", "create"]


def create(options: Mapping[str, Any]) -> CheckpointWriter:
    """Return the writer, not loaded.

    Options: `folder` of checkpoints; `checkpoint`, a name or an absolute path; `precision`: auto, fp32 or bf16;
    `timeout_s` for one image; `threads` of the process. Raises ValueError for a bad option, ModelUnavailable for
    missing weights.
    """
    name = str(options["checkpoint"])
    folder = store.require(Path(options["folder"]), name, None)
    return CheckpointWriter(
        folder,
        name=folder.name if Path(name).is_absolute() else name,
        revision=store.revision(folder),
        threads=threads_option(options),
        precision=str(options.get("precision", "auto")),
        timeout_s=float(options.get("timeout_s", 300.0)),
    )
