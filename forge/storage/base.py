from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.core.files.base import File

PAGE = 1000  # names that are read from the storage at a time


@dataclass(frozen=True)
class StoredFile:
    """`name`: of the whole path. `modified`: by the storage's clock."""

    name: str
    modified: datetime


class ObjectStorage(Protocol):
    """What both backends add to Django's storage API.

    Raises FileNotFoundError for a missing object, StorageFull, StorageUnavailable, and OSError of a folder.
    """

    is_remote: bool  # objects are worth a local copy
    address: str  # for people, without credentials

    def write(self, name: str, content: "File[bytes]") -> None:
        """Create or replace an object, atomically; the content is streamed."""

    def read(self, name: str) -> bytes: ...

    def delete_many(self, names: Sequence[str]) -> list[str]:
        """Delete objects and return the names of those that remain; missing ones are no error."""

    def folders(self, folder: str) -> Iterator[list[str]]:
        """Yield pages of the names of the folders in a folder."""

    def files(self, folder: str) -> Iterator[list[StoredFile]]:
        """Yield pages of the files in a folder."""
