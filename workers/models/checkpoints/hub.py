"""Fetching a checkpoint from a model hub: what its own listing says of each file is what a file must be."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from workers.models.checkpoints import store

# Configuration, tokenizer, and weights that are not code. Weights for other libraries end otherwise.
_WANTED = re.compile(r"[\w.-]+\.(?:json|safetensors)|vocab\.txt|merges\.txt")
_SECONDS = 30.0

Advance = Callable[[int], None]


class HubError(Exception):
    """One sentence for whoever runs the command."""


@dataclass(frozen=True, slots=True)
class File:
    """`sha256` as the hub states it, of large files; `blob`, of the others, git's own SHA-1 of the content."""

    name: str
    size: int
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What the hub has of a model at one commit, which never changes."""

    name: str
    commit: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Hub:
    def __init__(self, url: str) -> None:
        timeout = httpx.Timeout(_SECONDS)
        self._http = httpx.Client(base_url=url.rstrip("/") + "/", follow_redirects=True, timeout=timeout)

    def close(self) -> None:
        self._http.close()

    def listing(self, name: str, revision: str) -> Listing:
        """`revision`: a branch, which is resolved to its commit of today, or a commit. Raises HubError."""
        try:
            answer = self._http.get(f"api/models/{name}/revision/{revision}", params={"blobs": "true"})
            if answer.status_code in {401, 403, 404}:
                raise HubError(f"The hub has no model {name} at revision {revision}, or does not show it.")
            told: Any = answer.raise_for_status().json()
            files = tuple(sorted(_files(told["siblings"]), key=lambda file: file.name))
            commit = str(told["sha"])
        except httpx.HTTPError as error:
            raise HubError(f"The hub does not answer for {name}: {error}.") from error
        except (ValueError, LookupError, TypeError) as error:
            raise HubError(f"The hub's listing of {name} is not one that can be read.") from error
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise HubError(f"The hub names no commit for {name} at {revision}.")
        if not any(file.name.endswith(".safetensors") for file in files):
            raise HubError(
                f"{name} has no safetensors at {revision}, and pickles are not fetched; name another --revision."
            )
        return Listing(name, commit, files)

    def fetch(self, listing: Listing, file: File, folder: Path, advance: Advance) -> str:
        """The file under its own name once it is whole and what the hub says it is; what a broken try left is gone on
        with. Returns its SHA-256. Raises HubError and OSError.
        """
        target, draft = folder / file.name, folder / f"{file.name}{store.PARTIAL}"
        if target.is_file() and _is(target, file):
            advance(file.size)
            return store.sha256(target)
        try:
            self._append(listing, file, draft, advance)
        except httpx.HTTPError as error:
            raise HubError(f"{file.name} broke off: {error}; the same command goes on with it.") from error
        if not _is(draft, file):
            draft.unlink()
            raise HubError(f"{file.name} is not what the hub says it is; what was fetched has been deleted.")
        draft.replace(target)
        return store.sha256(target)

    def _append(self, listing: Listing, file: File, draft: Path, advance: Advance) -> None:
        begun = draft.stat().st_size if draft.is_file() else 0
        if begun > file.size:
            draft.unlink()
            begun = 0
        if begun == file.size and draft.is_file():
            advance(begun)
            return
        # Bytes as they are stored, written as they come: of a compressed answer no part could be gone on with.
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={begun}-"} if begun else {})}
        url = f"{listing.name}/resolve/{listing.commit}/{file.name}"
        with self._http.stream("GET", url, headers=headers) as answer:
            answer.raise_for_status()
            goes_on = answer.status_code == httpx.codes.PARTIAL_CONTENT
            advance(begun if goes_on else 0)
            with draft.open("ab" if goes_on else "wb") as out:
                for chunk in answer.iter_raw():
                    out.write(chunk)
                    advance(len(chunk))


def _files(siblings: Any) -> Iterator[File]:
    for told in siblings:
        name, large = str(told["rfilename"]), told.get("lfs") or {}
        # No folders: what a checkpoint needs lies at the top.
        if _WANTED.fullmatch(name):
            yield File(name, int(told["size"]), str(large.get("sha256", "")), str(told.get("blobId", "")))


def _is(path: Path, file: File) -> bool:
    if path.stat().st_size != file.size:
        return False
    if file.sha256:
        return store.sha256(path) == file.sha256
    # Small files only, else the hub states a SHA-256.
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == file.blob
