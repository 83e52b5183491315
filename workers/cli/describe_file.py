"""One file to its words, and in plain sentences why there are none."""

from pathlib import Path

from decoding import Limits
from workers import pipeline
from workers.cli.image_paths import reason
from workers.imaging.decoding import ImageError, ImageTooLarge
from workers.runtime.engine import Engine, EngineTimeout


class FileTooLarge(Exception):
    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit


def describe(
    engine: Engine, path: str, *, max_bytes: int, limits: Limits, timeout_s: float, neutral_people: bool
) -> pipeline.Analysis:
    """Raises OSError, FileTooLarge, and what workers.pipeline.describe raises."""
    with Path(path).open("rb") as file:
        # Read and then judged, because a pipe or a device does not say how much is coming.
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise FileTooLarge(max_bytes)
    return pipeline.describe(engine, data, limits=limits, timeout_s=timeout_s, neutral_people=neutral_people)


def sentence(error: BaseException) -> str | None:
    """None for what nobody foresaw."""
    match error:
        case FileTooLarge(limit=limit):
            return f"The file is larger than {limit:,} bytes (FORGE_MAX_IMAGE_BYTES)."
        case ImageTooLarge(unit=unit, limit=limit, actual=actual):
            name = "FORGE_MAX_IMAGE_PIXELS" if unit == "pixels" else "FORGE_MAX_IMAGE_SIDE"
            return f"The image has {actual:,} {unit}, more than {limit:,} ({name})."
        case ImageError():
            return str(error)
        case pipeline.NothingSaid():
            return str(error)
        case EngineTimeout():
            return "The models did not answer in time (FORGE_ANALYSIS_TIMEOUT_S)."
        case OSError():
            return reason(error)
    return None
