"""The bridge between queue and pipeline: claim, run, succeed or fail."""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from celery import current_app
from celery.signals import worker_init, worker_ready, worker_shutdown
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import close_old_connections

from forge import expiry, idempotency, leases, logs, metrics, readiness, services
from forge.errors import AnalysisFailed, AnalysisTimeout, ForgeError, PayloadTooLarge, UnreadableImage, UnsupportedImage
from workers import models, pipeline
from workers.engine import Engine, EngineTimeout
from workers.heartbeat import Heartbeat
from workers.images import ImageError
from workers.models.base import ModelUnavailable

logger = logging.getLogger(__name__)

# Names this process in its claims: a restarted worker on the same host is another holder.
HOLDER = f"{socket.gethostname()[:40]}:{secrets.token_hex(6)}"
_IMAGE_ERRORS: dict[str, type[ForgeError]] = {
    error.code: error for error in (PayloadTooLarge, UnreadableImage, UnsupportedImage)
}

_engine: Engine | None = None
_under_way: set[int] = set()
_under_way_lock = threading.Lock()


@current_app.task(name="workers.analyze_image")
def analyze_image() -> None:
    claim = services.analysis_claim_next(holder=HOLDER)
    if claim is None:
        return
    ids = {"requestId": claim.request_id, "jobId": claim.job_id, "imageId": claim.image_id}
    with _held(claim.analysis_id), logs.bound(**ids):
        try:
            analysis = _analyze(claim.storage_key)
            _observe(analysis)
        except ForgeError as error:
            services.analysis_fail(claim=claim, error=error)
        else:
            services.analysis_succeed(
                claim=claim,
                metadata=analysis.words.as_metadata(),
                filenames=analysis.words.filename_candidates,
                provenance=analysis.provenance,
            )


def _analyze(storage_key: str) -> pipeline.Analysis:
    assert _engine is not None, "the worker takes tasks only after worker_init"
    try:
        with default_storage.open(storage_key) as file:
            data = file.read()
        return pipeline.describe(
            _engine,
            data,
            max_pixels=settings.FORGE_MAX_IMAGE_PIXELS,
            timeout_s=settings.FORGE_ANALYSIS_TIMEOUT_S,
        )
    except ImageError as error:
        raise _IMAGE_ERRORS.get(error.code, UnreadableImage)(str(error)) from error
    except EngineTimeout as error:
        raise AnalysisTimeout from error
    except Exception as error:  # one image's failure is that image's own
        logger.exception("The analysis of %s failed.", storage_key)
        raise AnalysisFailed from error


def _observe(analysis: pipeline.Analysis) -> None:
    for stage, milliseconds in analysis.milliseconds.items():
        metrics.STAGE_SECONDS.labels(stage).observe(milliseconds / 1000)
    logger.info("Analysed in %.0f ms.", sum(analysis.milliseconds.values()))


@contextmanager
def _held(analysis_id: int) -> Iterator[None]:
    """While inside, the heartbeat renews the lease of this image."""
    with _under_way_lock:
        _under_way.add(analysis_id)
    try:
        yield
    finally:
        with _under_way_lock:
            _under_way.discard(analysis_id)


def _renew_leases() -> None:
    with _under_way_lock:
        ids = list(_under_way)
    if ids:
        leases.leases_renew(holder=HOLDER, analysis_ids=ids)


def _sweep() -> None:
    swept = leases.analyses_sweep()
    metrics.SWEPT_IMAGES.inc(swept)
    if swept:
        logger.warning("%d images were lost by a worker or the broker and are queued again.", swept)


def _rest_models() -> None:
    if settings.FORGE_MODEL_IDLE_S and _engine is not None and _engine.unload_if_idle(settings.FORGE_MODEL_IDLE_S):
        logger.info("The models are unloaded: no picture for %g s.", settings.FORGE_MODEL_IDLE_S)


def _expire_sessions() -> None:
    expired = expiry.sessions_sweep()
    metrics.EXPIRED_SESSIONS.inc(expired)
    if expired:
        logger.info("%d expired sessions are removed.", expired)


_heartbeat = Heartbeat(
    [close_old_connections, _renew_leases, _sweep, _rest_models, metrics.tell, close_old_connections],
    seconds=settings.FORGE_HEARTBEAT_S,
)
# A thread of its own: a storage that is slow to delete must not keep the leases waiting.
_sweeper = Heartbeat(
    [close_old_connections, _expire_sessions, idempotency.idempotency_sweep, close_old_connections],
    seconds=settings.FORGE_EXPIRY_EVERY_S,
)


@worker_init.connect
def _load_engine(**_: Any) -> None:
    """Before the first task is taken: a worker that cannot see must not answer that it is ready."""
    global _engine
    begun = time.monotonic()
    telling = Heartbeat([readiness.worker_loading], seconds=readiness.LOADING_BEAT_S)
    telling.start()
    options: dict[str, object] = {"threads": settings.FORGE_MODEL_THREADS}
    if settings.FORGE_MODELS == "scripted":
        options = settings.FORGE_SCRIPT
    try:
        _engine = Engine(
            *models.create(settings.FORGE_MODELS, **options),
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
    _heartbeat.start()
    _sweeper.start()


@worker_shutdown.connect
def _close_engine(**_: Any) -> None:
    _heartbeat.stop()
    _sweeper.stop()
    with suppress(ForgeError):  # Redis is away
        metrics.tell()
    if _engine is not None:
        _engine.close()
