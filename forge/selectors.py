"""Read queries of the API, each scoped to the account: another account's rows raise NotFound."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Count, Model, Prefetch, Q, QuerySet

from forge.clock import database_now
from forge.errors import InvalidRequest, NotFound
from forge.models import Account, CreditEntry, Image, ImageAnalysis, ImageWords, Job, Session
from forge.printable import printable
from forge.words import MAX_QUERY_WORDS, words_of

_M = TypeVar("_M", bound=Model)
MAX_QUERY = 200  # characters
_ANALYSES = ImageAnalysis.objects.filter(job__action=Job.Action.ANALYZE)
_NEWEST_ANALYSIS_FIRST = Prefetch("analyses", _ANALYSES.defer("provenance").order_by("-pk"))


def sessions_of(account: Account) -> QuerySet[Session]:
    return Session.objects.filter(account=account)


def sessions_with_images(
    account: Account, *, most: int, query: str | None = None, with_results: bool = False
) -> QuerySet[Session]:
    """Return sessions with the attribute `page`, their first `most` images. Raises InvalidRequest for a long query."""
    first = Image.objects.filter(position__lt=most).order_by("position", "pk")
    if with_results:
        first = first.prefetch_related(_NEWEST_ANALYSIS_FIRST)
    return _found(account, query).prefetch_related(Prefetch("images", first, to_attr="page"))


def _found(account: Account, query: str | None) -> QuerySet[Session]:
    if not query or not query.strip():
        return sessions_of(account)
    words = words_of(query)
    if len(query) > MAX_QUERY or len(words) > MAX_QUERY_WORDS:
        raise InvalidRequest(f"q may have {MAX_QUERY} characters and {MAX_QUERY_WORDS} words.")
    if not words:
        return sessions_of(account).none()
    matching = ImageWords.objects.filter(account=account, words__has_prefixes=words)
    return sessions_of(account).filter(pk__in=matching.values("session"))


def images_of(session: Session, *, with_results: bool) -> QuerySet[Image]:
    images = session.images.all()
    return images.prefetch_related(_NEWEST_ANALYSIS_FIRST) if with_results else images


def images_named(session: Session, ids: Collection[str] | None) -> QuerySet[Image]:
    """Return the images of a session with these ids; all for None. Raises NotFound where one is not there."""
    if ids is None:
        return session.images.all()
    named = session.images.filter(pk__in=[image_id for image_id in ids if "\0" not in image_id])
    found = set(named.values_list("pk", flat=True))
    missing = [image_id for image_id in ids if image_id not in found]
    if missing or not ids:
        raise NotFound(f"Session {session.pk} has no image {printable(missing[0] if missing else '')}.")
    return named


def jobs_of(account: Account, *, statuses: Collection[str], session_id: str | None) -> QuerySet[Job]:
    jobs = Job.objects.filter(account=account)
    if statuses:
        jobs = jobs.filter(status__in=statuses)
    return jobs if session_id is None else jobs.filter(session=session_get(account, session_id))


def ledger_of(account: Account) -> QuerySet[CreditEntry]:
    return CreditEntry.objects.filter(account=account)


def session_get(account: Account, session_id: str) -> Session:
    return _get(sessions_of(account), session_id, f"session {session_id}")


def image_get(account: Account, session_id: str, image_id: str) -> Image:
    images = session_get(account, session_id).images.all()
    return _get(images.prefetch_related(_NEWEST_ANALYSIS_FIRST), image_id, f"image {image_id} in session {session_id}")


def job_get(account: Account, job_id: str) -> Job:
    return _get(Job.objects.filter(account=account), job_id, f"job {job_id}")


def job_of_images(
    session: Session,
    image_ids: Collection[str],
    *,
    action: str,
    options: Mapping[str, Any],
    export_settings: Mapping[str, Any] | None,
) -> Job | None:
    """Return the session's newest job with exactly these images and settings, of those that a key could still name."""
    named = Count("analyses", filter=Q(analyses__image__in=image_ids))
    since = database_now() - timedelta(hours=settings.FORGE_IDEMPOTENCY_HOURS)
    jobs = session.jobs.filter(action=action, total=len(image_ids), created_at__gte=since).annotate(named=named)
    newest_first = jobs.filter(named=len(image_ids)).order_by("-created_at", "-pk").iterator()
    asked = (options, export_settings)
    return next((job for job in newest_first if (job.options or {}, job.export_settings) == asked), None)


def variant_get(account: Account, job_id: str, image_id: str, name: str) -> tuple[Image, dict[str, Any]]:
    """Return an exported file's image and its record. Raises NotFound."""
    exported = job_get(account, job_id).analyses.filter(image=image_id, variants__isnull=False)
    analysis = exported.select_related("image").first()
    variant = next((one for one in analysis.variants or () if one["name"] == name), None) if analysis else None
    if analysis is None or variant is None:
        raise NotFound(f"Job {job_id} has no such exported file of image {image_id}.")
    return analysis.image, variant


def _get(rows: QuerySet[_M], pk: str, name: str) -> _M:
    # PostgreSQL has no NUL in a text and raises an error for it.
    found = None if "\0" in pk else rows.filter(pk=pk).first()
    if found is None:
        raise NotFound(f"There is no {name}.")
    return found
