"""The bridge between queue and pipeline: claim, run, succeed or fail."""

import logging
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import current_app
from celery.signals import worker_init, worker_ready, worker_shutdown
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import close_old_connections

from forge import leases, services
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
def analyze_image(analysis_id: int) -> None:
    claim = services.analysis_claim(analysis_id=analysis_id, holder=HOLDER)
    if claim is None:
        return
    with _held(analysis_id):
        try:
            analysis = _analyze(claim)
        except ForgeError as error:
            services.analysis_fail(claim=claim, error=error)
        else:
            services.analysis_succeed(
                claim=claim,
                metadata=analysis.words.as_metadata(),
                filenames=analysis.words.filename_candidates,
                provenance=analysis.provenance,
            )


def _analyze(claim: services.Claim) -> pipeline.Analysis:
    assert _engine is not None, "the worker takes tasks only after worker_init"
    try:
        with default_storage.open(claim.storage_key) as file:
            data = file.read()
        return pipeline.describe(
            _engine,
            data,
            max_pixels=settings.FORGE_MAX_IMAGE_PIXELS,
            timeout_s=settings.FORGE_ANALYSIS_TIMEOUT_S,
            terms=claim.terms,
        )
    except ImageError as error:
        raise _IMAGE_ERRORS.get(error.code, UnreadableImage)(str(error)) from error
    except EngineTimeout as error:
        raise AnalysisTimeout from error
    except pipeline.NothingSaid as error:
        raise NoCaption from error
    except Exception as error:  # one image's failure is that image's own
        logger.exception("The analysis of %s failed.", claim.storage_key)
        raise AnalysisFailed from error


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
    if swept:
        logger.warning("%d images were lost by a worker or the broker and are queued again.", swept)


_heartbeat = Heartbeat(
    [close_old_connections, _renew_leases, _sweep, close_old_connections], seconds=settings.FORGE_HEARTBEAT_S
)


@worker_init.connect
def _load_engine(**_: Any) -> None:
    """Before the first task is taken: a worker that cannot see must not answer that it is ready."""
    global _engine
    options: dict[str, object] = {"threads": settings.FORGE_MODEL_THREADS}
    if settings.FORGE_MODELS in {"auto", "blip-clip"}:
        options |= settings.FORGE_MODEL_OPTIONS
    elif settings.FORGE_MODELS == "scripted":
        options = settings.FORGE_SCRIPT
    try:
        _engine = Engine(*models.create(settings.FORGE_MODELS, **options), batch_size=settings.FORGE_BATCH_SIZE)
        _engine.load()
    except (ModelUnavailable, ValueError) as error:
        raise SystemExit(f"The worker cannot start: {error}") from error
    except Exception as error:  # Celery would log it and take tasks all the same
        logger.exception("The models did not load.")
        raise SystemExit("The worker cannot start: its models did not load; the reason stands above.") from error
    logger.info("Models: %s", _engine.provenance)


@worker_ready.connect
def _start_heartbeat(**_: Any) -> None:
    _heartbeat.start()


@worker_shutdown.connect
def _close_engine(**_: Any) -> None:
    _heartbeat.stop()
    if _engine is not None:
        _engine.close()
