"""Counters of the workers: each worker adds its increments to sums in Redis, and web processes expose the sums.

So one address has the figures of all workers, those that ended included. An emptied Redis starts again from 0, which
Prometheus treats as a counter reset. With FORGE_WORKER_METRICS_PORT a worker exposes its own counters, too.
"""

import json
import threading
from collections.abc import Iterable, Mapping

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from redis import Redis

from forge.errors import Unavailable
from forge.redis_client import redis_call

_SUMS_KEY = "forge:sums"
_registry = CollectorRegistry()
_STAGE_SECONDS = Histogram(
    "forge_stage_seconds",
    "Time of an image in a stage; caption and tag are those of its whole batch.",
    ["stage"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
    registry=_registry,
)
BATCH_IMAGES = Histogram(
    "forge_batch_images",
    "Images in a batch of the models.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=_registry,
)
SWEPT_IMAGES = Counter("forge_swept_images", "Images a sweep found lost and queued again.", registry=_registry)
EXPIRED_SESSIONS = Counter("forge_expired_sessions", "Expired sessions that a sweep removed.", registry=_registry)

_published: dict[str, float] = {}
_publish_lock = threading.Lock()


def stages_observe(milliseconds: Mapping[str, float]) -> None:
    """Record the stages of one image."""
    for stage, spent in milliseconds.items():
        _STAGE_SECONDS.labels(stage).observe(spent / 1000)


def publish_counters() -> None:
    """Add this process's increments since the last call to the sums. Raises Unavailable, with no increment lost."""
    with _publish_lock:
        now = {_key(sample): sample.value for family in _registry.collect() for sample in _summable(family)}
        growth = {key: value - _published.get(key, 0.0) for key, value in now.items()}
        if any(growth.values()) or not _published:
            # Zeros too: Prometheus needs every bucket of a histogram.
            _add_to_sums(growth)
            _published.update(now)


def _add_to_sums(growth: Mapping[str, float]) -> None:
    """Add to all sums or to none. Raises Unavailable."""

    def add(client: Redis) -> None:
        with client.pipeline(transaction=True) as pipeline:
            for name, amount in growth.items():
                pipeline.hincrbyfloat(_SUMS_KEY, name, amount)
            pipeline.execute()

    redis_call(add)


def _read_sums() -> dict[str, float]:
    """Return the sums of all workers. Raises Unavailable."""
    sums: dict[bytes, bytes] = redis_call(lambda client: client.hgetall(_SUMS_KEY))  # type: ignore[arg-type,return-value]
    return {name.decode(): float(value) for name, value in sums.items()}


def serve() -> None:
    """Expose this process's counters on FORGE_WORKER_METRICS_PORT, if it is set. Raises OSError."""
    if settings.FORGE_WORKER_METRICS_PORT:
        ProcessCollector(registry=_registry)
        start_http_server(settings.FORGE_WORKER_METRICS_PORT, settings.FORGE_WORKER_METRICS_HOST, registry=_registry)


class WorkerCountersCollector(Collector):
    """Collect the sums of all workers as the metric families of one worker."""

    def collect(self) -> Iterable[Metric]:
        try:
            sums = _read_sums()
        except Unavailable:
            return
        for family in _registry.collect():
            summed = Metric(family.name, family.documentation, family.type)
            for key, value in sums.items():
                name, labels = json.loads(key)
                if name.startswith(family.name):
                    summed.samples.append(Sample(name, labels, value))
            summed.samples.sort(key=_order)
            yield summed

    def describe(self) -> Iterable[Metric]:
        return []


def _summable(family: Metric) -> list[Sample]:
    return [sample for sample in family.samples if not sample.name.endswith("_created") and family.type != "gauge"]


def _key(sample: Sample) -> str:
    return json.dumps([sample.name, sample.labels], sort_keys=True)


def _order(sample: Sample) -> tuple[str, str, float]:
    """Sort key: the buckets of a histogram together, by upper bound."""
    labels = dict(sample.labels)
    bound = float(labels.pop("le", "inf"))
    return json.dumps(labels, sort_keys=True), sample.name, bound
