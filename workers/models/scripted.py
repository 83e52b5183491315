"""The scripted captioner and tagger, for tests and demonstrations: no weights, output derived from the pixels."""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from workers.imaging.colors import dominant_colors
from workers.models.base import Caption, Captioner, Pixels, Tag, Tagger

ADJECTIVES = (
    "quiet", "narrow", "round", "distant", "tidy", "crooked", "gentle", "hollow",
    "polished", "sturdy", "faded", "curious", "sleepy", "slender", "patient", "weathered",
)  # fmt: skip
NOUNS = (
    "harbour", "lantern", "bridge", "meadow", "kettle", "orchard", "ladder", "compass",
    "window", "basket", "garden", "mountain", "violin", "feather", "river", "castle",
    "market", "anchor", "candle", "forest", "saddle", "island", "teapot", "tower",
    "wagon", "fountain", "blanket", "mirror", "pebble", "staircase", "umbrella", "valley",
)  # fmt: skip

# JPEG changes a solid color by a few levels.
_COLOR_DISTANCE = 12.0

Color = tuple[int, int, int]


class ScriptedFailure(Exception):
    """Raised for an image whose mean color is the script's `fail_color`."""


@dataclass(frozen=True, slots=True)
class Script:
    """Delays in milliseconds, and mean colors of images that fail, have no caption, or kill the process."""

    load_ms: float = 0.0
    delay_ms: float = 0.0
    delay_ms_per_image: float = 0.0
    fail_color: Color | None = None
    silent_color: Color | None = None
    crash_color: Color | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> "Script":
        """Parse the options; colors are written "#rrggbb". Raises ValueError with the name of a bad option."""
        accepted = [field.name for field in fields(cls)]
        for key in options:
            if key not in accepted:
                raise ValueError(f"unknown option {key!r} of the scripted models; accepted: {', '.join(accepted)}")
        return cls(
            load_ms=_milliseconds(options, "load_ms"),
            delay_ms=_milliseconds(options, "delay_ms"),
            delay_ms_per_image=_milliseconds(options, "delay_ms_per_image"),
            fail_color=_color(options, "fail_color"),
            silent_color=_color(options, "silent_color"),
            crash_color=_color(options, "crash_color"),
        )


def create(options: Mapping[str, object]) -> tuple[Captioner, Tagger]:
    script = Script.from_options(options)
    return ScriptedCaptioner(script), ScriptedTagger()


class ScriptedCaptioner(Captioner):
    """Delays, failures and crashes happen here, once per batch, as they would in a slow model."""

    requires_caption = True
    name = "scripted-captioner"
    revision = "1"

    def __init__(self, script: Script) -> None:
        self._script = script

    def load(self) -> None:
        time.sleep(self._script.load_ms / 1000)

    def unload(self) -> None:
        pass

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        time.sleep((self._script.delay_ms + self._script.delay_ms_per_image * len(batch)) / 1000)
        for pixels in batch:
            if _is_color(pixels, self._script.crash_color):
                # Without cleanup, to simulate a segmentation fault or the kernel's OOM killer.
                os._exit(70)
            if _is_color(pixels, self._script.fail_color):
                raise ScriptedFailure("the image has the script's fail_color")
        return [[] if _is_color(pixels, self._script.silent_color) else [_caption(pixels)] for pixels in batch]


class ScriptedTagger(Tagger):
    name = "scripted-tagger"
    revision = "1"

    def load(self) -> None:
        pass

    def unload(self) -> None:
        pass

    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        return [_tags(pixels) for pixels in batch]


def _caption(pixels: Pixels) -> Caption:
    first, second = _nouns(pixels)
    digest = _digest(pixels)
    near = ADJECTIVES[digest[2] % len(ADJECTIVES)]
    far = ADJECTIVES[digest[3] % len(ADJECTIVES)]
    color = dominant_colors(pixels)[0]
    return Caption(f"a {near} {color} {first} beside a {far} {second}", 0.9)


def _tags(pixels: Pixels) -> list[Tag]:
    first, second = _nouns(pixels)
    return [Tag(first, 0.9, "scene"), Tag(second, 0.6, "scene")]


def _nouns(pixels: Pixels) -> tuple[str, str]:
    digest = _digest(pixels)
    first = digest[0] % len(NOUNS)
    second = (first + 1 + digest[1] % (len(NOUNS) - 1)) % len(NOUNS)
    return NOUNS[first], NOUNS[second]


def _digest(pixels: Pixels) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()


def _is_color(pixels: Pixels, color: Color | None) -> bool:
    if color is None:
        return False
    mean = pixels.reshape(-1, 3).mean(axis=0)
    return bool(abs(mean - color).max() <= _COLOR_DISTANCE)


def _milliseconds(options: Mapping[str, object], key: str) -> float:
    value = options.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{key} is {value!r}; it must be a number of milliseconds, 0 or more")
    return float(value)


def _color(options: Mapping[str, object], key: str) -> Color | None:
    value = options.get(key)
    if value is None:
        return None
    try:
        red, green, blue = bytes.fromhex(str(value).removeprefix("#"))
    except ValueError as error:
        raise ValueError(f'{key} is {value!r}; it must be a colour like "#ff0000"') from error
    return red, green, blue
