"""An image without a caption fails with `no_caption` and is refunded; it never gets an empty alt."""

from collections.abc import Callable, Iterator

import pytest

from forge.credits import ledger
from forge.models import Account, ImageAnalysis, Session
from tests.forge import job_factory
from workers import lifecycle, models, tasks
from workers.runtime.engine import Engine


@pytest.fixture
def captionless_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine that returns no caption for the first image of a session."""
    engine = Engine(*models.create("scripted", silent_color="#006040"), batch_size=2)
    engine.load()
    monkeypatch.setattr(lifecycle, "_engine", engine)
    yield engine
    engine.close(10)


def test_an_image_without_a_caption_fails_with_no_caption_and_is_refunded(
    alice: Account, make_session: Callable[..., Session], captionless_engine: Engine
) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    assert ledger.balance(alice.pk) == 99

    tasks.analyze_image()

    (failed,) = job_factory.analyses(job)
    assert (failed.status, failed.code, failed.metadata) == (ImageAnalysis.Status.FAILED, "no_caption", None)
    assert [kind for _, kind in job_factory.events(job)] == ["progress", "error", "complete"]
    assert ledger.balance(alice.pk) == 100
