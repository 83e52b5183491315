"""Analysis of one file, and its errors as plain sentences."""

import os

from decoding import Limits, TooLarge, Undecodable
from workers import pipeline
from workers.analysis import Analysis, TranslationError
from workers.cli.image_paths import os_error_message
from workers.cli.raw_preview import NoPreview, is_raw, read_preview
from workers.models.options import Options
from workers.models.writer import NoUsableAnswer, Writer, WriterFailed, WriterTimeout, WriterUnavailable
from workers.runtime.engine import Engine, EngineTimeout


class FileTooLarge(Exception):
    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit


def describe(
    engine: Engine,
    path: str,
    *,
    max_bytes: int,
    limits: Limits,
    timeout_s: float,
    options: Options,
    reader: pipeline.Reader | None = None,
    writer: Writer | None = None,
    fall_back: bool = False,
) -> Analysis:
    """Analyze a file, or the preview of a raw one.

    Raises OSError, FileTooLarge, NoPreview, and what workers.pipeline.describe raises."""
    data = read_preview(path, max_bytes) if is_raw(path) else _read(path, max_bytes + 1)
    if len(data) > max_bytes:
        raise FileTooLarge(max_bytes)
    return pipeline.describe(
        engine,
        data,
        limits=limits,
        timeout_s=timeout_s,
        options=options,
        reader=reader,
        writer=writer,
        fall_back=fall_back,
    )


def _read(path: str, size: int) -> bytes:
    """Read up to `size` bytes: those of a pipe or device cannot be counted before.

    Opening a pipe does not wait for a writer; one that has none is empty.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        os.set_blocking(file.fileno(), True)
        return file.read(size)


def error_message(error: BaseException) -> str | None:
    """Return a sentence, or None for an unexpected error."""
    match error:
        case FileTooLarge(limit=limit):
            return f"The file is larger than {limit:,} bytes (FORGE_MAX_IMAGE_BYTES)."
        case TooLarge(unit=unit, limit=limit, actual=actual):
            name = "FORGE_MAX_IMAGE_PIXELS" if unit == "pixels" else "FORGE_MAX_IMAGE_SIDE"
            return f"The image has {actual:,} {unit}, more than {limit:,} ({name})."
        case Undecodable():
            return str(error)
        case NoPreview() | pipeline.NoCaptionProduced():
            return str(error)
        case EngineTimeout():
            return "The models did not respond in time (FORGE_ANALYSIS_TIMEOUT_S)."
        case NoUsableAnswer() | WriterFailed() | WriterTimeout() | WriterUnavailable():
            return str(error)
        case OSError():
            return os_error_message(error)
    return None


def translation_errors(analysis: Analysis) -> dict[str, TranslationError]:
    """Return by language tag why a translation is missing, with the codes of docs/api-contract.md."""
    return {
        tag: {"error": error_message(failure) or str(failure), "code": _code(failure)}
        for tag, failure in analysis.translations.failures.items()
    }


def _code(failure: Exception) -> str:
    match failure:
        case NoUsableAnswer():
            return "no_caption"
        case WriterTimeout():
            return "analysis_timeout"
    return "analysis_failed"
