"""A loaded model's metadata, sent by the model process."""

from collections.abc import Mapping
from dataclasses import dataclass

from workers.models.base import Captioner, Model


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    name: str
    revision: str
    options: Mapping[str, object]
    requires_caption: bool
    device: str


def metadata_of(model: Model) -> ModelMetadata:
    requires_caption = isinstance(model, Captioner) and model.requires_caption
    return ModelMetadata(model.name, model.revision, dict(model.options), requires_caption, model.device)
