import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from forge import redis_client
from forge.accounts import account_ensure, key_issue
from forge.models import Account, Session
from forge.operations import readiness
from forge.sessions import services, validation
from tests.images import jpeg

V1 = "/image-forge-api/v1"


class ApiClient(Client):
    """A Django test client that sends an API key and JSON."""

    def __init__(self, key: str | None) -> None:
        super().__init__(headers={"X-API-Key": key} if key else {}, raise_request_exception=False)

    def call(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        return self.generic(method, V1 + path, data=_json(body), content_type="application/json", **extra)

    def upload(self, *files: tuple[str, bytes], path: str = "/sessions/upload") -> Any:
        named = [SimpleUploadedFile(name, data, "application/octet-stream") for name, data in files]
        return self.post(V1 + path, {"images[]": named})


def _json(body: Any) -> bytes:
    return b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def empty_redis() -> Iterator[None]:
    redis_client._shared_client().flushdb()
    readiness._cache.clear()
    yield
    redis_client._shared_client().flushdb()


@pytest.fixture
def alice(db: None) -> Account:
    return account_ensure(name="alice", credits=100)


@pytest.fixture
def bob(db: None) -> Account:
    return account_ensure(name="bob", credits=100)


@pytest.fixture
def key(alice: Account) -> str:
    return key_issue(account=alice)[1]


@pytest.fixture
def api(key: str) -> ApiClient:
    return ApiClient(key)


@pytest.fixture
def bobs_api(bob: Account) -> ApiClient:
    return ApiClient(key_issue(account=bob)[1])


@pytest.fixture
def make_session() -> Callable[..., Session]:
    def make(account: Account, images: int = 3) -> Session:
        files = [SimpleUploadedFile(f"photo{n}.jpg", jpeg(f"#{n * 20 % 256:02x}6040")) for n in range(images)]
        return services.session_create(account=account, images=validation.images_check(files, account=account))[0]

    return make
