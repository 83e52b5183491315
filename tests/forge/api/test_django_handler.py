"""Threads of Django's request cycle."""

import asyncio
import threading
from typing import Any

import pytest
from django.core.signals import request_finished, request_started

from forge.api import authentication
from forge.api.asgi import django_handler
from forge.models import Account
from tests.forge.api.asgi_client import Call

pytestmark = pytest.mark.django_db(transaction=True)


async def get(key: str, path: str = "/jobs") -> int:
    call = Call("GET", path, key)
    await call.start()
    await call.finish()
    return call.status


def test_signals_middleware_and_views_of_all_requests_share_a_thread(
    alice: Account, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    found = authentication.key_find

    def note(*_: Any, **__: Any) -> None:
        threads.append(threading.get_ident())

    def find(text: str) -> Any:
        note()
        return found(text)

    monkeypatch.setattr(authentication, "key_find", find)
    request_started.connect(note)
    request_finished.connect(note)
    try:
        statuses = [asyncio.run(get(key)) for _ in range(3)]
    finally:
        request_started.disconnect(note)
        request_finished.disconnect(note)

    assert statuses == [200] * 3
    assert len(threads) == 9
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_threads_of_a_burst_end(alice: Account, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django_handler, "_IDLE_THREADS", 2)

    async def burst() -> int:
        statuses = await asyncio.gather(*(get(key) for _ in range(12)))
        assert statuses == [200] * 12
        while threading.active_count() > before + 3:  # the third: of the log or of the event loop
            await asyncio.sleep(0.05)
        return threading.active_count()

    before = threading.active_count()
    assert asyncio.run(asyncio.wait_for(burst(), 30)) <= before + 3
