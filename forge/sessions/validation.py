"""Upload validation: every file is decoded once before any is stored."""

import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from django.conf import settings

import decoding
from forge import idempotency
from forge.database import connection_release
from forge.errors import IMAGE_ERRORS, SUPPORTED_TYPES, ForgeError, InvalidRequest, PayloadTooLarge, Unavailable
from forge.idempotency import ClaimedKey
from forge.models import Account
from forge.sessions.check_queue import check_queue
from forge.sessions.decode_budget import DecodeBudget
from forge.sessions.upload_handler import Upload

_SENTENCES = {
    "unsupported_image": f"«{{name}}» is not an image of a supported type ({SUPPORTED_TYPES}).",
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


@dataclass(frozen=True)
class _Outcome:
    """`seconds`: CPU time."""

    result: CheckedImage | ForgeError
    seconds: float

    @property
    def is_out_of_time(self) -> bool:
        return isinstance(self.result, ForgeError) and self.seconds >= settings.FORGE_DECODE_SECONDS


class _WatchedFile:
    """A file whose reads fail once its client has left, so that its decoding ends."""

    def __init__(self, file: Upload, disconnected: "Future[None]") -> None:
        self._file = file
        self._disconnected = disconnected

    def read(self, size: int = -1) -> bytes:
        if self._disconnected.done():
            raise CancelledError
        return cast(bytes, self._file.read(size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def images_check(
    files: Sequence[Upload],
    *,
    account: Account,
    claimed_key: ClaimedKey | None = None,
    disconnected: "Future[None] | None" = None,
) -> list[CheckedImage]:
    """Decode each file once, in fair order with other accounts' files, and renew the key's lease meanwhile.

    Raises the first bad file's error, with all bad files named in `files`; a file that runs out of time ends the check.
    Raises RateLimited over the account's decode budget, Unavailable where the wait is too long. Once `disconnected` is
    done, the files that wait are dropped.
    """
    _require_count(files)
    left: Future[None] = disconnected or Future()
    budget = DecodeBudget(account)
    checks = [check_queue.submit(account.pk, partial(_check_in_budget, file, budget, left)) for file in files]
    left.add_done_callback(lambda _: _cancel(checks))
    checked, refused = [], []
    try:
        for file, check in zip(files, checks, strict=True):
            outcome = _await(check, claimed_key)
            if isinstance(outcome.result, CheckedImage):
                checked.append(outcome.result)
                continue
            refused.append((file, outcome.result))
            if outcome.is_out_of_time:
                break
    finally:
        _cancel(checks)
        budget.settle()
    if refused:
        raise _refusal(refused)
    return checked


def _require_count(files: Sequence[Upload]) -> None:
    if not files:
        raise InvalidRequest("Send at least one file in the field images[].")
    if len(files) > settings.FORGE_MAX_IMAGES:
        raise PayloadTooLarge(
            f"A request may hold {settings.FORGE_MAX_IMAGES} images; this one has {len(files)}.",
            limit=settings.FORGE_MAX_IMAGES,
            actual=len(files),
        )


def _check_in_budget(file: Upload, budget: DecodeBudget, disconnected: "Future[None]") -> _Outcome:
    budget.require()
    started = time.thread_time()
    result: CheckedImage | ForgeError
    try:
        result = replace(image_check(cast(Upload, _WatchedFile(file, disconnected))), file=file)
    except ForgeError as error:
        result = error
    finally:
        seconds = time.thread_time() - started
        budget.spend(seconds)
    return _Outcome(result, seconds)


def _await(check: "Future[_Outcome]", claimed_key: ClaimedKey | None) -> _Outcome:
    """Return the outcome, waiting without a database connection and renewing the key's lease."""
    deadline = time.monotonic() + settings.FORGE_CHECK_WAIT_S
    while True:
        connection_release()
        wait([check], timeout=min(settings.FORGE_CHECK_WAIT_S, settings.FORGE_IDEMPOTENCY_LEASE_S / 3))
        if claimed_key is not None:
            idempotency.key_renew(claimed_key.row)
        if check.done():
            break
        if time.monotonic() > deadline:
            raise Unavailable("Other uploads are being checked. Nothing was kept; please try again.")
    try:
        return check.result()
    except CancelledError as error:
        raise Unavailable("The client has left. Nothing was kept.") from error


def _cancel(checks: "Sequence[Future[_Outcome]]") -> None:
    for check in checks:
        check.cancel()


def _refusal(refused: Sequence[tuple[Upload, ForgeError]]) -> ForgeError:
    _, first = refused[0]
    named = [
        {"name": file.name, "code": error.code, "error": error.sentence, **error.members} for file, error in refused
    ]
    return type(first)(first.sentence, **first.members, files=named)


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
    loaded = image.load(1 / 8, low_bytes=False)
    if loaded.image.mode not in _PLAIN_MODES and not loaded.is_deep:
        loaded.rendered(_CONVERTED_SIZE)
    return loaded.upright_size
