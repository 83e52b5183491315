from collections.abc import Callable, Iterator

import pytest
from django.db import connections

from forge.accounts import account_ensure
from forge.models import Account, Job, Session
from forge.relay import publisher
from tests.forge import job_factory


@pytest.fixture
def alice() -> Account:
    return account_ensure(name="alice", credits=100)


@pytest.fixture
def job(alice: Account, make_session: Callable[..., Session]) -> Job:
    return job_factory.submit(alice, make_session(alice, 3))


@pytest.fixture(autouse=True)
def no_publish_pause(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(publisher, "_retry_at", 0.0)
    yield
    # Reads of the log that the test started would keep the test database in use.
    connections.close_all()
