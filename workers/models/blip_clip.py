"""BLIP captions reranked by CLIP's cosine similarity, and CLIP tags, from one loaded CLIP."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workers.english.caption_cleanup import content_similarity
from workers.models.base import Caption, Captioner, ModelUnavailable, Pixels, Tagger, threads_option
from workers.models.checkpoints import store

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

OWN_OPTIONS = ("folder", "blip", "clip", "precision")
OPTIONS = (*OWN_OPTIONS, "threads")
# Captions that share less are of different subjects.
_DIVERSE_BELOW = 0.5


class ImageTextScorer(Protocol):
    """The part of workers.models.clip.encoder.Clip that reranking needs."""

    @property
    def logit_scale(self) -> float: ...
    def load(self) -> None: ...
    def unload(self) -> None: ...
    def embed_images(self, images: Sequence[Pixels]) -> "Tensor": ...
    def embed_texts(self, texts: Sequence[str]) -> "Tensor": ...


def create(options: Mapping[str, object]) -> tuple[Captioner, Tagger]:
    """Return captioner and tagger, not loaded.

    Options: `folder` of checkpoints; `blip` and `clip`, names or absolute paths; `precision`: auto, fp32, bf16 or int8;
    `threads` of the process. Raises ValueError for a bad option, ModelUnavailable for missing weights.
    """
    for key in options:
        if key not in OPTIONS:
            raise ValueError(f"unknown option {key!r} of the blip-clip models; accepted: {', '.join(OPTIONS)}")
    threads = threads_option(options)
    (blip, blip_folder), (clip, clip_folder) = _require_checkpoints(options)
    return _build(blip, blip_folder, clip, clip_folder, str(options.get("precision", "auto")), threads)


def is_installed(options: Mapping[str, object]) -> bool:
    """Return whether both checkpoints are installed; log one that is present but unusable."""
    try:
        _require_checkpoints(options)
    except ModelUnavailable as error:
        if any(path.is_dir() for path in _folders(options)):
            logger.warning("BLIP and CLIP are not used: %s", error)
        return False
    return True


def _require_checkpoints(options: Mapping[str, object]) -> list[tuple[str, Path]]:
    """Return name and folder of each. Raises ModelUnavailable."""
    models = Path(str(options.get("folder", ".")))
    return [(name, store.require(models, name, model_type)) for model_type, name in _names(options).items()]


def _folders(options: Mapping[str, object]) -> list[Path]:
    models = Path(str(options.get("folder", ".")))
    return [store.folder_of(models, name) for name in _names(options).values()]


def _names(options: Mapping[str, object]) -> dict[str, str]:
    return {"blip": str(options.get("blip", store.BLIP)), "clip": str(options.get("clip", store.CLIP))}


def _build(
    blip: str, blip_folder: Path, clip: str, clip_folder: Path, precision: str, threads: int | None
) -> tuple[Captioner, Tagger]:
    from workers.models.blip import BlipCaptioner
    from workers.models.clip.clip_device import AutoDeviceClip
    from workers.models.clip.tagger import ClipTagger

    captioner = BlipCaptioner(
        blip_folder, name=blip, revision=store.revision(blip_folder), threads=threads, precision=precision
    )
    scorer = AutoDeviceClip(
        clip_folder, name=clip, revision=store.revision(clip_folder), threads=threads, precision=precision
    )
    # The cache depends on the checkpoint and is stored in its folder.
    return RerankingCaptioner(captioner, scorer), ClipTagger(scorer, cache=clip_folder)


class RerankingCaptioner(Captioner):
    """Reranks a captioner's candidates by the cosine similarity of image and text."""

    def __init__(self, captioner: Captioner, scorer: ImageTextScorer) -> None:
        self._captioner, self._scorer = captioner, scorer

    @property
    def name(self) -> str:
        return self._captioner.name

    @property
    def revision(self) -> str:
        return self._captioner.revision

    @property
    def device(self) -> str:
        return self._captioner.device

    @property
    def requires_caption(self) -> bool:
        return self._captioner.requires_caption

    def load(self) -> None:
        self._captioner.load()
        self._scorer.load()

    def unload(self) -> None:
        self._captioner.unload()
        self._scorer.unload()

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        candidates = self._captioner.predict(batch)
        if not any(candidates):
            return candidates
        images = self._scorer.embed_images(batch)
        texts = list(dict.fromkeys(caption.text for captions in candidates for caption in captions))
        vectors = dict(zip(texts, self._scorer.embed_texts(texts), strict=True))
        return [
            rerank(
                [replace(caption, similarity=float(image @ vectors[caption.text])) for caption in captions],
                self._scorer.logit_scale,
            )
            for image, captions in zip(images, candidates, strict=True)
        ]


def rerank(captions: Sequence[Caption], logit_scale: float) -> list[Caption]:
    """Sort by similarity * `logit_scale`, a log-probability up to a constant, plus the captioner's log-confidence.

    The best caption of another subject comes second.
    """
    scores = [
        logit_scale * (caption.similarity or 0.0) + math.log(max(caption.confidence, 1e-6)) for caption in captions
    ]
    places = sorted(range(len(captions)), key=lambda place: (-scores[place], place))
    ranked = [captions[place] for place in places]
    diverse = next(
        (caption for caption in ranked[1:] if content_similarity(caption.text, ranked[0].text) < _DIVERSE_BELOW), None
    )
    if diverse is None:
        return ranked
    return [ranked[0], diverse, *(caption for caption in ranked[1:] if caption is not diverse)]
