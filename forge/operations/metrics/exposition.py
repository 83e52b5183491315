from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import REGISTRY

from forge.operations.metrics.state import StateCollector
from forge.operations.metrics.worker_counters import WorkerCountersCollector

# Not the default registry, which every process that imports a collector would expose, workers included.
_service = CollectorRegistry()
_service.register(StateCollector())
_service.register(WorkerCountersCollector())


def exposition() -> bytes:
    """Return all metrics in Prometheus's text format."""
    return generate_latest(REGISTRY) + generate_latest(_service)
