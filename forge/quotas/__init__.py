"""What one account may take of the service in a time, and at one time; counted in Redis, across all web processes.

While Redis is away nothing is counted and nobody is refused: what takes work needs the broker anyway and answers 503,
and reading must not end because the counting did.
"""

from forge.quotas.rates import Standing, count
from forge.quotas.seats import Seat, seat_taken

__all__ = ["Seat", "Standing", "count", "seat_taken"]
