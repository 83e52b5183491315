"""One picture to its words, with how they came about."""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from decoding import Limits
from workers.composing.metadata import Words, compose
from workers.imaging.colors import look
from workers.imaging.decoding import Picture, decode
from workers.imaging.image_facts import Context
from workers.models.base import Caption, Tag
from workers.runtime.engine import Engine


class NothingSaid(Exception):
    """A captioner that must speak had no word for the picture: its alt would be empty."""

    def __init__(self) -> None:
        super().__init__("The models found no words for this picture.")


@dataclass(frozen=True, slots=True)
class Analysis:
    """`provenance` is plain data, fit for JSON: `models` (name, revision and options of each), `captions` and `tags`
    (text and confidence), `milliseconds`: decode, wait (for its batch), caption and tag (the whole batch's), compose.
    """

    words: Words
    provenance: dict[str, object]
    milliseconds: Mapping[str, float] = field(default_factory=dict)


def describe(
    engine: Engine,
    data: bytes,
    *,
    limits: Limits,
    timeout_s: float,
    neutral_people: bool = True,
    terms: tuple[str, ...] = (),
) -> Analysis:
    """`terms` are an account's own, for its tags.

    Raises NothingSaid, and what workers.imaging.decoding.decode and Engine.describe raise.
    """
    times = [time.perf_counter()]
    picture = decode(data, limits=limits)
    times.append(time.perf_counter())
    sighting = engine.describe(picture.pixels, timeout_s, terms)
    times.append(time.perf_counter())
    if engine.must_speak and not sighting.captions:
        raise NothingSaid
    words = words_of(picture, sighting.captions, sighting.tags, neutral_people=neutral_people)
    times.append(time.perf_counter())
    decoding, looking, composing = ((after - before) * 1000 for before, after in itertools.pairwise(times))
    waiting = max(0.0, looking - sum(sighting.milliseconds.values()))
    spent = {"decode": decoding, "wait": waiting, **sighting.milliseconds, "compose": composing}
    provenance: dict[str, object] = {
        "models": engine.provenance,
        "captions": [_recorded(caption) for caption in sighting.captions],
        "tags": [{"text": tag.text, "confidence": tag.confidence} for tag in sighting.tags],
        "milliseconds": {stage: round(milliseconds, 1) for stage, milliseconds in spent.items()},
    }
    return Analysis(words, provenance, spent)


def _recorded(caption: Caption) -> dict[str, object]:
    told: dict[str, object] = {"text": caption.text, "confidence": caption.confidence}
    return told if caption.similarity is None else {**told, "similarity": round(caption.similarity, 4)}


def words_of(
    picture: Picture, captions: Sequence[Caption], tags: Sequence[Tag], *, neutral_people: bool = True
) -> Words:
    """What the models said of a picture, told with what its pixels tell by themselves."""
    context = Context(picture.width, picture.height, **asdict(look(picture.pixels)))
    return compose(captions, tags, context, neutral_people=neutral_people)
