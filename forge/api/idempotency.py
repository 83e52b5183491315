"""The `Idempotency-Key` header: a repeated request is carried out once."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from forge import idempotency
from forge.api.account import account_of
from forge.errors import InvalidRequest
from forge.idempotency import ClaimedKey
from forge.models import Job

_MAX_LENGTH = 255
KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": _MAX_LENGTH, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description=(
        "Printable ASCII of your choice, new for each request. Repeated within 24 h with the same body, the request "
        "is not carried out again: the response is the first one's; a stream is that of the same job, from its first "
        "event or after `Last-Event-ID`. A request that was refused leaves its key free."
    ),
)


@dataclass(frozen=True)
class IdempotentRequest:
    """A request and its idempotency key; a request without a key is always the first."""

    key: ClaimedKey | None
    is_first: bool

    @property
    def job(self) -> Job | None:
        return self.key.row.job if self.key else None

    @property
    def response(self) -> Any:
        """The response that every request with this key receives; None without a key and before it is recorded."""
        return self.key.row.answer if self.key else None


@contextmanager
def idempotent_request(request: Request, *, is_deferred: bool = False) -> Iterator[IdempotentRequest]:
    """Claim the request's key, if it has one; an exception inside releases it.

    Raises InvalidRequest, IdempotencyMismatch, IdempotencyInProgress.
    """
    key = _key(request)
    if key is None:
        yield IdempotentRequest(None, is_first=True)
        return
    row, is_first = idempotency.key_claim(account=account_of(request), key=key, fingerprint=_fingerprint(request))
    try:
        yield IdempotentRequest(ClaimedKey(row, is_deferred), is_first)
    except BaseException:
        if is_first:
            idempotency.key_release(row)
        raise


def request_executed(request: Request) -> Job | None:
    """Return the job of the request's idempotency key, if the key has one; claims nothing.

    Raises InvalidRequest, IdempotencyMismatch, IdempotencyInProgress.
    """
    key = _key(request)
    if key is None:
        return None
    row = idempotency.key_find(account=account_of(request), key=key, fingerprint=_fingerprint(request))
    return row.job if row else None


def _key(request: Request) -> str | None:
    key = request.headers.get(KEY_HEADER.name)
    if key is not None and not (key.strip() and len(key) <= _MAX_LENGTH and key.isascii() and key.isprintable()):
        raise InvalidRequest(f"An Idempotency-Key is 1 to {_MAX_LENGTH} printable ASCII characters.")
    return key


def _fingerprint(request: Request) -> str:
    """Hash the parsed request, so that a form's boundary and the whitespace of JSON do not count."""
    parts = [request.method, request.path, _fields(request.data), _files(request)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _fields(data: Any) -> Any:
    if not isinstance(data, QueryDict):
        return data
    return [[name, [value for value in values if isinstance(value, str)]] for name, values in sorted(data.lists())]


def _files(request: Request) -> list[list[Any]]:
    named = sorted(request.FILES.lists())
    return [[name, file.name, file.size, _digest(file)] for name, files in named for file in files]


def _digest(file: "UploadedFile[Any]") -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
