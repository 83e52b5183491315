"""A cache of the latest batch's result, because captioner and tagger receive the same batch."""

import weakref
from collections.abc import Sequence
from typing import Generic, TypeVar

from workers.models.base import Pixels

Value = TypeVar("Value")


class LastBatchCache(Generic[Value]):
    def __init__(self) -> None:
        # Weak, so that the images can be freed.
        self._images: list[weakref.ref[Pixels]] = []
        self._value: Value | None = None

    def get(self, batch: Sequence[Pixels]) -> Value | None:
        """Return the value for the same array objects, else None."""
        if len(self._images) != len(batch):
            return None
        return self._value if all(a() is b for a, b in zip(self._images, batch, strict=True)) else None

    def put(self, batch: Sequence[Pixels], value: Value) -> Value:
        self._images, self._value = [weakref.ref(image) for image in batch], value
        return value

    def clear(self) -> None:
        self._images, self._value = [], None
