"""A worker process's lifecycle: engine start, periodic work, graceful shutdown."""

import logging
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections

from forge import idempotency
from forge.credits import daily_sums
from forge.errors import ForgeError
from forge.jobs import leases, retention
from forge.operations import live_workers, metrics, readiness
from forge.operations.start import start_problem
from forge.operations.storage_check import storage_check
from forge.sessions import expiry
from forge.storage import local_cache_sweep
from workers import models, writing
from workers.models.base import ModelUnavailable
from workers.models.ocr import OnDemandReader, create_reader
from workers.models.subprocess import create_in_subprocess
from workers.runtime.engine import Engine
from workers.runtime.heartbeat import Heartbeat
from workers.runtime.in_flight import InFlight

logger = logging.getLogger(__name__)

# Identifies this process as lease holder: a restarted worker on the same host is another one.
HOLDER = f"{socket.gethostname()[:40]}:{secrets.token_hex(6)}"
in_flight = InFlight()
stopping = threading.Event()

_engine: Engine | None = None
_reader: OnDemandReader | None = None
_swept_at = 0.0


def engine() -> Engine:
    """Return the loaded engine of this process."""
    assert _engine is not None, "the worker takes tasks only after worker_init"
    return _engine


def reader() -> OnDemandReader | None:
    """Return the text reader of this process, None where FORGE_OCR is off."""
    return _reader


def _renew_leases() -> None:
    if ids := in_flight.all():
        leases.leases_renew(holder=HOLDER, analysis_ids=ids)


def _sweep() -> None:
    global _swept_at
    before, _swept_at = _swept_at, time.monotonic()
    if before and _swept_at - before > settings.FORGE_LEASE_S:
        return  # The database blocked this worker, and with it all lease holders: let them renew first.
    swept = leases.analyses_sweep(in_flight=in_flight.all())
    metrics.SWEPT_IMAGES.inc(swept)
    if swept:
        logger.warning("%d images were lost by a worker or the broker and are queued again.", swept)


def _unload_idle_models() -> None:
    seconds = settings.FORGE_MODEL_IDLE_S
    if seconds and any([_engine is not None and _engine.unload_if_idle(seconds), writing.unload_if_idle(seconds)]):
        logger.info("The models are unloaded: no image for %g s.", seconds)


def _expire_sessions() -> None:
    metrics.EXPIRED_SESSIONS.inc(expiry.sessions_sweep(stopping.is_set))


def _remove_ended_jobs() -> None:
    retention.jobs_sweep(stopping.is_set)


def _sum_ledger() -> None:
    daily_sums.entries_sum(stopping.is_set)


def _report_alive() -> None:
    """Count as a live worker in readiness, until the graceful shutdown begins."""
    if stopping.is_set():
        readiness.worker_gone(HOLDER)
    else:
        readiness.worker_alive(HOLDER, storage_check.read(wait_s=0.0), writing.waiting_reason())
        live_workers.worker_describe(HOLDER, model=_model(), device=_device(), family=family())


def family() -> str:
    """Return the family of models that this worker runs; `auto` is whichever it found.

    A checkpoint without instructions is one of its own: it can do less with the options.
    """
    if settings.FORGE_MODELS == "transformers" and (writer := writing.writer()):
        return str(writer.options["family"])
    if settings.FORGE_MODELS != "auto":
        return str(settings.FORGE_MODELS)
    return "embedded" if engine().provenance["captioner"]["name"] == "forge-embedded" else "blip-clip"


def _device() -> str:
    writer = writing.writer()
    return writer.device if writer and settings.FORGE_MODELS == "transformers" else engine().device


def _model() -> str:
    """Return the name and revision of the model that writes the words."""
    if writer := writing.writer():
        return f"{writer.name} {writer.revision}"
    captioner = engine().provenance["captioner"]
    return f"{captioner['name']} {captioner['revision']}"


_periodic_work = (
    # A thread of its own: a database that blocks the others does not make the worker count as dead.
    Heartbeat([_report_alive], seconds=settings.FORGE_HEARTBEAT_S),
    # A thread of its own: a server that hangs must not delay the renewal of leases.
    Heartbeat([writing.probe], seconds=settings.FORGE_HEARTBEAT_S),
    Heartbeat(
        [
            close_old_connections,
            _renew_leases,
            _sweep,
            _unload_idle_models,
            metrics.publish_counters,
            close_old_connections,
        ],
        seconds=settings.FORGE_HEARTBEAT_S,
    ),
    # A thread of its own: slow deletion from storage must not delay the renewal of leases.
    Heartbeat(
        [
            close_old_connections,
            _expire_sessions,
            _remove_ended_jobs,
            idempotency.idempotency_sweep,
            local_cache_sweep,
            close_old_connections,
        ],
        seconds=settings.FORGE_EXPIRY_EVERY_S,
    ),
    # Rare, because they read the whole storage and the oldest part of the ledger.
    Heartbeat([close_old_connections, expiry.orphans_sweep, _sum_ledger, close_old_connections], seconds=3600.0),
)


@worker_init.connect
def _load_engine(**_: Any) -> None:
    """Load the models before the first task; a worker without models must not report itself ready."""
    global _engine, _reader
    os.umask(0o077)  # files of the service are its own
    started = time.monotonic()
    loading = Heartbeat([readiness.worker_loading], seconds=readiness.LOADING_HEARTBEAT_S)
    loading.start()
    try:
        if problem := start_problem():
            raise SystemExit(f"The worker cannot start. {problem}")
        _engine = _create_engine()
        _engine.load()
        _load_writer(settings.FORGE_MODELS)
        _reader = create_reader(settings.FORGE_OCR)
        if _reader is not None and settings.FORGE_MODELS != "scripted":
            _reader.load()
    except (ModelUnavailable, ValueError) as error:
        raise SystemExit(f"The worker cannot start: {error}") from error
    except Exception as error:  # Celery would log it and still start the worker
        logger.exception("The models did not load.")
        raise SystemExit("The worker cannot start: its models did not load; the traceback is above.") from error
    finally:
        loading.stop()
        readiness.worker_loaded()
    logger.info("Models, loaded in %.1f s: %s", time.monotonic() - started, _engine.provenance)


def _load_writer(family: str) -> None:
    if family in models.WRITERS:
        writing.load(
            family,
            settings.FORGE_WRITER_OPTIONS[family],
            fall_back=family == "vision-server" and settings.FORGE_VISION_FALLBACK == "embedded",
            in_process=not settings.FORGE_MODEL_PROCESS,
        )


def _create_engine() -> Engine:
    options: dict[str, object] = {"threads": settings.FORGE_MODEL_THREADS}
    if settings.FORGE_MODELS in {"auto", "blip-clip"}:
        options |= settings.FORGE_MODEL_OPTIONS
    elif settings.FORGE_MODELS == "scripted":
        options = settings.FORGE_SCRIPT
    create = (
        partial(create_in_subprocess, settings.FORGE_ANALYSIS_TIMEOUT_S)
        if settings.FORGE_MODEL_PROCESS
        else models.create
    )
    captioner, tagger = create(settings.FORGE_MODELS, **options)
    return Engine(captioner, tagger, batch_size=settings.FORGE_BATCH_SIZE, on_batch=metrics.BATCH_IMAGES.observe)


@worker_ready.connect
def _start_heartbeat(**_: Any) -> None:
    try:
        metrics.serve()
    except OSError as error:
        logger.error("FORGE_WORKER_METRICS_PORT: %s; this worker runs without its own metrics.", error)
    for heartbeat in _periodic_work:
        heartbeat.start()


@worker_shutting_down.connect
def _begin_graceful_shutdown(**_: Any) -> None:
    """On SIGTERM: claim nothing new, requeue waiting tasks, and give in-flight images the grace period."""
    stopping.set()
    threading.Thread(target=_exit_after_grace_period, name="grace", daemon=True).start()


def _exit_after_grace_period() -> None:
    _report_alive()
    time.sleep(settings.FORGE_WORKER_GRACE_S)
    try:
        released = leases.analyses_release(holder=HOLDER)
        logger.warning("The grace period is over: this worker exits, and %d images are queued again.", released)
    finally:
        os._exit(0)  # Threads that are busy in a model cannot be stopped otherwise.


@worker_shutdown.connect
def _close_engine(**_: Any) -> None:
    for heartbeat in _periodic_work:
        heartbeat.stop()
    readiness.worker_gone(HOLDER)
    with suppress(ForgeError):  # Redis is down
        metrics.publish_counters()
    if _engine is not None:
        _engine.close()
    writing.close()
