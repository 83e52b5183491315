"""Uploads in a folder: the data folder, or one that all machines mount."""

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from forge.storage.base import PAGE, StoredFile

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class LocalStorage(FileSystemStorage):
    is_remote = False

    @property
    def address(self) -> str:
        return f"the folder {self.location}"

    def write(self, name: str, content: "File[bytes]") -> None:
        path = Path(self.path(name))
        # Renamed when it is complete: a reader, or a process that dies, finds no half of it.
        descriptor, draft = _draft_in(path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
            Path(draft).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(draft).unlink()
            raise

    def read(self, name: str) -> bytes:
        return Path(self.path(name)).read_bytes()

    def delete_many(self, names: Sequence[str]) -> list[str]:
        failed = []
        for name in names:
            try:
                self.delete(name)
            except OSError:
                logger.exception("A stored file could not be removed: %s", name)
                failed.append(name)
        for folder in {name.rpartition("/")[0] for name in names} - {""}:
            with suppress(OSError):  # it is not empty, or another process removed it
                Path(self.path(folder)).rmdir()
        return failed

    def folders(self, folder: str) -> Iterator[list[str]]:
        yield from _pages(entry.name for entry in self._entries(folder) if entry.is_dir(follow_symlinks=False))

    def files(self, folder: str) -> Iterator[list[StoredFile]]:
        found = (entry for entry in self._entries(folder) if entry.is_file(follow_symlinks=False))
        yield from _pages(StoredFile(f"{folder}/{entry.name}", _modified(entry)) for entry in found)

    def _entries(self, folder: str) -> Iterator["os.DirEntry[str]"]:
        with suppress(FileNotFoundError), os.scandir(self.path(folder)) as entries:
            yield from entries


def _draft_in(folder: Path) -> tuple[int, str]:
    try:
        return tempfile.mkstemp(dir=folder, prefix=".draft-")
    except FileNotFoundError:  # the first file of a session
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.mkstemp(dir=folder, prefix=".draft-")


def _pages(found: Iterator[_T]) -> Iterator[list[_T]]:
    while page := list(islice(found, PAGE)):
        yield page


def _modified(entry: "os.DirEntry[str]") -> datetime:
    return datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
