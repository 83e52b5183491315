"""The image embeddings of a batch, shared by the tagger's methods."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.imaging.blank import has_detail
from workers.models.base import Pixels
from workers.models.clip.encoder import Clip
from workers.models.last_batch import LastBatchCache

ImageEmbedding = NDArray[np.float32]


@dataclass(slots=True)
class BatchEmbeddings:
    """`together`: (n, d), encoded as a batch; `alone`: by place, those encoded again alone; `detailed`: per image."""

    together: ImageEmbedding
    detailed: tuple[bool, ...]
    alone: dict[int, ImageEmbedding] = field(default_factory=dict)


class ImageEmbeddings:
    """Encodes each batch once, and each image at most once more alone."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        # Beside the encoder's own cache, which an image encoded alone replaces.
        self._last_batch = LastBatchCache[BatchEmbeddings]()

    def of(self, images: Sequence[Pixels]) -> BatchEmbeddings:
        if (cached := self._last_batch.get(images)) is not None:
            return cached
        together: ImageEmbedding = self._clip.embed_images(images).numpy()
        return self._last_batch.put(images, BatchEmbeddings(together, tuple(map(has_detail, images))))

    def alone(self, images: Sequence[Pixels], place: int) -> ImageEmbedding:
        batch = self.of(images)
        if place not in batch.alone:
            batch.alone[place] = self._clip.embed_images([images[place]]).numpy()[0]
        return batch.alone[place]

    def clear(self) -> None:
        self._last_batch.clear()
