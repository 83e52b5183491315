"""An image of which the models say nothing fails; it never gets an empty alt, and it costs nothing."""

from collections.abc import Callable, Iterator

import pytest

from forge.credits import ledger
from forge.models import Account, ImageAnalysis, Session
from tests.forge import job_factory
from workers import lifecycle, models, tasks
from workers.runtime.engine import Engine


@pytest.fixture
def silent_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Of the first picture of a session it says nothing."""
    engine = Engine(*models.create("scripted", silent_color="#006040"), batch_size=2)
    engine.load()
    monkeypatch.setattr(lifecycle, "_engine", engine)
    yield engine
    engine.close(10)


def test_an_image_without_a_caption_fails_with_its_code_and_gives_the_credit_back(
    alice: Account, make_session: Callable[..., Session], silent_engine: Engine
) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    assert ledger.balance(alice.pk) == 99

    tasks.analyze_image()

    (failed,) = job_factory.analyses(job)
    assert (failed.status, failed.code, failed.metadata) == (ImageAnalysis.Status.FAILED, "no_caption", None)
    assert [kind for _, kind in job_factory.events(job)] == ["progress", "error", "complete"]
    assert ledger.balance(alice.pk) == 100
