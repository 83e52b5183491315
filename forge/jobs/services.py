"""Everything that changes a job: keyword-only, one transaction each, told as events in that transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from forge import logs
from forge.credits import ledger
from forge.errors import (
    AnalysisCancelled,
    Conflict,
    ForgeError,
    InvalidRequest,
    NotFound,
    SessionExpired,
    UploadPathMismatch,
)
from forge.jobs import completion, dispatch, fair_queue, states
from forge.jobs.events import Metadata, event_record
from forge.models import Account, Image, ImageAnalysis, Job, Session
from forge.sessions.filenames import filename_free

_A = ImageAnalysis.Status
_J = Job.Status


@dataclass(frozen=True)
class ImageReference:
    """An image as a client names it: its id and the handle that the upload answered."""

    id: str
    upload_path: str


@dataclass(frozen=True)
class Claim:
    """The right to analyse one image, until the lease runs out; proof for analysis_succeed and analysis_fail."""

    analysis_id: int
    holder: str
    attempt: int
    job_id: str
    image_id: str
    storage_key: str
    request_id: str
    terms: tuple[str, ...] = ()


def job_submit(
    *,
    account: Account,
    session: Session,
    references: Sequence[ImageReference],
    accepted: Callable[[Job], object] = lambda _: None,
) -> Job:
    """Accepts a job: charged, written and, after commit, sent; or refused with nothing changed.

    `accepted` is called in the transaction, at its end; what it raises undoes it.
    """
    images = _images_of(session, references)
    dispatch.broker_require()
    try:
        with transaction.atomic():
            job = Job.objects.create(session=session, account=account, total=len(images), request_id=logs.request_id())
            _enqueue(job, images)
            # The account's row last, as where an image fails: two transactions that lock in one order never deadlock.
            ledger.charge(account_id=account.pk, job_id=job.pk, image_ids=[image.pk for image in images])
            fair_queue.enqueue(account=account, job=job)
            accepted(job)
    except IntegrityError as error:
        under_way = _images_under_analysis(images)
        if not under_way:
            raise NotFound from error  # The session was deleted beside us.
        raise Conflict(imageIds=under_way) from error
    return job


def _enqueue(job: Job, images: Sequence[Image]) -> None:
    analyses = [ImageAnalysis(job=job, image=image, position=position) for position, image in enumerate(images)]
    # Sorted for the same reason: two requests for the same images meet at the first of them.
    ImageAnalysis.objects.bulk_create(sorted(analyses, key=lambda analysis: analysis.image_id))
    dispatch.send_after_commit(len(analyses))


def _images_of(session: Session, references: Sequence[ImageReference]) -> list[Image]:
    if not references:
        raise InvalidRequest("Name at least one image.")
    ids = [reference.id for reference in references]
    if len(set(ids)) < len(ids):
        raise InvalidRequest("The same image is named twice.", imageIds=sorted({i for i in ids if ids.count(i) > 1}))
    if session.is_expired:
        raise SessionExpired
    found = {image.pk: image for image in session.images.filter(pk__in=ids)}
    missing = [i for i in ids if i not in found]
    if missing:
        raise NotFound("The session has no such image.", imageIds=missing)
    wrong = [r.id for r in references if r.upload_path != found[r.id].upload_path]
    if wrong:
        raise UploadPathMismatch(imageIds=wrong)
    return [found[i] for i in ids]


def _images_under_analysis(images: Sequence[Image]) -> list[str]:
    under_way = ImageAnalysis.objects.filter(image__in=images, status__in=[_A.QUEUED, _A.PROCESSING])
    return list(under_way.order_by("position").values_list("image_id", flat=True))


@transaction.atomic
def analysis_claim(*, analysis_id: int, holder: str) -> Claim | None:
    """Takes an image for analysis; None when it is taken, ended or gone."""
    now = timezone.now()
    claimed = states.analysis_move(
        analysis_id,
        source=_A.QUEUED,
        target=_A.PROCESSING,
        where={},
        holder=holder,
        lease_until=now + timedelta(seconds=settings.FORGE_LEASE_S),
        attempts=F("attempts") + 1,
    )
    if not claimed:
        return None  # Another worker got there first, or the task was sent twice.
    analysis = ImageAnalysis.objects.select_related("image", "job__account").get(pk=analysis_id)
    if analysis.current is None:
        _begin(analysis)
    return Claim(
        analysis_id=analysis_id,
        holder=holder,
        attempt=analysis.attempts,
        job_id=analysis.job_id,
        image_id=analysis.image_id,
        storage_key=analysis.image.storage_key,
        request_id=analysis.job.request_id,
        terms=tuple(analysis.job.account.extra_terms),
    )


@transaction.atomic
def analysis_claim_next(*, holder: str, suspect: bool | None = None) -> Claim | None:
    """Takes the image whose turn it is; None when none waits.

    `suspect`: only one that a dead worker held before (True), or only one that none did (False).
    """
    analysis_id = fair_queue.next_waiting(suspect)
    return None if analysis_id is None else analysis_claim(analysis_id=analysis_id, holder=holder)


def suspect_is_next() -> bool:
    """Whether the image whose turn it is was held by a worker that died: of this image perhaps."""
    return fair_queue.suspect_is_next()


def _begin(analysis: ImageAnalysis) -> None:
    """Once an image: a second attempt after a lost worker is no second beginning."""
    states.job_move(analysis.job_id, source=_J.QUEUED, target=_J.RUNNING)
    job = states.job_count(analysis.job_id, "started")
    ImageAnalysis.objects.filter(pk=analysis.pk).update(current=job.started, started_at=timezone.now())
    event_record(
        job_id=job.pk,
        type="progress",
        data={"imageId": analysis.image_id, "status": "processing", "current": job.started, "total": job.total},
    )


@transaction.atomic
def analysis_succeed(
    *, claim: Claim, metadata: Metadata, filenames: Sequence[str], provenance: dict[str, Any] | None = None
) -> bool:
    """Saves an image's words; False when the claim is no longer held.

    `filenames` are the names that fit the image, best first; the first that no other image of its session has
    becomes its `filename`, and where all are taken the best one gets a number.
    """
    image = _image_to_name(claim.image_id)
    if image is None:
        return False
    words: Metadata = {**metadata, "filename": filename_free(image=image, candidates=filenames)}
    saved = states.analysis_move(
        claim.analysis_id,
        source=_A.PROCESSING,
        target=_A.SUCCEEDED,
        where={"holder": claim.holder, "attempts": claim.attempt},
        metadata=words,
        provenance=provenance,
        finished_at=timezone.now(),
        lease_until=None,
    )
    if not saved:
        return False  # The lease ran out and another worker has it, or had it.
    Image.objects.filter(pk=image.pk).update(metadata=words, filename=words["filename"])
    event_record(job_id=claim.job_id, type="result", data={"imageId": claim.image_id, "metadata": words})
    completion.job_end_if_last(states.job_count(claim.job_id, "succeeded"))
    return True


def _image_to_name(image_id: str) -> Image | None:
    """The image, and with it its session's lock: of images that want one name, each sees those the others got.

    Without it they run into the unique constraint on PostgreSQL, all but one of them, again and again. No key: a new
    job refers to the session meanwhile.
    """
    images = Image.objects.select_related("session").select_for_update(of=("session",), no_key=True)
    return images.filter(pk=image_id).first()


@transaction.atomic
def analysis_fail(*, claim: Claim, error: ForgeError) -> bool:
    """Ends an image without words and gives its credit back; False when the claim is no longer held."""
    where = {"holder": claim.holder, "attempts": claim.attempt}
    return _fail(claim.analysis_id, claim.job_id, claim.image_id, where, error)


@transaction.atomic
def analysis_give_up(*, analysis: ImageAnalysis, error: ForgeError) -> bool:
    """Ends an image that is lost by its holder; False when it is no longer as it was read."""
    where = {"lease_until": analysis.lease_until, "holder": analysis.holder}
    return _fail(analysis.pk, analysis.job_id, analysis.image_id, where, error)


def _fail(analysis_id: int, job_id: str, image_id: str, where: dict[str, Any], error: ForgeError) -> bool:
    return completion.image_end_unpaid(
        analysis_id, job_id, image_id, source=_A.PROCESSING, target=_A.FAILED, where=where, error=error
    )


@transaction.atomic
def job_cancel(*, job: Job) -> int:
    """Cancels and refunds the images that wait; those under way finish. Says how many were cancelled.

    The last one's end is the job's, where nothing is under way. An ended job stays as it is.
    """
    # All of them first, in one order, for two that cancel at once: docs/decisions/0005.
    waiting = job.analyses.select_for_update().filter(status=_A.QUEUED).order_by("image_id")
    ids = list(waiting.values_list("pk", "image_id", "position"))
    return sum(
        completion.image_end_unpaid(
            pk, job.pk, image_id, source=_A.QUEUED, target=_A.CANCELLED, where={}, error=AnalysisCancelled()
        )
        for pk, image_id, _ in sorted(ids, key=lambda row: row[2])
    )
