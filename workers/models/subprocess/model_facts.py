"""What is told of a loaded model from one process to the other."""

from collections.abc import Mapping
from dataclasses import dataclass

from workers.models.base import Captioner, Tagger


@dataclass(frozen=True, slots=True)
class Facts:
    name: str
    revision: str
    options: Mapping[str, object]
    must_speak: bool


def facts_of(model: Captioner | Tagger) -> Facts:
    must_speak = isinstance(model, Captioner) and model.must_speak
    return Facts(model.name, model.revision, dict(model.options), must_speak)
