import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self


@dataclass(frozen=True, slots=True)
class Limits:
    """`pixels` and `side` of one picture, `seconds` of the processor for it; `pixels_at_once` of this process."""

    pixels: int
    side: int = 2**16 - 1
    seconds: float = 10.0
    pixels_at_once: int = 100_000_000

    @classmethod
    def of(cls, settings: Any) -> Self:
        """Those that an operator chose; `settings` are Django's, which this room does not know."""
        return cls(
            pixels=settings.FORGE_MAX_IMAGE_PIXELS,
            side=settings.FORGE_MAX_IMAGE_SIDE,
            seconds=settings.FORGE_DECODE_SECONDS,
            pixels_at_once=settings.FORGE_DECODE_PIXELS_AT_ONCE,
        )


class OutOfTimeError(Exception):
    """A picture takes longer than it may."""


class Source(Protocol):
    """As much of a file as decoders need; each of them looks for more and does without."""

    def read(self, size: int = ..., /) -> bytes: ...

    def seek(self, offset: int, whence: int = ..., /) -> Any: ...


class TimedFile:
    """Hands the file on to a decoder, and at each read sees whether its time is over.

    Of this thread's processor, so that a busy machine does not make a good picture a bad one.
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


_turn = threading.Condition()
_under_way = 0


@contextmanager
def taking_turns(pixels: int, *, at_once: int) -> Iterator[None]:
    """Waits until so many pixels fit beside those under way; a picture larger than that has the process for itself."""
    global _under_way
    with _turn:
        _turn.wait_for(lambda: not _under_way or _under_way + pixels <= at_once)
        _under_way += pixels
    try:
        yield
    finally:
        with _turn:
            _under_way -= pixels
            _turn.notify_all()
