"""The embedded captioner: an ImageNet backbone and a small text decoder, run on the CPU without network or download.

MODEL_CARD.md has the training data, the measured quality and the known errors.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workers.models.base import Caption, Captioner, Model, ModelUnavailable, Pixels, Tag, Tagger, threads_option
from workers.models.embedded import weights
from workers.models.evidence import Evidence

if TYPE_CHECKING:
    from workers.models.embedded.inference import EmbeddedInference

REPAIR = "run bin/setup, and `git checkout -- workers/models/embedded` where the repository's own files changed."


def create(options: Mapping[str, object]) -> tuple[Captioner, Tagger]:
    """Create the captioner and the tagger, which share one inference.

    Option `threads`: torch's intra-op threads, for the whole process; torch's default where it is absent.
    """
    for key in options:
        if key != "threads":
            raise ValueError(f"unknown option {key!r} of the embedded models; accepted: threads")
    shared = SharedInference(threads_option(options))
    return EmbeddedCaptioner(shared), EmbeddedTagger(shared)


class SharedInference:
    """The inference that captioner and tagger share, so that an image is encoded once."""

    def __init__(self, threads: int | None = None, folder: Path = weights.FOLDER) -> None:
        self._threads, self._folder = threads, folder
        self._inference: EmbeddedInference | None = None

    @property
    def revision(self) -> str:
        return "" if self._inference is None else self._inference.revision

    @property
    def options(self) -> Mapping[str, object]:
        return {} if self._inference is None else self._inference.options

    @property
    def inference(self) -> "EmbeddedInference":
        if self._inference is None:
            raise RuntimeError("load() comes first")
        return self._inference

    def load(self) -> None:
        if self._inference is not None:
            return
        try:
            from workers.models.embedded.inference import EmbeddedInference

            self._inference = EmbeddedInference(self._threads, self._folder)
        except ImportError as error:
            raise ModelUnavailable(f"The embedded captioner lacks {error.name}; run bin/setup.") from error
        except OSError as error:
            raise ModelUnavailable(f"The embedded captioner's weights are missing ({error}); {REPAIR}") from error
        except ValueError as error:
            raise ModelUnavailable(f"The embedded captioner's weights are damaged ({error}); {REPAIR}") from error

    def unload(self) -> None:
        self._inference = None


class _EmbeddedModel(Model):
    name = "forge-embedded"

    def __init__(self, shared: SharedInference) -> None:
        self._shared = shared

    @property
    def revision(self) -> str:
        return self._shared.revision

    @property
    def options(self) -> Mapping[str, object]:
        return self._shared.options

    def load(self) -> None:
        self._shared.load()

    def unload(self) -> None:
        self._shared.unload()


class EmbeddedCaptioner(_EmbeddedModel, Captioner):
    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        inference = self._shared.inference
        return [prediction.captions for prediction in inference.predict(batch)]


class EmbeddedTagger(_EmbeddedModel, Tagger):
    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        inference = self._shared.inference
        return [inference.tags(prediction) for prediction in inference.predict(batch)]

    def evidence(self, batch: Sequence[Pixels]) -> list[Evidence]:
        return self._shared.inference.evidence(batch)
