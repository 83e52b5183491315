"""The engine that every server in `benchmarks/serving.py` runs: the same models, batch and threads."""

from collections.abc import Sequence

from decoding import Limits
from workers import models, pipeline
from workers.imaging.decoding import decode
from workers.models.base import Captioner, Tagger
from workers.runtime.engine import Prediction

BATCH = 8
LIMITS = Limits(pixels=10**8)


class BatchPipeline:
    """From the bytes of images to their metadata, in one batch."""

    def __init__(self) -> None:
        self.captioner, self.tagger = _models()

    def __call__(self, files: Sequence[bytes]) -> list[dict[str, object]]:
        images = [decode(data, limits=LIMITS) for data in files]
        batch = [image.pixels for image in images]
        captions, tags = self.captioner.predict(batch), self.tagger.predict(batch)
        predictions = map(Prediction, captions, tags, self.tagger.evidence(batch))
        outputs = zip(images, predictions, strict=True)
        return [dict(pipeline.compose_metadata(image, found).as_metadata()) for image, found in outputs]


def _models() -> tuple[Captioner, Tagger]:
    captioner, tagger = models.create("embedded", threads=1)
    captioner.load()
    tagger.load()
    return captioner, tagger
