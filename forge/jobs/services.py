"""Services that change a job: keyword-only, one transaction each, with their events recorded in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from analysis_options import translations_of
from forge import logs
from forge.clock import DatabaseNow, database_now
from forge.credits import ledger
from forge.credits.refund_limit import refunds_require
from forge.errors import AnalysisCancelled, Conflict, ForgeError, NotFound
from forge.idempotency import ClaimedKey, acceptance_record
from forge.jobs import completion, dispatch, fair_queue, one_statement, states
from forge.jobs.claims import Claim
from forge.jobs.events import Assessment, Extras, ImageMetadata, progress_record
from forge.jobs.references import ImageReference, references_resolve
from forge.limits import samples_require
from forge.models import Account, Image, ImageAnalysis, Job, Session
from forge.representations import job_representation
from forge.sessions.corrections import assessment_kept, extras_kept, image_locking_session, metadata_kept

_A = ImageAnalysis.Status
_J = Job.Status


class SuspectIsNext(Exception):
    """A worker died while it held the next image, perhaps because of it: the image must be claimed and run alone."""


def job_submit(
    *,
    account: Account,
    session: Session,
    references: Sequence[ImageReference],
    claimed_key: ClaimedKey | None = None,
    options: Mapping[str, Any] | None = None,
    is_single: bool = False,
    action: Job.Action = Job.Action.ANALYZE,
    export_settings: dict[str, Any] | None = None,
) -> Job:
    """Create, charge and queue a job in one transaction and send its tasks after commit; `is_single` goes first.

    `options`: of an analysis, checked, as analysis_options returns them. `export_settings`: of an export or a sample; a
    sample is limited by the hour and not charged.
    """
    images = references_resolve(session, references)
    if action == Job.Action.SAMPLE:
        samples_require(account, len(images))
    else:
        refunds_require(account)
    dispatch.broker_ping()
    try:
        with transaction.atomic():
            now = database_now()
            job = Job.objects.create(
                session=session,
                account=account,
                action=action,
                total=len(images),
                created_at=now,
                options=dict(options) if options else None,
                export_settings=export_settings,
                request_id=logs.request_id(),
            )
            _enqueue(job, images, now)
            # Lock order: the account's row last, as where an image fails, or the two transactions deadlock.
            if job.is_charged:
                ids = [image.pk for image in images]
                translations = translations_of(options)
                ledger.charge(account_id=account.pk, job_id=job.pk, image_ids=ids, translations=translations, now=now)
            fair_queue.enqueue(account=account, job=job, is_single=is_single)
            response = job_representation(job, [image.pk for image in images])
            acceptance_record(claimed_key, session=session, job=job, status=202, response=response)
    except IntegrityError as error:
        in_flight = _analyses_in_flight(images)
        if not in_flight:
            raise NotFound(f"There is no session {session.pk}.") from error  # It was deleted concurrently.
        raise Conflict(jobId=in_flight[0].job_id, imageIds=[analysis.image_id for analysis in in_flight]) from error
    return job


def _enqueue(job: Job, images: Sequence[Image], now: datetime) -> None:
    analyses = [ImageAnalysis(job=job, image=one, position=place, sent_at=now) for place, one in enumerate(images)]
    # Lock order: two requests for the same images block each other at the first image.
    ImageAnalysis.objects.bulk_create(sorted(analyses, key=lambda analysis: analysis.image_id))
    dispatch.send_after_commit([(fair_queue.queue_of(job.account), image.pk) for image in images])


def _analyses_in_flight(images: Sequence[Image]) -> list[ImageAnalysis]:
    unfinished = ImageAnalysis.objects.filter(image__in=images, status__in=[_A.QUEUED, _A.PROCESSING])
    return list(unfinished.order_by("position"))


@transaction.atomic
def analysis_claim(*, analysis_id: int, holder: str) -> Claim | None:
    """Claim an image for analysis; None when it is claimed, ended or deleted."""
    analysis = fair_queue.claimable().filter(pk=analysis_id).first()
    return None if analysis is None else _claim(analysis, holder)


def analysis_claim_next(*, holder: str, suspect: bool | None = None) -> Claim | None:
    """Claim the next image in fair order; None when none is queued.

    `suspect`: the next that a dead worker held (True), or none held (False). None: any; raises SuspectIsNext.
    """
    if one_statement.is_available() and not suspect:
        try:
            return one_statement.claim_next(holder=holder, only_new=suspect is False)
        except one_statement.Unusual:
            pass
    return _claim_next(holder, suspect)


@transaction.atomic
def _claim_next(holder: str, suspect: bool | None) -> Claim | None:
    analysis = fair_queue.next_queued(suspect)
    if analysis and analysis.attempts and suspect is None:
        raise SuspectIsNext
    return None if analysis is None else _claim(analysis, holder)


def _claim(analysis: ImageAnalysis, holder: str) -> Claim:
    """Claim an analysis whose row is locked, and at its first attempt number and record the start."""
    job = states.job_count_start(analysis.job_id) if analysis.current is None else None
    start: dict[str, Any] = {"current": job.started, "started_at": DatabaseNow()} if job else {}
    states.analysis_transition(
        analysis.pk, source=_A.QUEUED, target=_A.PROCESSING, where={},
        holder=holder,
        lease_until=DatabaseNow(timedelta(seconds=settings.FORGE_LEASE_S)),
        attempts=F("attempts") + 1,
        **start,
    )  # fmt: skip
    if job:
        progress_record(job, analysis.image_id)
    return Claim(
        analysis_id=analysis.pk,
        holder=holder,
        attempt=analysis.attempts + 1,
        job_id=analysis.job_id,
        image_id=analysis.image_id,
        storage_key=analysis.image.storage_key,
        original_filename=analysis.image.original_filename,
        request_id=analysis.job.request_id,
        terms=tuple(analysis.job.account.extra_terms),
        options=analysis.job.options or {},
        is_export=analysis.job.action != Job.Action.ANALYZE,
    )


def analysis_succeed(
    *,
    claim: Claim,
    metadata: ImageMetadata,
    assessment: Assessment,
    filenames: Sequence[str],
    extras: Extras | None = None,
    provenance: dict[str, Any] | None = None,
) -> bool:
    """Save an image's result; False when the claim is no longer held.

    `metadata` has the fields that the job's options name. Its `filename` is the first of the candidates `filenames`
    that is unused in the session; if all are used, the first with a number.
    """
    # The statement handles no options: fields, translations, edits.
    is_saved = (
        one_statement.is_available()
        and not claim.options
        and one_statement.result_save(
            claim=claim, metadata=metadata, assessment=assessment, filenames=filenames, provenance=provenance
        )
    )
    return is_saved or _succeed(claim, metadata, assessment, filenames, extras or {}, provenance)


@transaction.atomic
def _succeed(
    claim: Claim,
    metadata: ImageMetadata,
    assessment: Assessment,
    filenames: Sequence[str],
    extras: Extras,
    provenance: dict[str, Any] | None,
) -> bool:
    image = image_locking_session(claim.image_id)
    if image is None:
        return False
    overwrites_edits = bool(claim.options.get("overwriteEdits"))
    kept = metadata_kept(image, metadata, filenames, overwrites_edits=overwrites_edits)
    return completion.analysis_end_succeeded(
        claim.analysis_id,
        claim.job_id,
        image,
        where={"holder": claim.holder, "attempts": claim.attempt},
        metadata=kept,
        assessment=assessment_kept(image, assessment, overwrites_edits=overwrites_edits),
        extras=extras_kept(kept, extras),
        provenance=provenance,
        overwrites_edits=overwrites_edits,
    )


@transaction.atomic
def analysis_fail(*, claim: Claim, error: ForgeError) -> bool:
    """Fail an image and refund its credit; False when the claim is no longer held."""
    where = {"holder": claim.holder, "attempts": claim.attempt}
    return _fail(claim.analysis_id, claim.job_id, claim.image_id, where, error)


@transaction.atomic
def analysis_fail_expired(*, analysis: ImageAnalysis, error: ForgeError) -> bool:
    """Fail an image whose lease expired and refund it; False when the lease changed since it was read."""
    where = {"lease_until": analysis.lease_until, "holder": analysis.holder}
    return _fail(analysis.pk, analysis.job_id, analysis.image_id, where, error)


def _fail(analysis_id: int, job_id: str, image_id: str, where: dict[str, Any], error: ForgeError) -> bool:
    return completion.analysis_end_refunded(
        analysis_id, job_id, image_id, source=_A.PROCESSING, target=_A.FAILED, where=where, error=error
    )


@transaction.atomic
def job_cancel(*, job: Job) -> int:
    """Cancel and refund the queued images; those in flight finish. Return how many were cancelled.

    Without images in flight the job ends too. An ended job is left unchanged.
    """
    # Lock all rows first, in one order, against a concurrent cancel: docs/decisions/0005.
    queued = job.analyses.select_for_update().filter(status=_A.QUEUED).order_by("image_id")
    ids = list(queued.values_list("pk", "image_id", "position"))
    return sum(
        completion.analysis_end_refunded(
            pk, job.pk, image_id, source=_A.QUEUED, target=_A.CANCELLED, where={}, error=AnalysisCancelled()
        )
        for pk, image_id, _ in sorted(ids, key=lambda row: row[2])
    )
