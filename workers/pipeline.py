"""The analysis of one image: decode, predict, compose. Plain values in and out."""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypedDict

from decoding import Limits
from workers.composing.metadata import ComposedMetadata, compose
from workers.imaging.colors import analyze_colors
from workers.imaging.decoding import DecodedImage, decode
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption, Tag
from workers.runtime.engine import Engine, Prediction


class NoCaptionProduced(Exception):
    """A captioner that requires a caption produced none: the alt would be empty."""

    def __init__(self) -> None:
        super().__init__("The models found no words for this image.")


class Assessment(TypedDict):
    """`kind`, `confidence` and `needsReview` of docs/api-contract.md."""

    kind: str
    confidence: float
    needsReview: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """The composed metadata and its provenance, which is plain data for JSON.

    Milliseconds by stage: decode, wait (for the batch), caption and tag (the whole batch's), compose.
    """

    composed: ComposedMetadata
    provenance: dict[str, object]
    milliseconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def assessment(self) -> Assessment:
        return _assessment(self.composed)


def describe(
    engine: Engine,
    data: bytes,
    *,
    limits: Limits,
    timeout_s: float,
    neutral_people: bool = True,
    terms: tuple[str, ...] = (),
) -> Analysis:
    """Analyze an encoded image; `terms` are the account's own, for the tags.

    Raises NoCaptionProduced, and what workers.imaging.decoding.decode and Engine.describe raise.
    """
    times = [time.perf_counter()]
    image = decode(data, limits=limits)
    times.append(time.perf_counter())
    prediction = engine.describe(image.pixels, timeout_s, terms)
    times.append(time.perf_counter())
    if engine.requires_caption and not prediction.captions:
        raise NoCaptionProduced
    composed = compose_metadata(image, prediction.captions, prediction.tags, neutral_people=neutral_people)
    times.append(time.perf_counter())
    decode_ms, predict_ms, compose_ms = ((after - before) * 1000 for before, after in itertools.pairwise(times))
    wait_ms = max(0.0, predict_ms - sum(prediction.milliseconds.values()))
    spent = {"decode": decode_ms, "wait": wait_ms, **prediction.milliseconds, "compose": compose_ms}
    return Analysis(composed, _provenance(engine, prediction, composed, spent), spent)


def _assessment(composed: ComposedMetadata) -> Assessment:
    """Return the assessment, `confidence` rounded to three decimals."""
    return {
        "kind": composed.kind,
        "confidence": round(composed.confidence, 3),
        "needsReview": composed.needs_review,
    }


def _provenance(
    engine: Engine, prediction: Prediction, composed: ComposedMetadata, spent: Mapping[str, float]
) -> dict[str, object]:
    return {
        "assessment": _assessment(composed),
        "models": engine.provenance,
        "captions": [_caption_record(caption) for caption in prediction.captions],
        "tags": [{"text": tag.text, "confidence": tag.confidence} for tag in prediction.tags],
        "milliseconds": {stage: round(milliseconds, 1) for stage, milliseconds in spent.items()},
    }


def _caption_record(caption: Caption) -> dict[str, object]:
    record: dict[str, object] = {"text": caption.text, "confidence": caption.confidence}
    return record if caption.similarity is None else {**record, "similarity": round(caption.similarity, 4)}


def compose_metadata(
    image: DecodedImage, captions: Sequence[Caption], tags: Sequence[Tag], *, neutral_people: bool = True
) -> ComposedMetadata:
    """Compose metadata from the models' output and facts measured from the pixels."""
    facts = ImageFacts(image.width, image.height, **asdict(analyze_colors(image.pixels)))
    return compose(captions, tags, facts, neutral_people=neutral_people)
