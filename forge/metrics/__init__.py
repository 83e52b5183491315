"""What operators see at `/metrics`: the service's state, what workers told, and this web process's own traffic.

The state is computed when it is asked for, from the database and Redis, so that it is right whichever processes died
and whichever one answers. docs/3-operating.md lists the names.
"""

from forge.metrics.exposition import exposition
from forge.metrics.told import BATCH_IMAGES, EXPIRED_SESSIONS, SWEPT_IMAGES, serve, stages_observe, tell

__all__ = [
    "BATCH_IMAGES", "EXPIRED_SESSIONS", "SWEPT_IMAGES", "exposition", "serve", "stages_observe", "tell",
]  # fmt: skip
