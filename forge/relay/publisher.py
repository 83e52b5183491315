import json
import logging
import time

from django_eventstream import eventstream

from forge import crash_points
from forge.redis_client import REDIS_ERRORS, redis_client
from forge.relay.shards import KEYS_CHANNEL, channel_of

logger = logging.getLogger(__name__)

_retry_at = 0.0
# The library's client would not follow a failover of Sentinel's.
eventstream.redis_client = redis_client(timeout_s=5.0)


def publish(*, job_id: str, seq: int, type: str, data: str) -> None:
    """Publish an event to the web processes with a stream in the job's shard; never raises.

    Streams read an event that was not published from the log within FORGE_RESYNC_S.
    """
    global _retry_at
    crash_points.crash_point("between_commit_and_publish")
    if time.monotonic() < _retry_at:
        return
    message = json.dumps({"channel": job_id, "event_type": type, "data": data, "pub_id": seq})
    try:
        eventstream.redis_client.publish(channel_of(job_id), message)
    except REDIS_ERRORS as error:
        # During an outage a worker must not wait for a timeout at every event.
        _retry_at = time.monotonic() + 1.0
        logger.warning("Event %s of %s was not published (%s); streams read it from the log.", seq, job_id, error)


def publish_key_change() -> None:
    """Make the web processes read the keys of their streams again; never raises.

    They do it within seconds where this could not be published (forge/relay/key_checks.py).
    """
    try:
        eventstream.redis_client.publish(KEYS_CHANNEL, "")
    except REDIS_ERRORS as error:
        logger.warning("The change of a key was not published: %s", error)
