"""The stream: everything that touches django-eventstream, and the hardening it needs.

Pub/sub carries, the log remembers. Workers publish each committed event in the library's own message form; in every
web process one supervised listener hands it to the streams that wait for that job. A stream passes on what follows
directly on what it has sent; anything else (a start, a gap, an overflow, a lost connection) makes it read the log.
So an event can be late, never lost, doubled or out of order.

Written against the internals of the pinned django-eventstream; tests/forge/relay/test_relay.py fails when its version
moves.
"""

from forge.relay.listeners import fanout
from forge.relay.log import JobChannelManager, JobEventStorage, from_log
from forge.relay.publisher import publish
from forge.relay.stream import stream

__all__ = ["JobChannelManager", "JobEventStorage", "fanout", "from_log", "publish", "stream"]
