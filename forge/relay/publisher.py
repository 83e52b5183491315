import json
import logging
import time

from django_eventstream import eventstream

from forge import crash_points
from forge.redis_client import REDIS_ERRORS

logger = logging.getLogger(__name__)

PUBSUB_CHANNEL = "events_channel"  # hard-coded in django-eventstream
_publish_again_at = 0.0


def publish(*, job_id: str, seq: int, type: str, data: str) -> None:
    """Tells every web process; never raises. What is not told is read from the log within FORGE_RESYNC_S."""
    global _publish_again_at
    crash_points.crash_point("between_commit_and_publish")
    if time.monotonic() < _publish_again_at:
        return
    message = json.dumps({"channel": job_id, "event_type": type, "data": data, "pub_id": seq})
    try:
        eventstream.redis_client.publish(PUBSUB_CHANNEL, message)
    except REDIS_ERRORS as error:
        # A worker must not wait out a timeout for each event of an outage.
        _publish_again_at = time.monotonic() + 1.0
        logger.warning("Event %s of %s was not published (%s); streams read it from the log.", seq, job_id, error)
