"""Upload validation: every file is decoded once before any is stored."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings

import decoding
from forge import idempotency
from forge.database import connection_release
from forge.errors import IMAGE_ERRORS, ForgeError, InvalidRequest, PayloadTooLarge
from forge.idempotency import ClaimedKey
from forge.sessions.upload_handler import Upload

# Few threads, always the same ones: the allocator keeps the memory of each thread's largest image.
_check_pool = ThreadPoolExecutor(settings.FORGE_UPLOAD_CHECKS, thread_name_prefix="upload-check")
_SENTENCES = {
    "unsupported_image": "«{name}» is not an image of a supported type.",
    "unreadable_image": "«{name}» is damaged and cannot be read.",
    "payload_too_large": "«{name}» has {actual} {unit}; an image may have {limit}.",
}
# Modes of decoded images that every conversion takes, and the size at which others are converted to see if it can be.
_PLAIN_MODES = {"L", "LA", "RGB", "RGBA", "CMYK"}
_CONVERTED_SIZE = (64, 64)


@dataclass(frozen=True)
class CheckedImage:
    """An upload that was decoded to its last byte; `width` and `height` are pixels of the upright image."""

    file: Upload
    name: str
    suffix: str
    content_type: str
    size: int
    width: int
    height: int


def images_check(files: Sequence[Upload], *, claimed_key: ClaimedKey | None = None) -> list[CheckedImage]:
    """Decode each file once and renew the key's lease after every one.

    Raises the first bad file's error, with all bad files named in `files`.
    """
    if not files:
        raise InvalidRequest("Send at least one file in the field images[].")
    if len(files) > settings.FORGE_MAX_IMAGES:
        raise PayloadTooLarge(
            f"A request may hold {settings.FORGE_MAX_IMAGES} images; this one has {len(files)}.",
            limit=settings.FORGE_MAX_IMAGES,
            actual=len(files),
        )
    checked, refused = [], []
    for file in files:
        connection_release()  # The check may wait for minutes behind others.
        try:
            checked.append(_check_pool.submit(image_check, file).result())
        except ForgeError as error:
            refused.append((file, error))
        if claimed_key is not None:
            idempotency.key_renew(claimed_key.row)
    if refused:
        _, first = refused[0]
        named = [
            {"name": file.name, "code": error.code, "error": error.sentence, **error.members} for file, error in refused
        ]
        raise type(first)(first.sentence, **first.members, files=named)
    return checked


def image_check(file: Upload) -> CheckedImage:
    """Decode one file. Raises PayloadTooLarge, UnsupportedImage or UnreadableImage."""
    size = file.size or 0
    if size > settings.FORGE_MAX_IMAGE_BYTES:
        raise PayloadTooLarge(
            f"«{file.name}» has {size} bytes; an image may have {settings.FORGE_MAX_IMAGE_BYTES}.",
            limit=settings.FORGE_MAX_IMAGE_BYTES,
            actual=size,
        )
    try:
        with decoding.opened(file, decoding.Limits.of(settings)) as image:
            width, height = _decode(image)
            suffix, content_type = decoding.FILE_TYPES[image.format]
    except decoding.Undecodable as error:
        raise _forge_error(error, file.name) from error
    file.seek(0)
    return CheckedImage(file, file.name or "image", suffix, content_type, size, width, height)


def _forge_error(error: decoding.Undecodable, name: str | None) -> ForgeError:
    members = {"limit": error.limit, "actual": error.actual} if isinstance(error, decoding.TooLarge) else {}
    return IMAGE_ERRORS[error.code](_SENTENCES[error.code].format(name=name, **vars(error)), **members)


def _decode(image: decoding.OpenImage) -> tuple[int, int]:
    """Decode to the file's end, so that a truncated one raises here, and return the upright width and height.

    JPEG alone at an eighth of the size, which still reads every byte.
    """
    picture = image.load(1 / 8, low_bytes=False)
    if picture.image.mode not in _PLAIN_MODES and not picture.is_deep:
        picture.rendered(_CONVERTED_SIZE)
    return picture.upright_size
