"""What every way of serving in `benchmarks/serving.py` has in common: the same models, batch and threads."""

from collections.abc import Sequence

from decoding import Limits
from workers import models, pipeline
from workers.imaging.decoding import decode
from workers.models.base import Captioner, Tagger

BATCH = 8
LIMITS = Limits(pixels=10**8)


class Words:
    """Pictures as bytes to their words, in one batch."""

    def __init__(self) -> None:
        self.captioner, self.tagger = _models()

    def __call__(self, files: Sequence[bytes]) -> list[dict[str, object]]:
        pictures = [decode(data, limits=LIMITS) for data in files]
        batch = [picture.pixels for picture in pictures]
        captions, tags = self.captioner.predict(batch), self.tagger.predict(batch)
        told = zip(pictures, captions, tags, strict=True)
        return [dict(pipeline.compose_metadata(picture, said, seen).as_metadata()) for picture, said, seen in told]


def _models() -> tuple[Captioner, Tagger]:
    captioner, tagger = models.create("embedded", threads=1)
    captioner.load()
    tagger.load()
    return captioner, tagger
