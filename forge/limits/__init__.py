"""What one account may take of the service in a time, and at one time; counted in Redis, across all web processes.

While Redis is away nothing is counted and nobody is refused: what takes work needs the broker anyway and answers 503,
and reading must not end because the counting did.
"""

from forge.limits.open_streams import StreamSlot, acquire_stream_slot
from forge.limits.rates import Standing, count

__all__ = ["Standing", "StreamSlot", "acquire_stream_slot", "count"]
