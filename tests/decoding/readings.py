"""What the upload check and the worker make of a file."""

import io
from typing import NamedTuple

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from decoding import Limits, Undecodable
from forge.errors import ForgeError
from forge.sessions.validation import image_check
from workers.imaging.decoding import DecodedImage, decode


class Reading(NamedTuple):
    """`size`: width and height of the upright image, or the code of a refusal. `color`: the mean of what models see."""

    size: tuple[int, int] | str
    color: tuple[int, ...] = ()

    def shows(self, color: tuple[int, ...], by: int = 20) -> bool:
        return bool(self.color) and all(abs(a - b) <= by for a, b in zip(self.color, color, strict=True))


def decoded(data: bytes) -> DecodedImage:
    return decode(data, limits=Limits.of(settings))


def read(data: bytes) -> Reading:
    """Decode as an upload and as an analysis, which must agree."""
    try:
        image = decoded(data)
        size: tuple[int, int] | str = (image.width, image.height)
        color = tuple(round(float(mean)) for mean in image.pixels.reshape(-1, 3).mean(axis=0))
    except Undecodable as error:
        size, color = error.code, ()
    assert checked(data) == size
    return Reading(size, color)


def checked(data: bytes) -> tuple[int, int] | str:
    try:
        image = image_check(SimpleUploadedFile("image", io.BytesIO(data).getvalue()))
    except ForgeError as error:
        return error.code
    return image.width, image.height
