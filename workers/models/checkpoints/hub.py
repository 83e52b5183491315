"""Resumable downloads from a model hub, verified against its listing."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from workers.models.checkpoints import store

# Weights for other libraries have other suffixes; some repositories hold a second copy in another layout.
_ACCEPTED = re.compile(
    r"[\w.-]+\.(?:json|jinja)|model(?:-\d+-of-\d+)?\.safetensors|vocab\.txt|merges\.txt|tokenizer\.model"
)
_TIMEOUT_S = 30.0

OnProgress = Callable[[int], None]


class HubError(Exception):
    """The message is one sentence for the terminal."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """The hub states `sha256` of large files, git's SHA-1 (`blob`) of others."""

    name: str
    size: int
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True, slots=True)
class ModelListing:
    """The files of a model at one immutable commit."""

    name: str
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Hub:
    def __init__(self, url: str, token: str = "") -> None:
        """The token is sent to the hub alone: httpx leaves it out where a file is redirected to another origin."""
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            follow_redirects=True,
            timeout=httpx.Timeout(_TIMEOUT_S),
        )

    def close(self) -> None:
        self._http.close()

    def listing(self, name: str, revision: str) -> ModelListing:
        """Resolve `revision`, a branch or commit, to a commit. Raises HubError."""
        try:
            response = self._http.get(f"api/models/{name}/revision/{revision}", params={"blobs": "true"})
            if response.status_code in {401, 403, 404}:
                raise HubError(
                    f"The hub has no model {name} at revision {revision}, or shows it to another FORGE_HUB_TOKEN only."
                )
            body: Any = response.raise_for_status().json()
            files = tuple(sorted(_accepted_files(body["siblings"]), key=lambda file: file.name))
            commit = str(body["sha"])
        except httpx.HTTPError as error:
            raise HubError(f"The request for {name} to the hub failed: {error}.") from error
        except (ValueError, LookupError, TypeError) as error:
            raise HubError(f"The hub's listing of {name} cannot be read.") from error
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise HubError(f"The hub names no commit for {name} at {revision}.")
        if not any(file.name.endswith(".safetensors") for file in files):
            raise HubError(
                f"{name} has no safetensors at {revision}, and pickles are not fetched; name another --revision."
            )
        return ModelListing(name, commit, files)

    def download(self, listing: ModelListing, file: RemoteFile, folder: Path, on_progress: OnProgress) -> str:
        """Download the file, or the rest of it, and rename it once verified. Return its SHA-256.

        Raises HubError and OSError.
        """
        target, partial = folder / file.name, folder / f"{file.name}{store.PARTIAL_SUFFIX}"
        if target.is_file() and _matches(target, file):
            on_progress(file.size)
            return store.sha256(target)
        try:
            self._resume(listing, file, partial, on_progress)
        except httpx.HTTPError as error:
            raise HubError(f"{file.name} broke off: {error}; the same command resumes it.") from error
        if not _matches(partial, file):
            partial.unlink()
            raise HubError(f"{file.name} does not match the hub's listing; the download has been deleted.")
        partial.replace(target)
        return store.sha256(target)

    def _resume(self, listing: ModelListing, file: RemoteFile, partial: Path, on_progress: OnProgress) -> None:
        offset = partial.stat().st_size if partial.is_file() else 0
        if offset > file.size:
            partial.unlink()
            offset = 0
        if offset == file.size and partial.is_file():
            on_progress(offset)
            return
        # A compressed response could not be resumed.
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={offset}-"} if offset else {})}
        url = f"{listing.name}/resolve/{listing.commit}/{file.name}"
        with self._http.stream("GET", url, headers=headers) as response:
            response.raise_for_status()
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            on_progress(offset if resumed else 0)
            with partial.open("ab" if resumed else "wb") as out:
                for chunk in response.iter_raw():
                    out.write(chunk)
                    on_progress(len(chunk))


def _accepted_files(siblings: Any) -> Iterator[RemoteFile]:
    for entry in siblings:
        name, large = str(entry["rfilename"]), entry.get("lfs") or {}
        # Top level only.
        if _ACCEPTED.fullmatch(name):
            yield RemoteFile(name, int(entry["size"]), str(large.get("sha256", "")), str(entry.get("blobId", "")))


def _matches(path: Path, file: RemoteFile) -> bool:
    if path.stat().st_size != file.size:
        return False
    if file.sha256:
        return store.sha256(path) == file.sha256
    # Small files only, else the hub states a SHA-256.
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == file.blob
