"""What workers count. Each adds to sums in Redis with every heartbeat; a web process tells the sums.

So one address tells of all workers, and a worker that ends takes nothing with it. A Redis that is emptied starts
again from 0, which Prometheus takes for what it is. With FORGE_WORKER_METRICS_PORT a worker tells its own part, too.
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
_own = CollectorRegistry()
_STAGE_SECONDS = Histogram(
    "forge_stage_seconds",
    "What an image spent in a stage; caption and tag are those of its whole batch.",
    ["stage"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
    registry=_own,
)
BATCH_IMAGES = Histogram(
    "forge_batch_images", "Images in a batch of the models.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256), registry=_own
)
SWEPT_IMAGES = Counter("forge_swept_images", "Images a sweep found lost and queued again.", registry=_own)
EXPIRED_SESSIONS = Counter("forge_expired_sessions", "Expired sessions that a sweep removed.", registry=_own)

_told: dict[str, float] = {}
_telling = threading.Lock()


def stages_observe(milliseconds: Mapping[str, float]) -> None:
    """One image's, by stage."""
    for stage, spent in milliseconds.items():
        _STAGE_SECONDS.labels(stage).observe(spent / 1000)


def publish_counters() -> None:
    """Adds what this process has counted since the last call to the sums. Raises Unavailable; nothing is lost then."""
    with _telling:
        now = {_key(sample): sample.value for family in _own.collect() for sample in _summable(family)}
        growth = {key: value - _told.get(key, 0.0) for key, value in now.items()}
        if any(growth.values()) or not _told:
            # The zeros as well: a histogram without its lower buckets would be read wrongly.
            _add_to_sums(growth)
            _told.update(now)


def _add_to_sums(growth: Mapping[str, float]) -> None:
    """Adds to all of the sums or to none. Raises Unavailable."""

    def add(client: Redis) -> None:
        with client.pipeline(transaction=True) as pipeline:
            for name, amount in growth.items():
                pipeline.hincrbyfloat(_SUMS_KEY, name, amount)
            pipeline.execute()

    redis_call(add)


def _read_sums() -> dict[str, float]:
    """Raises Unavailable."""
    sums: dict[bytes, bytes] = redis_call(lambda client: client.hgetall(_SUMS_KEY))  # type: ignore[arg-type,return-value]
    return {name.decode(): float(value) for name, value in sums.items()}


def serve() -> None:
    """This process's own metrics on a port of its own, where the settings ask for it. Raises OSError."""
    if settings.FORGE_WORKER_METRICS_PORT:
        ProcessCollector(registry=_own)
        start_http_server(settings.FORGE_WORKER_METRICS_PORT, settings.FORGE_WORKER_METRICS_HOST, registry=_own)


class WorkerCounters(Collector):
    """The sums, in the shape in which a worker counts."""

    def collect(self) -> Iterable[Metric]:
        try:
            sums = _read_sums()
        except Unavailable:
            return
        for family in _own.collect():
            told = Metric(family.name, family.documentation, family.type)
            for key, value in sums.items():
                name, labels = json.loads(key)
                if name.startswith(family.name):
                    told.samples.append(Sample(name, labels, value))
            told.samples.sort(key=_order)
            yield told

    def describe(self) -> Iterable[Metric]:
        return []


def _summable(family: Metric) -> list[Sample]:
    return [sample for sample in family.samples if not sample.name.endswith("_created") and family.type != "gauge"]


def _key(sample: Sample) -> str:
    return json.dumps([sample.name, sample.labels], sort_keys=True)


def _order(sample: Sample) -> tuple[str, str, float]:
    """Buckets of one histogram beside each other, the narrowest first."""
    labels = dict(sample.labels)
    bound = float(labels.pop("le", "inf"))
    return json.dumps(labels, sort_keys=True), sample.name, bound
