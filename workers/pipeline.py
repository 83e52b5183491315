"""One picture to its words, with how they came about."""

import itertools
import time
from dataclasses import asdict, dataclass

from workers.colors import look
from workers.compose import Words, compose
from workers.context import Context
from workers.engine import Engine
from workers.images import decode


class NothingSaid(Exception):
    """A captioner that must speak had no word for the picture: its alt would be empty."""

    def __init__(self) -> None:
        super().__init__("The models found no words for this picture.")


@dataclass(frozen=True, slots=True)
class Analysis:
    """`provenance` is plain data, fit for JSON: `models` (name and revision of each), `captions` and `tags` (text and
    confidence), `milliseconds` (decode, model, compose; the model's includes waiting for its batch).
    """

    words: Words
    provenance: dict[str, object]


def describe(
    engine: Engine, data: bytes, *, max_pixels: int, timeout_s: float, terms: tuple[str, ...] = ()
) -> Analysis:
    """`terms` are an account's own, for its tags. Raises NothingSaid, and what workers.images.decode and
    Engine.describe raise.
    """
    times = [time.perf_counter()]
    picture = decode(data, max_pixels=max_pixels)
    times.append(time.perf_counter())
    sighting = engine.describe(picture.pixels, timeout_s, terms)
    times.append(time.perf_counter())
    if engine.must_speak and not sighting.captions:
        raise NothingSaid
    context = Context(picture.width, picture.height, **asdict(look(picture.pixels)))
    words = compose(sighting.captions, sighting.tags, context)
    times.append(time.perf_counter())
    spent = [round((after - before) * 1000, 1) for before, after in itertools.pairwise(times)]
    provenance: dict[str, object] = {
        "models": engine.provenance,
        "captions": [{"text": caption.text, "confidence": caption.confidence} for caption in sighting.captions],
        "tags": [{"text": tag.text, "confidence": tag.confidence} for tag in sighting.tags],
        "milliseconds": dict(zip(("decode", "model", "compose"), spent, strict=True)),
    }
    return Analysis(words, provenance)
