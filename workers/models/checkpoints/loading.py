"""Models of transformers from checkpoint folders. Imports torch: imported where a model is loaded."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers.utils import logging as library_logging

from workers.models.base import ModelUnavailable

# What transformers raises for a damaged folder; there is no common base class.
DAMAGED = (OSError, ValueError, TypeError, RuntimeError, LookupError, AttributeError, SafetensorError)


def read_model(model_class: Any, folder: Path, dtype: torch.dtype, **options: Any) -> Any:
    """Return the model, from safetensors of the folder alone.

    Raises what is in DAMAGED, and ModelUnavailable where weights are missing.
    """
    # transformers would print a progress bar and a table to the worker's terminal.
    library_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model, report = model_class.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, output_loading_info=True, local_files_only=True, **options
    )
    # transformers would use random weights in their place.
    missing = sorted({str(key) for key in report["missing_keys"]})
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelUnavailable(f"The weights in {folder} lack {missing[0]}{more}.")
    return model


def reason_of(error: BaseException) -> str:
    """Return the first line of what a library raised."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
