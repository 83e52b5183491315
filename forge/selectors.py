"""Read queries of the API, each scoped to the account: another account's rows raise NotFound."""

from typing import TypeVar

from django.db.models import Model, Prefetch, QuerySet

from forge.errors import NotFound
from forge.models import Account, CreditEntry, Image, ImageAnalysis, Job, Session

_M = TypeVar("_M", bound=Model)


def sessions_of(account: Account) -> QuerySet[Session]:
    return Session.objects.filter(account=account)


def sessions_with_images(account: Account, *, most: int) -> QuerySet[Session]:
    """Return sessions with the attribute `page`, their first `most` images."""
    first = Image.objects.filter(position__lt=most).order_by("position", "pk")
    return sessions_of(account).prefetch_related(Prefetch("images", first, to_attr="page"))


def ledger_of(account: Account) -> QuerySet[CreditEntry]:
    return CreditEntry.objects.filter(account=account)


def session_get(account: Account, session_id: str) -> Session:
    return _get(sessions_of(account), session_id)


def image_get(account: Account, session_id: str, image_id: str) -> Image:
    images = session_get(account, session_id).images.all()
    return _get(images.prefetch_related(Prefetch("analyses", ImageAnalysis.objects.order_by("-pk"))), image_id)


def job_get(account: Account, job_id: str) -> Job:
    return _get(Job.objects.filter(account=account), job_id)


def _get(rows: QuerySet[_M], pk: str) -> _M:
    # PostgreSQL has no NUL in a text and raises an error for it.
    found = None if "\0" in pk else rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found
