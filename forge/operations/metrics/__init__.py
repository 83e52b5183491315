"""What operators see at `/metrics`: the service's state, what workers told, and this web process's own traffic.

The state is computed when it is asked for, from the database and Redis, so that it is right whichever processes died
and whichever one answers. docs/3-operating.md lists the names.
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
