"""Limits per account, counted in Redis across all web processes, and limits of one web process.

Those of accounts fail open: while Redis is unreachable nothing is counted or refused. Requests that start work need
the broker anyway and return 503; reads must not fail because counting does.
"""

from forge.limits.archives import ArchiveSlot, acquire_archive_slot
from forge.limits.fair_semaphore import FairSemaphore
from forge.limits.file_handles import body_capacity, connection_capacity, raise_soft_limit
from forge.limits.logins import count_login, forget_logins
from forge.limits.open_streams import StreamSlot, acquire_stream_slot
from forge.limits.process_share import ProcessShare
from forge.limits.rates import RateLimitStatus, count_decoding, count_request, decode_status, samples_require

__all__ = [
    "ArchiveSlot", "FairSemaphore", "ProcessShare", "RateLimitStatus", "StreamSlot", "acquire_archive_slot",
    "acquire_stream_slot", "body_capacity", "connection_capacity", "count_decoding", "count_login", "count_request",
    "decode_status", "forget_logins", "raise_soft_limit", "samples_require",
]  # fmt: skip
