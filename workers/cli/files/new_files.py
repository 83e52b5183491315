"""Images that appear in a folder, once they are no longer being written."""

import os
import time
from collections.abc import Iterator

import xmp
from workers.cli.image_paths import find_images

SETTLE_S = 2.0
_POLL_S = 0.5
_MAX_SHARE = 0.1  # of the time, for walks through a large folder


class NewFiles:
    """Poll a folder: no notification exists on network file systems.

    A file is ready when its size, times and inode have not changed for SETTLE_S seconds. One that changes after it was
    processed, by another program, is new again.
    """

    def __init__(self, folder: str, *, with_present: bool, with_raw: bool = False) -> None:
        self.folder, self.with_raw = folder, with_raw
        self._waiting: dict[str, tuple[xmp.FileState, float]] = {}
        self._seen: dict[str, xmp.FileState] = {} if with_present else dict(self._walk())

    def batches(self) -> Iterator[list[str]]:
        """Yield the paths that are ready, when there are any, for ever."""
        while True:
            started = time.monotonic()
            if ready := self.ready(started):
                yield ready
            else:
                time.sleep(max(_POLL_S, (time.monotonic() - started) / _MAX_SHARE))

    def processed(self, path: str) -> None:
        """Note that a file is in the state in which this run left it."""
        if os.path.lexists(path) and self._is_below(path):
            self._seen[self._key(path)] = xmp.file_state(path)

    def ready(self, now: float) -> list[str]:
        """Return the paths that are new and unchanged since SETTLE_S seconds before `now`, each once."""
        found = dict(self._walk())
        self._seen = {path: state for path, state in self._seen.items() if path in found}
        new = {path: state for path, state in found.items() if self._seen.get(path) != state}
        before, self._waiting = self._waiting, {}
        ready = list[str]()
        for path, state in new.items():
            known, since = before.get(path, (state, now))
            if known == state and now - since >= SETTLE_S:
                self._seen[path] = state
                ready.append(path)
            else:
                self._waiting[path] = (state, since if known == state else now)
        return ready

    def _walk(self) -> Iterator[tuple[str, xmp.FileState]]:
        for path in find_images([self.folder], _ignore_error, with_raw=self.with_raw):
            try:
                yield path, xmp.file_state(path)
            except OSError:
                continue  # it has gone since

    def _is_below(self, path: str) -> bool:
        return os.path.abspath(path).startswith(os.path.join(os.path.abspath(self.folder), ""))  # noqa: PTH100, PTH118

    def _key(self, path: str) -> str:
        """Return the path as the walk yields it."""
        relative = os.path.relpath(path, self.folder)
        return os.path.join(self.folder, relative)  # noqa: PTH118


def _ignore_error(_path: str, _message: str) -> None:
    """Ignore an empty folder, and one that has gone: it may come back."""
