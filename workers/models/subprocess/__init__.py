"""Models in a process of their own.

A worker's other threads would contend with the models for the GIL, a thousand times an image. And a crash (in native
code, by the OOM killer) fails one image, not the worker.
"""

from collections.abc import Mapping, Sequence

from workers.models.base import Caption, Captioner, Hint, Model, Pixels, Tag, Tagger
from workers.models.evidence import Evidence
from workers.models.subprocess.client import ModelProcess, ModelProcessDied
from workers.models.subprocess.model_metadata import ModelMetadata
from workers.models.subprocess.writer import SubprocessWriter

__all__ = ["ModelProcessDied", "SubprocessWriter", "create_in_subprocess"]


def create_in_subprocess(timeout_s: float, name: str, /, **options: object) -> tuple[Captioner, Tagger]:
    """As `workers.models.create`, whose errors `load` raises here.

    `predict` and `tag` raise what the models raise, errors of a model library as RuntimeError, and ModelProcessDied
    after a crash or `timeout_s` without a response.
    """
    process = ModelProcess(name, options, timeout_s)
    return _SubprocessCaptioner(process), _SubprocessTagger(process)


class _SubprocessModel(Model):
    position: int

    def __init__(self, process: ModelProcess) -> None:
        self._process = process

    @property
    def metadata(self) -> ModelMetadata:
        if self._process.metadata is None:
            raise RuntimeError("load() comes first")
        return self._process.metadata[self.position]

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def revision(self) -> str:
        return self.metadata.revision

    @property
    def options(self) -> Mapping[str, object]:
        return self.metadata.options

    @property
    def device(self) -> str:
        return self.metadata.device

    def load(self) -> None:
        self._process.load()

    def unload(self) -> None:
        self._process.stop()


class _SubprocessCaptioner(_SubprocessModel, Captioner):
    position = 0

    @property
    def requires_caption(self) -> bool:
        return self.metadata.requires_caption

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        captions: list[list[Caption]] = self._process.call("captions", batch)
        return captions


class _SubprocessTagger(_SubprocessModel, Tagger):
    position = 1

    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        return self.tag(batch, [Hint()] * len(batch))

    def tag(self, batch: Sequence[Pixels], hints: Sequence[Hint]) -> list[list[Tag]]:
        tags: list[list[Tag]] = self._process.call("tags", batch, list(hints))
        return tags

    def evidence(self, batch: Sequence[Pixels]) -> list[Evidence]:
        evidence: list[Evidence] = self._process.call("evidence", batch)
        return evidence
