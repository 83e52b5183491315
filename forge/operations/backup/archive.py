"""The archive: a tar file that is written and read as a stream, in memory that does not grow with it.

    manifest.json                    format, time, engine, migrations
    secret_key
    rows/000001-forge.account.json.gz   {"table", "columns", "rows"}, at most CHUNK_ROWS of them
    files/sessions/…                 uploads by storage key
    end.json                         counts, and the SHA-256 of all names, sizes and contents before

The last member marks an archive as complete.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from typing import IO, Any

FORMAT = 1
MANIFEST, SECRET_KEY, END = "manifest.json", "secret_key", "end.json"
ROWS, FILES = "rows/", "files/"
CHUNK_BYTES = 2**20


class BackupError(Exception):
    """A backup or restore that is refused or failed; `str()` is its sentence."""


class _HashedReader(io.RawIOBase):
    """Adds to a digest what is read through it."""

    def __init__(self, file: IO[bytes], digest: "hashlib._Hash") -> None:
        super().__init__()
        self._file, self._digest = file, digest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data


class ArchiveWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (closed by end)
        self._digest = hashlib.sha256()

    def add(self, name: str, size: int, file: IO[bytes]) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._digest.update(_heading(name, size))
        self._tar.addfile(info, _HashedReader(file, self._digest))
        self._tar.members.clear()  # type: ignore[attr-defined]  # tarfile would keep one for each file

    def add_bytes(self, name: str, data: bytes) -> None:
        self.add(name, len(data), io.BytesIO(data))

    def add_json(self, name: str, value: Any) -> None:
        self.add_bytes(name, json.dumps(value, ensure_ascii=False, indent=1).encode())

    def end(self, counts: dict[str, Any]) -> None:
        self.add_json(END, {**counts, "sha256": self._digest.hexdigest()})
        self._tar.close()


def members(file: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Yield name, size and content of each member up to `end.json`, which is checked against what came before.

    Raises BackupError at the end where the archive is truncated or damaged, and before where a member shows it.
    """
    digest = hashlib.sha256()
    try:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]
                content = tar.extractfile(info)
                if content is None:
                    raise BackupError(f"The archive is damaged: {info.name!r} is no file.")
                if info.name == END:
                    _require_digest(json.load(content), digest.hexdigest())
                    return
                digest.update(_heading(info.name, info.size))
                reader = _HashedReader(content, digest)
                yield info.name, info.size, reader  # type: ignore[misc]  # a raw reader is enough
                while reader.read(CHUNK_BYTES):
                    pass
    except (tarfile.TarError, EOFError, ValueError, KeyError) as error:
        raise BackupError(f"The archive is damaged, or is none ({error}).") from error
    raise BackupError("The archive is truncated: its end is missing.")


def _require_digest(end: dict[str, Any], actual: str) -> None:
    if end["sha256"] != actual:
        raise BackupError("The archive is damaged: its SHA-256 is not the one it was written with.")


def _heading(name: str, size: int) -> bytes:
    return f"{name}\0{size}\0".encode()
