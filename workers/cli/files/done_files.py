"""The state file of `--skip-done`: which images are done, by content, and what is left to do of the last one."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import xmp
from workers.cli.files.renames import open_exclusively

_DIGEST = 64  # hexadecimal digits
_MAX_COPIES = 100  # of one image, that are looked for when another path has it


# The key of an image that lacks a translation: of no options, so that every run tries again.
INCOMPLETE = "incomplete"


def options_key(requested: Mapping[str, Any]) -> str:
    """Return a digest of checked options, which is the same for the same options; "" for none."""
    return hashlib.sha256(json.dumps(requested).encode()).hexdigest()[:16] if requested else ""


class _Done(NamedTuple):
    options_key: str
    filename: str


class DoneFiles:
    """One line for each image: its fingerprint, its path, the file name in its words, and the key of its options.

    An image counts as done under another path where the recorded one is gone: it was moved. A copy does not. It is not
    done where its last line is of other options than `options_key`.
    """

    def __init__(self, path: str, options_key: str) -> None:
        self.path, self.options_key = path, options_key
        # By fingerprint, then by path, the last one that was done at the end.
        self._paths: dict[bytes, dict[str | None, _Done]] = {}
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
            fingerprint, path, done = _parsed(line)
            self._record(fingerprint, path, done)
            if done.filename:
                yield done.filename
        self.file.truncate(end)

    def has(self, fingerprint: str, path: str) -> bool:
        """Return whether the image is done; of a moved one the path is kept for the rest of the run."""
        paths, place = self._paths.get(bytes.fromhex(fingerprint), {}), _absolute(path)
        found = paths.get(place) or paths.get(None)
        if found is None:
            last = islice(reversed(paths), _MAX_COPIES)
            gone = next((old for old in last if old and not os.path.lexists(old)), None)
            if gone is None:
                return False
            paths[place] = found = paths.pop(gone)
        return found.options_key == self.options_key

    def filename(self, fingerprint: str, path: str) -> str:
        """Return the file name that the image has of other options; "" for none."""
        found = self._paths.get(bytes.fromhex(fingerprint), {}).get(_absolute(path))
        return found.filename if found else ""

    def add(self, fingerprint: str, path: str, filename: str, options_key: str) -> None:
        place = _absolute(path)
        rest = [place, filename, options_key] if options_key else [place, filename]
        self.file.write(f"{fingerprint} {json.dumps(rest)}\n".encode())
        self._record(bytes.fromhex(fingerprint), place, _Done(options_key, filename))

    def _record(self, fingerprint: bytes, path: str | None, done: _Done) -> None:
        paths = self._paths.setdefault(fingerprint, {})
        paths.pop(path, None)
        paths[path] = done

    def unfinished(self) -> dict[str, Any] | None:
        """Return the steps that a killed run left, where its image is not done yet."""
        try:
            found: dict[str, Any] = json.loads(Path(self._unfinished_path).read_bytes())
        except FileNotFoundError:
            return None
        done = self._paths.get(bytes.fromhex(found["fingerprint"]), {}).get(found["path"])
        return None if done and done.options_key == found.get("options", "") else found

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


def _parsed(line: bytes) -> tuple[bytes, str | None, _Done]:
    """Return the parts of a line; earlier versions wrote no key, and before the fingerprint alone."""
    digest, _, rest = line.rstrip(b"\n").decode("ascii").partition(" ")
    if len(digest) != _DIGEST:
        raise ValueError("It is no list of done files.")
    path, filename, *key = json.loads(rest) if rest else (None, "")
    return bytes.fromhex(digest), path, _Done(sys.intern(key[0]) if key else "", filename)


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100
