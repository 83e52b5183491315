"""The captioner that ships: sentences by a small decoder that was trained on photographs, labels by ImageNet.

No network, no GPU, nothing to download. MODEL_CARD.md says what it was trained on and what it is bad at.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workers.models.base import Caption, Captioner, Model, ModelUnavailable, Pixels, Tag, Tagger, threads_option
from workers.models.embedded import weights

if TYPE_CHECKING:
    from workers.models.embedded.inference import Sight

MEND = "run bin/setup, and `git checkout -- workers/models/embedded` where the repository's own files changed."


def create(options: Mapping[str, object]) -> tuple[Captioner, Tagger]:
    """Option `threads`: torch's intra-op threads, for the whole process; torch's own choice where it is absent."""
    for key in options:
        if key != "threads":
            raise ValueError(f"unknown option {key!r} of the embedded models; accepted: threads")
    shared = Shared(threads_option(options))
    return EmbeddedCaptioner(shared), EmbeddedTagger(shared)


class Shared:
    """What captioner and tagger have in common, so that a picture is looked at once."""

    def __init__(self, threads: int | None = None, folder: Path = weights.FOLDER) -> None:
        self._threads, self._folder = threads, folder
        self._sight: Sight | None = None

    @property
    def revision(self) -> str:
        return "" if self._sight is None else self._sight.revision

    @property
    def options(self) -> Mapping[str, object]:
        return {} if self._sight is None else self._sight.options

    @property
    def sight(self) -> "Sight":
        if self._sight is None:
            raise RuntimeError("load() comes first")
        return self._sight

    def load(self) -> None:
        if self._sight is not None:
            return
        try:
            from workers.models.embedded.inference import Sight

            self._sight = Sight(self._threads, self._folder)
        except ImportError as error:
            raise ModelUnavailable(f"The embedded captioner lacks {error.name}; run bin/setup.") from error
        except OSError as error:
            raise ModelUnavailable(f"The embedded captioner's weights are missing ({error}); {MEND}") from error
        except ValueError as error:
            raise ModelUnavailable(f"The embedded captioner's weights are damaged ({error}); {MEND}") from error

    def unload(self) -> None:
        self._sight = None


class _Embedded(Model):
    name = "forge-embedded"

    def __init__(self, shared: Shared) -> None:
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


class EmbeddedCaptioner(_Embedded, Captioner):
    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        sight = self._shared.sight
        return [sight.teller.captions(seen) for seen in sight.see(batch)]


class EmbeddedTagger(_Embedded, Tagger):
    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        sight = self._shared.sight
        return [sight.teller.tags(seen) for seen in sight.see(batch)]
