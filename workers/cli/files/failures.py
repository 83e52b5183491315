"""What failed in a run, counted by reason."""

from collections import Counter

_MAX_REASONS = 1_000
_SHOWN = 20


class Failures:
    """Counts stay small however many files fail."""

    def __init__(self) -> None:
        self.count = 0
        self._reasons: Counter[str] = Counter()

    def add(self, reason: str) -> None:
        self.count += 1
        known = reason in self._reasons or len(self._reasons) < _MAX_REASONS
        self._reasons[reason if known else "Other reasons."] += 1

    def lines(self) -> list[str]:
        """Return the most frequent reasons, each with its count."""
        return [f"failed {count}: {reason}" for reason, count in self._reasons.most_common(_SHOWN)]
