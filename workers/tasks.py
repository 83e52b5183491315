"""The bridge between queue and pipeline: claim, run, succeed or fail."""

import logging
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

from celery import current_app
from celery.exceptions import Reject
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import close_old_connections

from decoding import Limits
from forge import expiry, faults, idempotency, leases, logs, metrics, readiness, services
from forge.away import insist
from forge.errors import (
    AnalysisFailed,
    AnalysisTimeout,
    ForgeError,
    NoCaption,
    PayloadTooLarge,
    UnreadableImage,
    UnsupportedImage,
)
from workers import models, pipeline
from workers.engine import Engine, EngineTimeout
from workers.gate import Gate
from workers.heartbeat import Heartbeat
from workers.images import ImageError
from workers.models.apart import ModelsDied, create_apart
from workers.models.base import ModelUnavailable
from workers.priority import give_way
from workers.under_way import UnderWay

logger = logging.getLogger(__name__)

# Names this process in its claims: a restarted worker on the same host is another holder.
HOLDER = f"{socket.gethostname()[:40]}:{secrets.token_hex(6)}"
_IMAGE_ERRORS: dict[str, type[ForgeError]] = {
    error.code: error for error in (PayloadTooLarge, UnreadableImage, UnsupportedImage)
}

_engine: Engine | None = None
_gate = Gate()
_stopping = threading.Event()
_swept_at = 0.0
_under_way = UnderWay()


@current_app.task(name="workers.analyze_image")
def analyze_image() -> None:
    """One of the images that wait, whichever is due."""
    if settings.FORGE_MODEL_PROCESS:
        # Of one process with the models it would hold the interpreter's lock for longer.
        give_way()
    if insist(services.suspect_is_next):
        with _gate.alone():
            if _claim_and_run(suspect=True):
                return
    with _gate.together():
        _claim_and_run(suspect=False)


def _claim_and_run(*, suspect: bool) -> bool:
    """False where there was nothing to claim."""
    if _stopping.is_set():
        raise Reject("this worker ends", requeue=True)
    claim = insist(partial(services.analysis_claim_next, holder=HOLDER, suspect=suspect))
    if claim is None:
        return False
    ids = {"requestId": claim.request_id, "jobId": claim.job_id, "imageId": claim.image_id}
    with _under_way.with_one(claim.analysis_id), logs.bound(**ids):
        _run(claim)
    return True


def _run(claim: services.Claim) -> None:
    try:
        analysis = _analyze(claim)
        metrics.stages_observe(analysis.milliseconds)
        logger.info("Analysed in %.0f ms.", sum(analysis.milliseconds.values()))
    except ModelsDied:
        # As if the worker had died: when the lease runs out, the image is analysed again, alone.
        logger.exception("%s may have ended the models.", claim.storage_key)
        return
    except ForgeError as error:
        insist(partial(services.analysis_fail, claim=claim, error=error))
        return
    faults.point("between_model_and_commit")
    succeed = partial(
        services.analysis_succeed,
        claim=claim,
        metadata=analysis.words.as_metadata(),
        filenames=analysis.words.filename_candidates,
        provenance=analysis.provenance,
    )
    insist(succeed)


def _analyze(claim: services.Claim) -> pipeline.Analysis:
    assert _engine is not None, "the worker takes tasks only after worker_init"
    try:
        with default_storage.open(claim.storage_key) as file:
            data = file.read()
        return pipeline.describe(
            _engine,
            data,
            limits=Limits.of(settings),
            timeout_s=settings.FORGE_ANALYSIS_TIMEOUT_S,
            neutral_people=settings.FORGE_NEUTRAL_PEOPLE,
            terms=claim.terms,
        )
    except ImageError as error:
        raise _IMAGE_ERRORS.get(error.code, UnreadableImage)(str(error)) from error
    except EngineTimeout as error:
        raise AnalysisTimeout from error
    except pipeline.NothingSaid as error:
        raise NoCaption from error
    except ModelsDied:
        raise
    except Exception as error:  # one image's failure is that image's own
        logger.exception("The analysis of %s failed.", claim.storage_key)
        raise AnalysisFailed from error


def _renew_leases() -> None:
    if ids := _under_way.all():
        leases.leases_renew(holder=HOLDER, analysis_ids=ids)


def _sweep() -> None:
    global _swept_at
    before, _swept_at = _swept_at, time.monotonic()
    if before and _swept_at - before > settings.FORGE_LEASE_S:
        return  # The database kept this worker waiting, and with it all who renew a lease: they come first.
    swept = leases.analyses_sweep()
    metrics.SWEPT_IMAGES.inc(swept)
    if swept:
        logger.warning("%d images were lost by a worker or the broker and are queued again.", swept)


def _rest_models() -> None:
    if settings.FORGE_MODEL_IDLE_S and _engine is not None and _engine.unload_if_idle(settings.FORGE_MODEL_IDLE_S):
        logger.info("The models are unloaded: no picture for %g s.", settings.FORGE_MODEL_IDLE_S)


def _expire_sessions() -> None:
    metrics.EXPIRED_SESSIONS.inc(expiry.sessions_sweep())


_chores = (
    Heartbeat(
        [close_old_connections, _renew_leases, _sweep, _rest_models, metrics.tell, close_old_connections],
        seconds=settings.FORGE_HEARTBEAT_S,
    ),
    # A thread of its own: a storage that is slow to delete must not keep the leases waiting.
    Heartbeat(
        [close_old_connections, _expire_sessions, idempotency.idempotency_sweep, close_old_connections],
        seconds=settings.FORGE_EXPIRY_EVERY_S,
    ),
    # It lists the whole storage.
    Heartbeat([close_old_connections, expiry.orphans_sweep, close_old_connections], seconds=3600.0),
)


@worker_init.connect
def _load_engine(**_: Any) -> None:
    """Before the first task is taken: a worker that cannot see must not answer that it is ready."""
    global _engine
    begun = time.monotonic()
    telling = Heartbeat([readiness.worker_loading], seconds=readiness.LOADING_BEAT_S)
    telling.start()
    create = partial(create_apart, settings.FORGE_ANALYSIS_TIMEOUT_S) if settings.FORGE_MODEL_PROCESS else models.create
    options: dict[str, object] = {"threads": settings.FORGE_MODEL_THREADS}
    if settings.FORGE_MODELS in {"auto", "blip-clip"}:
        options |= settings.FORGE_MODEL_OPTIONS
    elif settings.FORGE_MODELS == "scripted":
        options = settings.FORGE_SCRIPT
    try:
        _engine = Engine(
            *create(settings.FORGE_MODELS, **options),
            batch_size=settings.FORGE_BATCH_SIZE,
            on_batch=metrics.BATCH_IMAGES.observe,
        )
        _engine.load()
    except (ModelUnavailable, ValueError) as error:
        raise SystemExit(f"The worker cannot start: {error}") from error
    except Exception as error:  # Celery would log it and take tasks all the same
        logger.exception("The models did not load.")
        raise SystemExit("The worker cannot start: its models did not load; the reason stands above.") from error
    finally:
        telling.stop()
    logger.info("Models, loaded in %.1f s: %s", time.monotonic() - begun, _engine.provenance)


@worker_ready.connect
def _start_heartbeat(**_: Any) -> None:
    try:
        metrics.serve()
    except OSError as error:
        logger.error("FORGE_WORKER_METRICS_PORT: %s; this worker runs without its own metrics.", error)
    for chore in _chores:
        chore.start()


@worker_shutting_down.connect
def _end_in_time(**_: Any) -> None:
    """SIGTERM: nothing new is begun, what waits goes back to the broker, what is under way gets the grace time."""
    _stopping.set()
    threading.Thread(target=_end_after_grace, name="grace", daemon=True).start()


def _end_after_grace() -> None:
    time.sleep(settings.FORGE_WORKER_GRACE_S)
    try:
        released = leases.analyses_release(holder=HOLDER)
        logger.warning("The grace time is over: this worker ends, and %d images are queued again.", released)
    finally:
        os._exit(0)  # Threads that are busy in a model cannot be ended otherwise.


@worker_shutdown.connect
def _close_engine(**_: Any) -> None:
    for chore in _chores:
        chore.stop()
    with suppress(ForgeError):  # Redis is away
        metrics.tell()
    if _engine is not None:
        _engine.close()
