"""The `Idempotency-Key` header: the same request said twice is carried out once."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from forge import idempotency
from forge.api.account import account_of
from forge.errors import InvalidRequest
from forge.models import IdempotencyKey, Job, Session

_MAX_LENGTH = 255
KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": _MAX_LENGTH, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description=(
        "Printable ASCII of your choice, new for each request. Said again within 24 h with the same body, the request "
        "is not carried out again: the answer is the first one's; a stream is that of the same job, from its first "
        "event or after `Last-Event-ID`. A request that was refused leaves its key free."
    ),
)


class IdempotentRequest:
    """A request as its key knows it; one without a key is always the first."""

    def __init__(self, row: IdempotencyKey | None, *, is_first: bool) -> None:
        self._row = row
        self.is_first = is_first

    @property
    def key_id(self) -> int | None:
        return self._row.pk if self._row else None

    @property
    def job(self) -> Job | None:
        return self._row.job if self._row else None

    @property
    def answer(self) -> Any:
        """What the first caller is told; None without a key, and while it is still waited for."""
        return self._row.answer if self._row else None

    def renew(self) -> None:
        """While the request is carried out, now and then. Raises IdempotencyInProgress."""
        if self._row:
            idempotency.key_renew(self._row)

    def keep(self, *, session: Session, job: Job | None = None, status: int | None = None, answer: Any = None) -> None:
        """In the transaction that accepts the request."""
        if self._row:
            idempotency.key_complete(self._row, session=session, job=job, status=status, response=answer)


@contextmanager
def idempotent_request(request: Request) -> Iterator[IdempotentRequest]:
    """Raises InvalidRequest, IdempotencyMismatch, IdempotencyInProgress. What raises inside leaves the key free."""
    key = _key(request)
    if key is None:
        yield IdempotentRequest(None, is_first=True)
        return
    row, is_first = idempotency.key_claim(account=account_of(request), key=key, fingerprint=_fingerprint(request))
    try:
        yield IdempotentRequest(row, is_first=is_first)
    except BaseException:
        if is_first:
            idempotency.key_release(row)
        raise


def _key(request: Request) -> str | None:
    key = request.headers.get(KEY_HEADER.name)
    if key is not None and not (key.strip() and len(key) <= _MAX_LENGTH and key.isascii() and key.isprintable()):
        raise InvalidRequest(f"An Idempotency-Key is 1 to {_MAX_LENGTH} printable ASCII characters.")
    return key


def _fingerprint(request: Request) -> str:
    """Of what was asked, not of how it was written: the boundary of a form and the spaces of JSON do not count."""
    asked = [request.method, request.path, _fields(request.data), _files(request)]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


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
