import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from config.storage_address import parse_storage_url
from forge.storage import objects
from tests.s3 import CREDENTIALS, S3Server, running_s3_server


def use_storage(settings: Any, url: str) -> None:
    """Switch Django's default storage to the one at this address."""
    backend = {"BACKEND": "forge.storage.s3.S3Storage", "OPTIONS": parse_storage_url(url)}
    settings.STORAGES = {**settings.STORAGES, "default": backend}


@dataclass(frozen=True)
class Bucket:
    server: S3Server
    name: str

    @property
    def keys(self) -> list[str]:
        return self.server.keys(self.name)

    def put(self, key: str, data: bytes = b"data") -> None:
        self.server.client().put_object(Bucket=self.name, Key=key, Body=data)

    def remove(self, key: str) -> None:
        self.server.client().delete_object(Bucket=self.name, Key=key)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with running_s3_server() as server:
        yield server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Any, settings: Any) -> Iterator[None]:
    settings.FORGE_DATA = tmp_path / "data"
    objects.local_cache.cache_clear()
    yield
    objects.local_cache.cache_clear()


@pytest.fixture
def bucket(s3_server: S3Server, settings: Any) -> Bucket:
    name = f"bucket-{secrets.token_hex(6)}"
    use_storage(settings, s3_server.make_bucket(name))
    return Bucket(s3_server, name)
