"""Server-Sent Events: everything that uses django-eventstream, and the hardening it needs.

Pub/sub is the fast path, the event log is the truth. Workers publish each committed event in the library's message
format; one supervised listener per web process fans it out to the open streams of its job. A stream sends the event
whose `seq` follows the last one it sent; anything else (a start, a gap, an overflow, a lost connection) makes it read
the log. So an event can be late, but never lost, duplicated or out of order.

Written against the internals of the pinned django-eventstream; tests/forge/relay/test_relay.py fails when its version
changes.
"""

from forge.relay.listeners import fanout
from forge.relay.log import JobChannelManager, JobEventStorage, run_in_log_pool
from forge.relay.publisher import publish
from forge.relay.stream import stream

__all__ = ["JobChannelManager", "JobEventStorage", "fanout", "publish", "run_in_log_pool", "stream"]
