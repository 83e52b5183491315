"""Load a checkpoint by transformers' auto classes: from safetensors of a local folder, without code of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

from workers.models.base import ModelUnavailable
from workers.models.checkpoints import checkpoint
from workers.models.checkpoints.loading import read_model, reason_of
from workers.models.precision import Processor

_LOCAL = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True, slots=True)
class Loaded:
    model: Any
    processor: Any
    tokenizer: Any
    model_type: str


def load(folder: Path, dtype: torch.dtype, processor: Processor) -> Loaded:
    """Raises ModelUnavailable with one sentence, and what is in DAMAGED."""
    model_type = _supported_type(folder)
    try:
        config = AutoConfig.from_pretrained(folder, **_LOCAL)
        model = read_model(AutoModelForImageTextToText, folder, dtype, config=config, trust_remote_code=False)
        inputs = _read_processor(folder, type(model.config))
    except ImportError as error:
        raise ModelUnavailable(f"{folder} needs a package that is not installed: {reason_of(error)}") from error
    model = model.to(processor.device).eval().requires_grad_(False)
    return Loaded(model, inputs, inputs.tokenizer, model_type)


def _supported_type(folder: Path) -> str:
    """Return the `model_type`, if transformers has the architecture itself."""
    config = json.loads((folder / checkpoint.CONFIG).read_text(encoding="utf-8"))
    found = str(config.get("model_type", ""))
    if found not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        own_code = "; code that comes with a checkpoint is not run" if config.get("auto_map") else ""
        raise ModelUnavailable(
            f"{folder} holds a model of type {found!r}, which the installed transformers does not have as"
            f" image-text-to-text{own_code}."
        )
    return found


def _read_processor(folder: Path, config_class: type) -> Any:
    """Return the processor of text and images; a part for videos, which needs torchvision, is left out."""
    found: Any = PROCESSOR_MAPPING.get(config_class, None)
    if found is None or "video_processor" not in found.get_attributes():
        return AutoProcessor.from_pretrained(folder, **_LOCAL)  # type: ignore[no-untyped-call]
    parts = {
        "image_processor": AutoImageProcessor.from_pretrained(folder, backend="pil", **_LOCAL),  # type: ignore[no-untyped-call]
        "tokenizer": AutoTokenizer.from_pretrained(folder, **_LOCAL),
    }
    fields, _ = found.get_processor_dict(folder, local_files_only=True)
    return _without_videos(found).from_args_and_dict([parts.get(name) for name in found.get_attributes()], fields)


def _without_videos(processor_class: Any) -> Any:
    """Return the class of processor with None for its video processor accepted."""

    def check(self: Any, name: str, argument: object) -> type:
        if name == "video_processor":
            return type(None)
        checked: type = processor_class.check_argument_for_proper_class(self, name, argument)
        return checked

    return type(processor_class.__name__, (processor_class,), {"check_argument_for_proper_class": check})
