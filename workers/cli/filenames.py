"""File names unique within a run, as forge.sessions.filenames does within a session."""

from collections.abc import Iterable, Sequence

from workers.composing.filename import FILENAME_LIMIT


class UniqueFilenames:
    def __init__(self) -> None:
        self._taken: set[str] = set()
        # The next number, so that 100,000 equal images do not count from 2 each.
        self._numbers: dict[str, int] = {}

    def take(self, names: Iterable[str]) -> None:
        """Take names that an earlier run gave."""
        self._taken.update(names)

    def release(self, name: str) -> None:
        """Free the name of an image that gets another one."""
        self._taken.discard(name)

    def reserve(self, candidates: Sequence[str]) -> str:
        """Return the first free candidate, else the first one with a number."""
        name = next((name for name in candidates if name not in self._taken), None) or self._numbered(candidates[0])
        self._taken.add(name)
        return name

    def _numbered(self, best: str) -> str:
        number = self._numbers.get(best, 2)
        while (name := f"{best[: FILENAME_LIMIT - 1 - len(str(number))].rstrip('-')}-{number}") in self._taken:
            number += 1
        self._numbers[best] = number + 1
        return name
