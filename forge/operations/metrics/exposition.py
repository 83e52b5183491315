from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import REGISTRY

from forge.operations.metrics.state import State
from forge.operations.metrics.worker_counters import WorkerCounters

# Not the default registry: its collectors are asked in every process that imports them, a worker's port among them.
_service = CollectorRegistry()
_service.register(State())
_service.register(WorkerCounters())


def exposition() -> bytes:
    """In Prometheus's text format."""
    return generate_latest(REGISTRY) + generate_latest(_service)
