"""The analysis of one image: decode, predict, compose. Plain values in and out."""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from types import MappingProxyType
from typing import Protocol

from decoding import Limits
from workers.analysis import NO_TRANSLATIONS, Analysis, assessment_of
from workers.composing.drafts.quoted_text import may_have_text
from workers.composing.metadata import ComposedMetadata
from workers.composing.requested.composed import compose_requested
from workers.composing.written.fields import NothingLeft, compose_written
from workers.file_text import read_file_text
from workers.imaging.colors import analyze_colors
from workers.imaging.decoding import DecodedImage, decode
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Pixels
from workers.models.evidence import Evidence, TextLine, merge_views
from workers.models.options import Options
from workers.models.writer import NoUsableAnswer, Writer, WriterUnavailable, Written
from workers.provenance import provenance_of, writer_record
from workers.runtime.engine import Engine, Prediction
from workers.translations import Translations, translate

# Text is read at this size; of larger images it is not read better.
READING_SIDE = 1280
# A writer gets the image at this size at most.
WRITING_SIDE = 1024
NO_OPTIONS = Options()


class Reader(Protocol):
    """workers.models.ocr.TextReader, or another."""

    def read(self, pixels: Pixels) -> list[TextLine]: ...


class NoCaptionProduced(Exception):
    """A captioner that requires a caption produced none: the alt would be empty."""

    def __init__(self) -> None:
        super().__init__("The models found no words for this image.")


def describe(
    engine: Engine,
    data: bytes,
    *,
    limits: Limits,
    timeout_s: float,
    options: Options = NO_OPTIONS,
    terms: tuple[str, ...] = (),
    requested: Mapping[str, object] = MappingProxyType({}),
    reader: Reader | None = None,
    writer: Writer | None = None,
    fall_back: bool = False,
) -> Analysis:
    """Analyze an encoded image; `terms` are the account's own, for the tags; `reader` reads text where there may be.
    `requested`: the options as the caller gave them, for the provenance.

    With a `writer`, the engine gives the evidence for what that writes, and its own words where the writer is
    unavailable and `fall_back` is set. Raises NoCaptionProduced, and what workers.imaging.decoding.decode,
    Engine.describe and Writer.write raise.
    """
    times = [time.perf_counter()]
    if options.use_file_text:
        options = replace(options, file_text=read_file_text(data))
    image = decode(data, limits=limits)
    times.append(time.perf_counter())
    # Before the evidence, which it does not need: a vision server is the slower part, and must not wait for a batch.
    written, reason = _write(writer, data, limits, options, fall_back=fall_back)
    times.append(time.perf_counter())
    prediction = _predict(engine, image, timeout_s, terms, words=written is None)
    times.append(time.perf_counter())
    if written is None and engine.requires_caption and not prediction.captions:
        raise NoCaptionProduced
    lines = [] if written else _read_text(reader, data, limits, image, prediction.evidence)
    times.append(time.perf_counter())
    compose = partial(_compose, image, prediction, lines, written, terms=terms)
    composed = compose(options)
    if written is None:
        translations = Translations({tag: compose(replace(options, language=tag)) for tag in options.translations})
    else:
        translations = _translate(writer, data, limits, image, prediction.evidence, options)
    times.append(time.perf_counter())
    decode_ms, write_ms, predict_ms, read_ms, compose_ms = (
        (after - before) * 1000 for before, after in itertools.pairwise(times)
    )
    wait_ms = max(0.0, predict_ms - sum(prediction.milliseconds.values()))
    spent = {"decode": decode_ms, "wait": wait_ms, **prediction.milliseconds, "read": read_ms, "compose": compose_ms}
    spent |= {"write": write_ms} if writer else {}
    written_by = writer_record(writer, written, reason)
    provenance = provenance_of(engine.provenance, prediction, assessment_of(composed), spent) | written_by
    provenance |= {"options": dict(requested)} if requested else {}
    return Analysis(composed, provenance, spent, options.fields, translations)


def _write(
    writer: Writer | None, data: bytes, limits: Limits, options: Options, *, fall_back: bool
) -> tuple[Written | None, str]:
    """Return what the writer wrote, or None and the reason. Raises NoCaptionProduced and what Writer.write raises."""
    if writer is None:
        return None, ""
    if fall_back and writer.problem:
        return None, writer.problem
    try:
        return writer.write(decode(data, limits=limits, max_side=WRITING_SIDE).pixels, options), ""
    except WriterUnavailable as error:
        if fall_back:
            return None, str(error)
        raise
    except NoUsableAnswer as error:
        raise NoCaptionProduced from error


def _compose(
    image: DecodedImage,
    prediction: Prediction,
    lines: Sequence[TextLine] | None,
    written: Written | None,
    options: Options,
    *,
    terms: Sequence[str],
) -> ComposedMetadata:
    if written is None:
        return compose_metadata(image, prediction, lines, options, terms)
    try:
        return compose_written(written, _facts(image), prediction.evidence, options)
    except NothingLeft as error:
        raise NoCaptionProduced from error


def _translate(
    writer: Writer | None, data: bytes, limits: Limits, image: DecodedImage, evidence: Evidence, options: Options
) -> Translations:
    if writer is None or not options.translations:
        return NO_TRANSLATIONS
    pixels = decode(data, limits=limits, max_side=WRITING_SIDE).pixels
    return translate(writer, pixels, _facts(image), evidence, options)


def _predict(
    engine: Engine, image: DecodedImage, timeout_s: float, terms: tuple[str, ...], *, words: bool
) -> Prediction:
    """Predict the whole image, its evidence alone without `words`, and gather the evidence of its tiles."""
    prediction = engine.describe(image.pixels, timeout_s, terms, words=words)
    if not image.tiles or not prediction.evidence.kinds:
        return prediction
    parts = [engine.describe(tile, timeout_s, terms, words=words) for tile in image.tiles]
    spent = {
        stage: sum(view.milliseconds.get(stage, 0.0) for view in (prediction, *parts))
        for stage in prediction.milliseconds
    }
    evidence = merge_views(prediction.evidence, [part.evidence for part in parts])
    return replace(prediction, evidence=evidence, milliseconds=spent)


def _read_text(
    reader: Reader | None, data: bytes, limits: Limits, image: DecodedImage, evidence: Evidence
) -> list[TextLine] | None:
    """Read text from a larger decode of the same image, where its kind or the text head says that there is some.

    Return None without a reader.
    """
    if reader is None:
        return None
    if image.blank or not may_have_text(evidence):
        return []
    return reader.read(decode(data, limits=limits, max_side=READING_SIDE).pixels)


def compose_metadata(
    image: DecodedImage,
    prediction: Prediction,
    lines: Sequence[TextLine] | None = None,
    options: Options = NO_OPTIONS,
    terms: Sequence[str] = (),
) -> ComposedMetadata:
    """Compose metadata from the models' output, the text and facts measured from the pixels; `terms`: the account's."""
    return compose_requested(
        prediction.captions,
        prediction.tags,
        _facts(image),
        options,
        evidence=prediction.evidence,
        lines=lines,
        blank=image.blank,
        terms=terms,
    )


def _facts(image: DecodedImage) -> ImageFacts:
    return ImageFacts(image.width, image.height, **asdict(analyze_colors(image.pixels)), frames=image.frames)
