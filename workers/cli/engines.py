"""The models of a run, as the settings describe them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.conf import settings

from analysis_options import family_of, unsupported_option
from decoding import Limits
from workers import models
from workers.analysis import Analysis
from workers.cli.describe_file import describe
from workers.models.ocr import create_reader
from workers.models.options import Options
from workers.models.writer import Writer
from workers.runtime.engine import Engine

FALLBACK = "embedded"


class Models:
    """The engine, and the writer, if the family has one, not yet loaded. Raises ModelUnavailable and ValueError."""

    def __init__(self, model: str, threads: int) -> None:
        self._model = model
        options: dict[str, object] = {"threads": threads}
        if model in {"auto", "blip-clip"}:
            options |= settings.FORGE_MODEL_OPTIONS
        elif model == "scripted":
            options = settings.FORGE_SCRIPT
        self.engine = Engine(*models.create(model, **options), batch_size=settings.FORGE_BATCH_SIZE)
        self.writer = _create_writer(model, threads) if model in models.WRITERS else None

    @property
    def family(self) -> str:
        """Whose options the models can do: a loaded checkpoint may have a family of its own."""
        found = self.writer.options.get("family") if self.writer is not None else None
        return str(found or self._model)

    def load(self) -> None:
        """Raises ModelUnavailable and ValueError."""
        self.engine.load()
        if self.writer is not None:
            self.writer.load()

    def close(self, timeout_s: float) -> None:
        self.engine.close(timeout_s)
        if self.writer is not None:
            self.writer.unload()

    def describe_function(self, requested: Mapping[str, Any]) -> Callable[[str], Analysis]:
        """Return workers.cli.describe_file.describe for paths, with checked options by the names of docs/options.md."""
        falls_back = settings.FORGE_VISION_FALLBACK == FALLBACK
        return partial(
            describe,
            self.engine,
            max_bytes=settings.FORGE_MAX_IMAGE_BYTES,
            limits=Limits.of(settings),
            timeout_s=settings.FORGE_ANALYSIS_TIMEOUT_S,
            options=Options.of(requested, gender_neutral=settings.FORGE_NEUTRAL_PEOPLE),
            reader=create_reader(settings.FORGE_OCR),
            writer=self.writer,
            fall_back=falls_back and unsupported_option(requested, family_of(FALLBACK)) is None,
        )

    def author(self, analysis: Analysis) -> str:
        """Return name and revision of the model that wrote the words."""
        if self.writer is not None and "fallback" not in analysis.provenance:
            return f"{self.writer.name}@{self.writer.revision}"
        captioner = self.engine.provenance["captioner"]
        return f"{captioner['name']}@{captioner['revision']}"


def _create_writer(model: str, threads: int) -> Writer:
    if model == "vision-server" and not (settings.FORGE_VISION_URL and settings.FORGE_VISION_MODEL):
        raise ValueError("--model vision-server needs FORGE_VISION_URL and FORGE_VISION_MODEL.")
    if model == "transformers" and not settings.FORGE_CHECKPOINT:
        raise ValueError("--model transformers needs FORGE_CHECKPOINT, a name or the path of a folder.")
    return models.create_writer(model, settings.FORGE_WRITER_OPTIONS[model] | {"threads": threads})
