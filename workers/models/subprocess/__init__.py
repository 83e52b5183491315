"""Models in a process of their own.

A worker's threads decode, tell and record while the models work. In one process all of them wait for one interpreter's
lock, the models a thousand times a picture. In two they wait for nobody, and what kills the models (a fault in native
code, the kernel for want of memory) costs one picture and not the worker.
"""

from collections.abc import Mapping, Sequence

from workers.models.base import Caption, Captioner, Hint, Model, Pixels, Tag, Tagger
from workers.models.subprocess.client import ModelsDied, Process
from workers.models.subprocess.model_facts import Facts

__all__ = ["ModelsDied", "create_in_subprocess"]


def create_in_subprocess(patience_s: float, name: str, /, **options: object) -> tuple[Captioner, Tagger]:
    """As `workers.models.create`, whose errors come from `load` here.

    What the models raise comes from `predict` and `tag`: as it was where this process knows its class without importing
    a model library, as a RuntimeError that names it otherwise. ModelsDied where the process ended, or was ended because
    it had not answered for `patience_s` seconds.
    """
    process = Process(name, options, patience_s)
    return _ApartCaptioner(process), _ApartTagger(process)


class _Apart(Model):
    place: int

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def facts(self) -> Facts:
        if self._process.facts is None:
            raise RuntimeError("load() comes first")
        return self._process.facts[self.place]

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.facts.name

    @property
    def revision(self) -> str:  # type: ignore[override]
        return self.facts.revision

    @property
    def options(self) -> Mapping[str, object]:  # type: ignore[override]
        return self.facts.options

    def load(self) -> None:
        self._process.load()

    def unload(self) -> None:
        self._process.end()


class _ApartCaptioner(_Apart, Captioner):
    place = 0

    @property
    def must_speak(self) -> bool:  # type: ignore[override]
        return self.facts.must_speak

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        captions: list[list[Caption]] = self._process.ask("captions", batch)
        return captions


class _ApartTagger(_Apart, Tagger):
    place = 1

    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        return self.tag(batch, [Hint()] * len(batch))

    def tag(self, batch: Sequence[Pixels], hints: Sequence[Hint]) -> list[list[Tag]]:
        tags: list[list[Tag]] = self._process.ask("tags", batch, list(hints))
        return tags
