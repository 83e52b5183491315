"""What every way of serving in `benchmarks/serving.py` has in common: the same models, batch and threads."""

import dataclasses
from collections.abc import Sequence

from decoding import Limits
from workers import models
from workers.colors import look
from workers.compose import compose
from workers.context import Context
from workers.images import decode
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
        answers = []
        for picture, said, seen in zip(pictures, captions, tags, strict=True):
            context = Context(picture.width, picture.height, **dataclasses.asdict(look(picture.pixels)))
            answers.append(dict(compose(said, seen, context).as_metadata()))
        return answers


def _models() -> tuple[Captioner, Tagger]:
    captioner, tagger = models.create("embedded", threads=1)
    captioner.load()
    tagger.load()
    return captioner, tagger
