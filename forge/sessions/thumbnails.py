"""Thumbnails: small JPEGs of stored images, decoded once, in fair order with the checks of uploads."""

import io
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import PIL.Image
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

import decoding
from forge.errors import IMAGE_ERRORS, NotFound
from forge.models import Account, Image
from forge.sessions.check_queue import check_queue
from forge.sessions.decode_budget import DecodeBudget
from forge.sessions.stored_images import thumbnail_key

logger = logging.getLogger(__name__)


def thumbnail_read(image: Image, size: int) -> bytes | None:
    """Return the stored thumbnail, if there is one."""
    try:
        with default_storage.open(thumbnail_key(image.storage_key, size)) as file:
            return bytes(file.read())
    except Exception:  # noqa: BLE001 (a storage backend may raise anything; the thumbnail is made again)
        return None


def thumbnail_make(image: Image, *, account: Account, size: int) -> "Future[bytes]":
    """Decode the image in the check queue, within its account's decode budget, and store the JPEG.

    The future raises NotFound where the file is missing, RateLimited over the budget, and the errors of uploads.
    """
    return check_queue.submit(account.pk, partial(_make, image, DecodeBudget(account), size))


def stored_file(open_file: Callable[[], Any], image: Image) -> Any:
    """Return what `open_file` does. Raises NotFound where the file is missing."""
    try:
        return open_file()
    except FileNotFoundError as error:
        raise NotFound(f"The file of image {image.pk} is missing.") from error


def _make(image: Image, budget: DecodeBudget, size: int) -> bytes:
    budget.require()
    started = time.thread_time()
    try:
        data = thumbnail_jpeg(image, size)
    finally:
        budget.spend(time.thread_time() - started)
        budget.settle()
    _store(thumbnail_key(image.storage_key, size), data)
    return data


def thumbnail_jpeg(image: Image, size: int) -> bytes:
    """Decode the stored image and return a JPEG on white. Raises NotFound and the errors of uploads."""
    small = io.BytesIO()
    stored = stored_file(lambda: default_storage.open(image.storage_key), image)
    try:
        with stored, decoding.opened(stored, decoding.Limits.of(settings)) as opened:
            scale = min(1.0, size / max(opened.size))
            loaded = opened.load(scale)
            shown = _on_white(loaded.upright(loaded.rendered(loaded.scaled(scale))))
            shown.save(small, "JPEG", quality=82, progressive=True)
    except decoding.Undecodable as error:  # limits or formats changed after the upload
        raise IMAGE_ERRORS[error.code](f"Image {image.pk} cannot be decoded.") from error
    return small.getvalue()


def _on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode != "RGBA":
        return image
    white = PIL.Image.new("RGBA", image.size, "white")
    return PIL.Image.alpha_composite(white, image).convert("RGB")


def _store(key: str, data: bytes) -> None:
    try:
        saved = default_storage.save(key, ContentFile(data))
        if saved != key:  # another request was first, and the storage chose another name
            default_storage.delete(saved)
    except Exception:  # a full disk: the response does not depend on it
        logger.warning("A thumbnail could not be stored: %s", key, exc_info=True)
