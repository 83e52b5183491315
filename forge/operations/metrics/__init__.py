"""Prometheus metrics at `/metrics`: the service's state, the workers' counters, this web process's traffic.

The state is computed for each scrape from the database and Redis, so that it is the same in every process.
docs/operations.md lists the names.
"""

from forge.operations.metrics.exposition import exposition
from forge.operations.metrics.worker_counters import (
    BATCH_IMAGES,
    EXPIRED_SESSIONS,
    SWEPT_IMAGES,
    publish_counters,
    serve,
    stages_observe,
)

__all__ = [
    "BATCH_IMAGES", "EXPIRED_SESSIONS", "SWEPT_IMAGES", "exposition", "publish_counters", "serve", "stages_observe",
]  # fmt: skip
