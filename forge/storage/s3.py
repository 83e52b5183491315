"""Uploads in a bucket of an S3-compatible store; docs/decisions/0024 has the reasons for one client of boto3's."""

import base64
import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible

from forge.single_flight import single_flight
from forge.storage.base import PAGE, StoredFile
from forge.storage.errors import StorageUnavailable
from forge.storage.s3_errors import translated

_READ_S = 60.0  # of one object
_CHUNK = 2**18
# A request waits for half a minute at most where nothing answers.
_CONFIG: dict[str, Any] = {
    "connect_timeout": 3.0,
    "read_timeout": 10.0,
    "retries": {"mode": "standard", "total_max_attempts": 2},
    "max_pool_connections": 64,
    "signature_version": "s3v4",
    # boto3's newer default, checksums in trailers, is refused by stores that are not Amazon's.
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}


@deconstructible
class S3Storage(Storage):
    is_remote = True

    def __init__(
        self, *, bucket: str, prefix: str = "", endpoint: str | None = None, region: str | None = None
    ) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint = endpoint
        self._region = region
        self._client = single_flight(self._make_client)

    @property
    def address(self) -> str:
        return f"the bucket {self._bucket} at {self._endpoint or 'Amazon S3'}"

    def write(self, name: str, content: "File[bytes]") -> None:
        content.seek(0)
        # Not Django's File: one without a name is false, and boto3 would send nothing.
        self._call("put_object", Key=self._key(name), Body=content.file)

    def read(self, name: str) -> bytes:
        return b"".join(self._chunks(name))

    def delete_many(self, names: Sequence[str]) -> list[str]:
        """Delete in requests of PAGE objects. A store that is away is called once, not once for each."""
        failed = []
        for start in range(0, len(names), PAGE):
            keys = [{"Key": self._key(name)} for name in names[start : start + PAGE]]
            answer = self._call("delete_objects", Delete={"Objects": keys, "Quiet": True})
            failed += [error["Key"].removeprefix(self._prefix) for error in answer.get("Errors", [])]
        return failed

    def folders(self, folder: str) -> Iterator[list[str]]:
        for page in self._list(f"{folder}/", Delimiter="/"):
            yield [found["Prefix"].rstrip("/").rpartition("/")[2] for found in page.get("CommonPrefixes", [])]

    def files(self, folder: str) -> Iterator[list[StoredFile]]:
        for page in self._list(f"{folder}/", Delimiter="/"):
            yield [
                StoredFile(found["Key"].removeprefix(self._prefix), found["LastModified"])
                for found in page.get("Contents", [])
            ]

    # Django's storage API.

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        file = tempfile.SpooledTemporaryFile(_CHUNK)  # noqa: SIM115 (the caller closes it)
        try:
            for chunk in self._chunks(name):
                file.write(chunk)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return File(file, name)

    def _save(self, name: str, content: "File[bytes]") -> str:
        self.write(name, content)
        return name

    def delete(self, name: str) -> None:
        self._call("delete_object", Key=self._key(name))

    def exists(self, name: str) -> bool:
        try:
            self._call("head_object", Key=self._key(name))
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return int(self._call("head_object", Key=self._key(name))["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        modified: datetime = self._call("head_object", Key=self._key(name))["LastModified"]
        return modified

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _chunks(self, name: str) -> Iterator[bytes]:
        deadline = time.monotonic() + _READ_S
        body = self._call("get_object", Key=self._key(name))["Body"]
        with translated(self.address, "GetObject"), body:
            for chunk in body.iter_chunks(_CHUNK):
                if time.monotonic() > deadline:
                    raise StorageUnavailable(f"{self.address} takes longer than {_READ_S:g} s for one object")
                yield chunk

    def _list(self, prefix: str, **options: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, Any] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=self._key(prefix), MaxKeys=PAGE, **options, **token)
            yield page
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        with translated(self.address, operation):
            answer: dict[str, Any] = getattr(self._client(), operation)(Bucket=self._bucket, **parameters)
        return answer

    def _make_client(self) -> Any:
        # One for the process: it is thread-safe, and a session for each thread takes 220 ms and 11 MB each.
        style = "path" if self._endpoint else "auto"  # a store of one's own has no host name for each bucket
        config = Config(**_CONFIG, s3={"addressing_style": style})
        session = boto3.session.Session()
        client = session.client("s3", endpoint_url=self._endpoint, region_name=self._region, config=config)
        client.meta.events.register("before-sign.s3.DeleteObjects", _add_content_md5)
        return client


def _add_content_md5(request: Any, **_: Any) -> None:
    """Add the header that boto3 no longer sends with DeleteObjects and that older stores require."""
    digest = hashlib.md5(request.data, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = base64.b64encode(digest).decode()
