"""Copies of remote objects on the local disk: bounded, least recently used first, shared by the host's processes.

A copy is written beside its place and renamed, so that no process reads half of one. `size` holds the sum of all copies
under a file lock, in which space is taken before a copy is written: the bound holds however many processes write, and
what a killed process had taken is found at the next eviction, which counts the files themselves.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

logger = logging.getLogger(__name__)

# A copy that nobody read for so long is removed: its image may be deleted, and its bytes must not outlive it for long.
UNUSED_S = 3600.0
_KEPT_SHARE = 0.9  # after an eviction, so that the next writes evict nothing
_DIGEST_BYTES = 16


class LocalCache:
    """A read-through cache of at most `most` bytes. It never raises for its own disk: then every read is remote."""

    def __init__(self, folder: Path, *, most: int) -> None:
        self._folder = folder
        self._most = most

    def read(self, name: str, fetch: Callable[[], bytes]) -> bytes:
        path = self._path(name)
        found = _read_copy(path)
        if found is not None:
            return found
        data = fetch()
        try:
            self._store(path, data)
        except OSError as error:
            logger.warning("The cache in %s cannot be used (%s); images are read from the storage.", path.parent, error)
        return data

    def sweep(self) -> None:
        """Remove copies that nobody read for UNUSED_S."""
        if not self._folder.is_dir():
            return
        try:
            with self._locked() as size:
                _write_size(size, self._evict(self._most))
        except OSError as error:
            logger.warning("The cache in %s cannot be swept: %s", self._folder, error)

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()}.copy"

    def _store(self, path: Path, data: bytes) -> None:
        needed = _DIGEST_BYTES + len(data)
        if needed > self._most:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = self._take(needed)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_digest(data))
                file.write(data)
            Path(draft).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(draft).unlink()
            raise

    def _take(self, needed: int) -> tuple[int, str]:
        """Count `needed` bytes, after an eviction where they would not fit; return the open draft that has them."""
        with self._locked() as size:
            taken = _read_size(size)
            if taken is None or taken + needed > self._most:
                taken = self._evict(min(int(_KEPT_SHARE * self._most), self._most - needed))
            descriptor, draft = tempfile.mkstemp(dir=self._folder, suffix=".draft")
            os.ftruncate(descriptor, needed)  # an eviction of another process counts it before it is written
            _write_size(size, taken + needed)
        return descriptor, draft

    @contextlib.contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        with open(os.open(self._folder / "size", os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:  # noqa: PTH123
            fcntl.flock(file, fcntl.LOCK_EX)  # ends with the file, and with the process
            yield file

    def _evict(self, most: int) -> int:
        """Remove what is unused, then the least recently used, until the rest is `most` bytes; return their sum."""
        used = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith((".copy", ".draft")):
                    with contextlib.suppress(FileNotFoundError):  # its draft was renamed
                        found = entry.stat()
                        used.append((found.st_mtime, found.st_size, entry.path))
        total = sum(size for _, size, _ in used)
        unused_since = time.time() - UNUSED_S
        for used_at, size, path in sorted(used):
            if total <= most and used_at > unused_since:
                break
            Path(path).unlink(missing_ok=True)  # who reads it now reads on
            total -= size
        return total


def _read_copy(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            digest, data = file.read(_DIGEST_BYTES), file.read()
        if digest != _digest(data):  # its machine lost power before the disk had it
            path.unlink(missing_ok=True)
            return None
        os.utime(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        logger.warning("A copy in the cache cannot be read: %s", error)
        return None
    return data


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


def _read_size(file: BinaryIO) -> int | None:
    try:
        return int(file.read())
    except ValueError:  # new, or cut off
        return None


def _write_size(file: BinaryIO, size: int) -> None:
    file.seek(0)
    file.truncate()
    file.write(str(size).encode())
    file.flush()
