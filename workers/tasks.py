"""The Celery task: claim an image, run the pipeline or export it, record success or failure."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TypeVar

from celery import current_app
from celery.exceptions import Reject
from django.conf import settings

from analysis_options import family_of, unsupported_option
from decoding import Limits, Undecodable
from forge import logs
from forge.crash_points import crash_point
from forge.database import retry_until_available
from forge.errors import (
    IMAGE_ERRORS,
    REFUNDED,
    AnalysisFailed,
    AnalysisTimeout,
    ExportFailed,
    ForgeError,
    ImageGone,
    NoCaption,
    OptionUnsupported,
    StorageFull,
)
from forge.jobs import exports, leases, services
from forge.jobs.claims import Claim
from forge.operations import metrics
from forge.storage import StorageUnavailable, object_read
from workers import lifecycle, pipeline, writing
from workers.analysis import Analysis, Extras
from workers.imaging.variants import TooLargeForFormat, Variant, make_variants
from workers.models.options import Options
from workers.models.subprocess import ModelProcessDied
from workers.models.writer import NoUsableAnswer, WriterFailed, WriterTimeout, WriterUnavailable
from workers.runtime.engine import EngineTimeout
from workers.runtime.isolation import IsolationLock
from workers.runtime.thread_niceness import lower_thread_priority

logger = logging.getLogger(__name__)

_READ_RETRY_S = 1.0
FALLBACK = "embedded"
_isolation = IsolationLock()
_T = TypeVar("_T")


@current_app.task(name="workers.analyze_image")
def analyze_image(image_id: str = "") -> None:
    """Claim and run the next image of the fair queue, if any; `image_id` is for people who look at the queue."""
    if settings.FORGE_MODEL_PROCESS and settings.FORGE_MODELS != "vision-server":
        # Not where the threads' requests are the slow part. And only with the models in another process: in the same
        # one, a nicer thread would hold the GIL for longer.
        lower_thread_priority()
    writing.wait(lifecycle.stopping)  # before the claim: the image waits in the queue
    try:
        with _isolation.shared():
            _claim_and_run(suspect=None)
    except services.SuspectIsNext:
        _run_alone()


def _run_alone() -> None:
    """Run the next suspect alone in this worker; where another worker claimed it, the next image that is none."""
    with _isolation.exclusive():
        if _claim_and_run(suspect=True):
            return
    with _isolation.shared():
        _claim_and_run(suspect=False)


def _claim_and_run(*, suspect: bool | None) -> bool:
    """Return False where there was nothing to claim."""
    if lifecycle.stopping.is_set():
        raise Reject("this worker is shutting down", requeue=True)
    claim = retry_until_available(partial(services.analysis_claim_next, holder=lifecycle.HOLDER, suspect=suspect))
    if claim is None:
        return False
    ids = {"requestId": claim.request_id, "jobId": claim.job_id, "imageId": claim.image_id}
    with lifecycle.in_flight.track(claim.analysis_id), logs.bound(**ids):
        if claim.is_export:
            _run_export(claim)
        else:
            _run(claim)
    return True


def _run(claim: Claim) -> None:
    try:
        analysis = _analyze(claim)
        metrics.stages_observe(analysis.milliseconds)
        logger.info("Analysed in %.0f ms.", sum(analysis.milliseconds.values()))
    except ModelProcessDied:
        # As after a worker crash: when the lease expires, the image is analyzed again, in isolation.
        logger.exception("%s may have crashed the model process.", claim.storage_key)
        return
    except WriterUnavailable as error:
        _wait(claim, error)
        return
    except ForgeError as error:
        retry_until_available(partial(services.analysis_fail, claim=claim, error=error))
        return
    crash_point("between_model_and_commit")
    succeed = partial(
        services.analysis_succeed,
        claim=claim,
        metadata=analysis.metadata,
        assessment=analysis.assessment,
        extras=_extras(analysis),
        filenames=analysis.composed.filename_candidates,
        provenance=analysis.provenance,
    )
    retry_until_available(succeed)


def _run_export(claim: Claim) -> None:
    try:
        variants = _export(claim)
    except ForgeError as error:
        retry_until_available(partial(services.analysis_fail, claim=claim, error=error))
        return
    crash_point("between_model_and_commit")
    if variants is not None:
        retry_until_available(partial(exports.export_succeed, claim=claim, variants=variants))


def _export(claim: Claim) -> exports.StoredVariants | None:
    """Return the stored files; None where the image was deleted meanwhile."""
    original = _read(claim.storage_key)
    order = retry_until_available(partial(exports.export_order, claim=claim, original=original))
    if order is None:
        return None
    started = time.monotonic()
    made = [exports.MadeVariant(**asdict(one)) for one in _make_variants(claim, original, order)]
    logger.info("Exported %d files in %.0f ms.", len(made), 1000 * (time.monotonic() - started))
    try:
        return _waiting_for_storage(partial(exports.export_store, claim=claim, stem=order.stem, made=made))
    except StorageFull as error:
        raise ExportFailed(f"The storage is full.{REFUNDED}") from error


def _make_variants(claim: Claim, original: bytes, order: exports.ExportOrder) -> list[Variant]:
    try:
        return make_variants(original, **order.settings, packet=order.packet, limits=Limits.of(settings))
    except Undecodable as error:
        raise IMAGE_ERRORS[error.code](error.sentence) from error
    except TooLargeForFormat as error:
        raise ExportFailed(f"{error}{REFUNDED}") from error
    except Exception as error:  # a failure is recorded for its image and must not end the task
        logger.exception("The export of %s failed.", claim.storage_key)
        raise ExportFailed from error


def _read(storage_key: str) -> bytes:
    """Return an upload, waiting for a storage that is away. Raises ImageGone and AnalysisFailed."""
    try:
        return _waiting_for_storage(partial(object_read, storage_key))
    except FileNotFoundError as error:
        raise ImageGone from error


def _waiting_for_storage(call: Callable[[], _T]) -> _T:
    """Repeat a call while the storage is away. Raises AnalysisFailed after FORGE_ANALYSIS_TIMEOUT_S."""
    deadline = time.monotonic() + settings.FORGE_ANALYSIS_TIMEOUT_S
    while True:
        try:
            return call()
        except StorageUnavailable as error:
            logger.warning("The storage is away: %s", error.reason)
            if time.monotonic() > deadline:
                raise AnalysisFailed(f"The storage did not answer.{REFUNDED}") from error
        time.sleep(_READ_RETRY_S)


def _analyze(claim: Claim) -> Analysis:
    _require_supported(claim, lifecycle.family())
    if writing.falls_back() and not _falls_back(claim):
        writing.wait_for_server(lifecycle.stopping, settings.FORGE_VISION_TIMEOUT_S)
    try:
        return pipeline.describe(
            lifecycle.engine(),
            _read(claim.storage_key),
            limits=Limits.of(settings),
            timeout_s=settings.FORGE_ANALYSIS_TIMEOUT_S,
            options=Options.of(claim.options, gender_neutral=settings.FORGE_NEUTRAL_PEOPLE),
            requested=claim.options,
            terms=claim.terms,
            reader=lifecycle.reader(),
            writer=writing.writer(),
            fall_back=_falls_back(claim),
        )
    except Undecodable as error:
        raise IMAGE_ERRORS[error.code](error.sentence) from error
    except (EngineTimeout, pipeline.NoCaptionProduced, WriterFailed, WriterTimeout) as error:
        raise _error_of(error) from error
    except (ModelProcessDied, WriterUnavailable, ForgeError):
        raise
    except Exception as error:  # a failure is recorded for its image and must not end the task
        logger.exception("The analysis of %s failed.", claim.storage_key)
        raise AnalysisFailed from error


def _error_of(error: Exception) -> ForgeError:
    match error:
        case EngineTimeout() | WriterTimeout():
            return AnalysisTimeout()
        case pipeline.NoCaptionProduced() | NoUsableAnswer():
            return NoCaption()
    logger.warning("%s", error)
    return AnalysisFailed()


def _extras(analysis: Analysis) -> Extras:
    """Return what the result has because of the options, with the translations that failed."""
    found = analysis.extras
    if analysis.translations.failures:
        errors = {tag: _error_of(failure) for tag, failure in analysis.translations.failures.items()}
        found["translationErrors"] = {
            tag: {"error": error.sentence, "code": error.code} for tag, error in errors.items()
        }
    return found


def _wait(claim: Claim, error: WriterUnavailable) -> None:
    """Queue the image again; fail it where the models that answer meanwhile cannot do what its options ask for."""
    if writing.falls_back():
        try:
            _require_supported(claim, FALLBACK)
        except OptionUnsupported as problem:
            retry_until_available(partial(services.analysis_fail, claim=claim, error=problem))
            return
    logger.warning("%s: the image is queued again.", error)
    retry_until_available(partial(leases.analysis_requeue, claim=claim, is_attempt=error.interrupted))


def _falls_back(claim: Claim) -> bool:
    return writing.falls_back() and unsupported_option(claim.options, family_of(FALLBACK)) is None


def _require_supported(claim: Claim, family: str) -> None:
    """Raise OptionUnsupported where other models are loaded than when the job was accepted."""
    if problem := unsupported_option(claim.options, family_of(family)):
        error = OptionUnsupported(option=problem.option, family=problem.family, accepted=problem.accepted)
        raise OptionUnsupported(f"{error.sentence}{REFUNDED}", **error.members)
