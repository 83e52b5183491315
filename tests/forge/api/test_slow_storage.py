"""An idempotency key stays in flight while its upload is stored, however long that takes."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.base import File
from django.db import connection

from forge.models import IdempotencyKey, Session
from forge.storage.local import LocalStorage
from tests.forge.api.keyed_requests import refused_as, upload
from tests.forge.conftest import ApiClient
from tests.images import jpeg

LEASE_S = 0.6
released = threading.Event()
writing = threading.Event()


class WaitingStorage(LocalStorage):
    """A storage whose writes wait until `released` is set, as a slow network does."""

    def write(self, name: str, content: "File[bytes]") -> None:
        writing.set()
        assert released.wait(60)
        super().write(name, content)


@pytest.fixture
def slow_storage(settings: Any) -> Iterator[None]:
    backend = f"{__name__}.{WaitingStorage.__qualname__}"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend}}
    settings.FORGE_IDEMPOTENCY_LEASE_S = LEASE_S
    released.clear()
    writing.clear()
    yield
    released.set()


def send(api: ApiClient) -> Any:
    try:
        return upload(api, ("photo.jpg", jpeg("#806040")))
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_second_request_waits_for_an_upload_that_is_stored_slowly(api: ApiClient, slow_storage: None) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, api)
        assert writing.wait(60)
        time.sleep(2 * LEASE_S)

        second = send(api)
        released.set()

    assert refused_as(second) == (409, "idempotency_in_progress")
    assert first.result().status_code == 201
    assert send(api).json() == first.result().json()
    assert Session.objects.count() == 1
    assert IdempotencyKey.objects.get().lease_until is None
