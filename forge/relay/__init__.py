"""Server-Sent Events: everything that uses django-eventstream, and the hardening it needs.

Pub/sub is the fast path, the event log is the truth. Workers publish committed events; one supervised listener per web
process fans them out to the open streams. A stream sends an event whose `seq` is its last + 1; anything else (a start,
a gap, an overflow, a lost connection) makes it read the log. So an event can be late, never lost, duplicated or out of
order.

Depends on internals of the pinned django-eventstream: tests/forge/relay/test_relay.py fails when its version changes.
"""

from forge.relay.listeners import fanout
from forge.relay.log import JobChannelManager, JobEventStorage, run_in_log_pool
from forge.relay.publisher import publish, publish_key_change
from forge.relay.stream import JobStream, stream

__all__ = [
    "JobChannelManager",
    "JobEventStorage",
    "JobStream",
    "fanout",
    "publish",
    "publish_key_change",
    "run_in_log_pool",
    "stream",
]
