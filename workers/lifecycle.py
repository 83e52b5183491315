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
from forge.errors import ForgeError
from forge.jobs import leases
from forge.operations import metrics, readiness
from forge.sessions import expiry
from workers import models
from workers.models.base import ModelUnavailable
from workers.models.subprocess import create_in_subprocess
from workers.runtime.engine import Engine
from workers.runtime.heartbeat import Heartbeat
from workers.runtime.in_flight import InFlight

logger = logging.getLogger(__name__)

# Names this process in its claims: a restarted worker on the same host is another holder.
HOLDER = f"{socket.gethostname()[:40]}:{secrets.token_hex(6)}"
in_flight = InFlight()
stopping = threading.Event()

_engine: Engine | None = None
_swept_at = 0.0


def engine() -> Engine:
    """Return the loaded engine of this process."""
    assert _engine is not None, "the worker takes tasks only after worker_init"
    return _engine


def _renew_leases() -> None:
    if ids := in_flight.all():
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


_periodic_work = (
    Heartbeat(
        [close_old_connections, _renew_leases, _sweep, _rest_models, metrics.publish_counters, close_old_connections],
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
    create = (
        partial(create_in_subprocess, settings.FORGE_ANALYSIS_TIMEOUT_S)
        if settings.FORGE_MODEL_PROCESS
        else models.create
    )
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
    for chore in _periodic_work:
        chore.start()


@worker_shutting_down.connect
def _end_in_time(**_: Any) -> None:
    """SIGTERM: nothing new is begun, what waits goes back to the broker, what is under way gets the grace time."""
    stopping.set()
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
    for chore in _periodic_work:
        chore.stop()
    with suppress(ForgeError):  # Redis is away
        metrics.publish_counters()
    if _engine is not None:
        _engine.close()
