import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self


@dataclass(frozen=True, slots=True)
class Limits:
    """`pixels`, `side` and CPU `seconds` of one image; `pixels_at_once` of this process."""

    pixels: int
    side: int = 2**16 - 1
    seconds: float = 10.0
    pixels_at_once: int = 100_000_000

    @classmethod
    def of(cls, settings: Any) -> Self:
        """Return the limits in Django's settings, which this package does not import."""
        return cls(
            pixels=settings.FORGE_MAX_IMAGE_PIXELS,
            side=settings.FORGE_MAX_IMAGE_SIDE,
            seconds=settings.FORGE_DECODE_SECONDS,
            pixels_at_once=settings.FORGE_DECODE_PIXELS_AT_ONCE,
        )


class OutOfTimeError(Exception):
    """Decoding takes longer than `Limits.seconds`."""


class Source(Protocol):
    """The part of a file object that decoders need."""

    def read(self, size: int = ..., /) -> bytes: ...

    def seek(self, offset: int, whence: int = ..., /) -> Any: ...


class TimedFile:
    """A file that raises OutOfTimeError at a read after `seconds`.

    CPU time of this thread, so that a busy machine does not fail a valid image.
    """

    def __init__(self, file: Source, seconds: float) -> None:
        self._file = file
        self._until = time.thread_time() + seconds

    def read(self, size: int = -1) -> bytes:
        if time.thread_time() > self._until:
            raise OutOfTimeError
        return self._file.read(size)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


_condition = threading.Condition()
_reserved = 0


@contextmanager
def reserve_pixels(pixels: int, *, limit: int) -> Iterator[None]:
    """Hold `pixels` of a semaphore; wait until they fit. An image of more than `limit` is decoded alone."""
    global _reserved
    with _condition:
        _condition.wait_for(lambda: not _reserved or _reserved + pixels <= limit)
        _reserved += pixels
    try:
        yield
    finally:
        with _condition:
            _reserved -= pixels
            _condition.notify_all()
