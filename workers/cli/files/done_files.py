"""The state file of `--skip-done`: which images are done, by content, and what is left to do of the last one."""

import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import xmp
from workers.cli.files.renames import open_exclusively

_DIGEST = 64  # hexadecimal digits
_MAX_COPIES = 100  # of one image, that are looked for when another path has it


class DoneFiles:
    """One line for each image: its fingerprint, its path, and the file name in its words.

    An image counts as done under another path where the recorded one is gone: it was moved. A copy does not.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._paths: dict[bytes, dict[str | None, None]] = {}
        self.file: IO[bytes] = open_exclusively(path)

    def close(self) -> None:
        self.file.close()

    def read(self) -> Iterator[str]:
        """Read the file, and yield the file names; a line that was cut is removed. Raises ValueError for others."""
        self.file.seek(0)
        end = 0
        for line in self.file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            fingerprint, path, filename = _parsed(line)
            self._paths.setdefault(fingerprint, {})[path] = None
            if filename:
                yield filename
        self.file.truncate(end)

    def has(self, fingerprint: str, path: str) -> bool:
        """Return whether the image is done; of a moved one the path is kept for the rest of the run."""
        paths, place = self._paths.get(bytes.fromhex(fingerprint), {}), _absolute(path)
        if place in paths or None in paths:
            return True
        gone = next((old for old in islice(paths, _MAX_COPIES) if old and not os.path.lexists(old)), None)
        if gone is None:
            return False
        del paths[gone]
        paths[place] = None
        return True

    def add(self, fingerprint: str, path: str, filename: str) -> None:
        place = _absolute(path)
        self.file.write(f"{fingerprint} {json.dumps([place, filename])}\n".encode())
        self._paths.setdefault(bytes.fromhex(fingerprint), {})[place] = None

    def unfinished(self) -> dict[str, Any] | None:
        """Return the steps that a killed run left, where its image is not done yet."""
        try:
            found: dict[str, Any] = json.loads(Path(self._unfinished_path).read_bytes())
        except FileNotFoundError:
            return None
        return None if found["path"] in self._paths.get(bytes.fromhex(found["fingerprint"]), {}) else found

    def begin(self, steps: dict[str, Any]) -> None:
        """Record the steps of an image before the first of them."""
        path = self._unfinished_path
        state = xmp.file_state(path) if os.path.lexists(path) else None
        xmp.replace_file(path, json.dumps(steps).encode(), state)

    def end(self) -> None:
        Path(self._unfinished_path).unlink(missing_ok=True)

    @property
    def _unfinished_path(self) -> str:
        return f"{self.path}.unfinished"


def _parsed(line: bytes) -> tuple[bytes, str | None, str]:
    """Return fingerprint, path and file name; earlier versions wrote the fingerprint alone."""
    digest, _, rest = line.rstrip(b"\n").decode("ascii").partition(" ")
    if len(digest) != _DIGEST:
        raise ValueError("It is no list of done files.")
    path, filename = json.loads(rest) if rest else (None, "")
    return bytes.fromhex(digest), path, filename


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100
