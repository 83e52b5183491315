"""BLIP and CLIP together: CLIP judges BLIP's sentences by the picture, and tags it. Both use one loaded CLIP."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workers.english.guards import alike
from workers.models.base import Caption, Captioner, ModelUnavailable, Pixels, Tagger, threads_of
from workers.models.checkpoints import store

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

OWN_OPTIONS = ("folder", "blip", "clip", "precision")
OPTIONS = (*OWN_OPTIONS, "threads")
# Less in common than this, and two sentences tell of two things.
_DIFFERENT = 0.5


class Judge(Protocol):
    """workers.models.clip.encoder.Clip, as far as it is needed here: vectors of length 1, and what their products are
    multiplied by.
    """

    @property
    def scale(self) -> float: ...
    def load(self) -> None: ...
    def unload(self) -> None: ...
    def images(self, pixels: Sequence[Pixels]) -> "Tensor": ...
    def texts(self, texts: Sequence[str]) -> "Tensor": ...


def create(options: Mapping[str, object]) -> tuple[Captioner, Tagger]:
    """`folder` holds the checkpoints by name; `blip` and `clip` are names, or absolute paths; `precision`: auto, fp32,
    bf16 or int8; `threads`: torch's, for the whole process. Raises ValueError for a bad option, ModelUnavailable where
    weights are missing.
    """
    for key in options:
        if key not in OPTIONS:
            raise ValueError(f"unknown option {key!r} of the blip-clip models; accepted: {', '.join(OPTIONS)}")
    threads = threads_of(options)
    (blip, blip_folder), (clip, clip_folder) = _checked(options)
    return _pair(blip, blip_folder, clip, clip_folder, str(options.get("precision", "auto")), threads)


def is_here(options: Mapping[str, object]) -> bool:
    """Whether both have their weights on this machine. A checkpoint that is there and of no use is told in the log."""
    try:
        _checked(options)
    except ModelUnavailable as error:
        if any(path.is_dir() for path in _folders(options)):
            logger.warning("BLIP and CLIP are not used: %s", error)
        return False
    return True


def _checked(options: Mapping[str, object]) -> list[tuple[str, Path]]:
    """Name and folder of each."""
    models = Path(str(options.get("folder", ".")))
    return [(name, store.require(models, name, kind)) for kind, name in _names(options).items()]


def _folders(options: Mapping[str, object]) -> list[Path]:
    models = Path(str(options.get("folder", ".")))
    return [store.folder_of(models, name) for name in _names(options).values()]


def _names(options: Mapping[str, object]) -> dict[str, str]:
    return {"blip": str(options.get("blip", store.BLIP)), "clip": str(options.get("clip", store.CLIP))}


def _pair(
    blip: str, blip_folder: Path, clip: str, clip_folder: Path, precision: str, threads: int | None
) -> tuple[Captioner, Tagger]:
    from workers.models.blip import BlipCaptioner
    from workers.models.clip.clip_device import PlacedClip
    from workers.models.clip.tagger import ClipTagger

    captioner = BlipCaptioner(
        blip_folder, name=blip, revision=store.revision(blip_folder), threads=threads, precision=precision
    )
    judge = PlacedClip(
        clip_folder, name=clip, revision=store.revision(clip_folder), threads=threads, precision=precision
    )
    # Beside the checkpoint, which decides what is in it.
    return Judged(captioner, judge), ClipTagger(judge, cache=clip_folder)


class Judged(Captioner):
    """A captioner whose candidates are put in the order that the picture gives them."""

    def __init__(self, captioner: Captioner, judge: Judge) -> None:
        self._captioner, self._judge = captioner, judge
        self.must_speak = captioner.must_speak

    @property
    def name(self) -> str:  # type: ignore[override]
        return self._captioner.name

    @property
    def revision(self) -> str:  # type: ignore[override]
        return self._captioner.revision

    def load(self) -> None:
        self._captioner.load()
        self._judge.load()

    def unload(self) -> None:
        self._captioner.unload()
        self._judge.unload()

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        told = self._captioner.predict(batch)
        if not any(told):
            return told
        seen = self._judge.images(batch)
        texts = list(dict.fromkeys(caption.text for captions in told for caption in captions))
        vectors = dict(zip(texts, self._judge.texts(texts), strict=True))
        return [
            ordered(
                [replace(caption, similarity=float(picture @ vectors[caption.text])) for caption in captions],
                self._judge.scale,
            )
            for picture, captions in zip(seen, told, strict=True)
        ]


def ordered(captions: Sequence[Caption], scale: float) -> list[Caption]:
    """Best first: by the picture, whose similarity times `scale` is a log-probability up to a constant, with the
    captioner's own confidence. The best one that tells of something else comes second.
    """
    scores = [scale * (caption.similarity or 0.0) + math.log(max(caption.confidence, 1e-6)) for caption in captions]
    places = sorted(range(len(captions)), key=lambda place: (-scores[place], place))
    ranked = [captions[place] for place in places]
    other = next((caption for caption in ranked[1:] if alike(caption.text, ranked[0].text) < _DIFFERENT), None)
    if other is None:
        return ranked
    return [ranked[0], other, *(caption for caption in ranked[1:] if caption is not other)]
