"""Open a checkpoint for the kind of prompt that it was trained on, and try it."""

from pathlib import Path

import numpy as np
import torch

from workers.models.base import ModelUnavailable
from workers.models.checkpoints.loading import DAMAGED, reason_of
from workers.models.image_text.chat import ChatCheckpoint
from workers.models.image_text.florence import MODEL_TYPE, FlorenceCheckpoint
from workers.models.image_text.loading import load
from workers.models.precision import Processor
from workers.runtime.out_of_memory import is_out_of_memory


def open_checkpoint(
    folder: Path, dtype: torch.dtype, processor: Processor, *, name: str
) -> ChatCheckpoint | FlorenceCheckpoint:
    """Return the checkpoint, loaded and warmed up. Raises ModelUnavailable with one sentence."""
    try:
        loaded = load(folder, dtype, processor)
        found = FlorenceCheckpoint(loaded, name) if loaded.model_type == MODEL_TYPE else ChatCheckpoint(loaded, name)
        found.warm_up(np.full((64, 64, 3), 255, dtype=np.uint8))
    except (MemoryError, *DAMAGED) as error:
        if is_out_of_memory(error):
            raise ModelUnavailable(f"{folder} does not fit into the memory of {processor.description}.") from error
        raise ModelUnavailable(f"The checkpoint in {folder} does not work: {reason_of(error)}") from error
    return found
