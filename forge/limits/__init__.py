"""Rate limits and concurrency limits per account, counted in Redis across all web processes.

They fail open: while Redis is unreachable nothing is counted or refused. Requests that start work need the broker
anyway and return 503; reads must not fail because counting does.
"""

from forge.limits.open_streams import StreamSlot, acquire_stream_slot
from forge.limits.rates import RateLimitStatus, count_decoding, count_request, decode_status

__all__ = [
    "RateLimitStatus", "StreamSlot", "acquire_stream_slot", "count_decoding", "count_request", "decode_status",
]  # fmt: skip
