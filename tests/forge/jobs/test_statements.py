"""SQL statements of an image, statement by statement: each is a round trip to the server while rows are locked."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from forge.jobs import leases, one_statement, services
from forge.models import Account, Job, Session
from tests.forge import job_factory

MakeSession = Callable[..., Session]
CLAIM = ["SELECT analysis", "UPDATE job", "UPDATE analysis", "INSERT event"]
RESULT = [
    "SELECT image", "SELECT names", "UPDATE analysis", "UPDATE image", "INSERT words", "UPDATE job", "INSERT event",
]  # fmt: skip


@pytest.fixture(autouse=True)
def statement_by_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL the usual image takes one statement each: tests/forge/jobs/test_one_statement.py."""
    monkeypatch.setattr(one_statement, "is_available", lambda: False)


def test_statements_of_a_claim_and_of_a_result(alice: Account, make_session: MakeSession) -> None:
    job_factory.submit(alice, make_session(alice, 2))
    with CaptureQueriesContext(connection) as claim:
        claimed = services.analysis_claim_next(holder="worker-1")
    assert claimed is not None
    with CaptureQueriesContext(connection) as result:
        assert job_factory.succeed(claimed)

    assert len(statements(claim)) == len(CLAIM), statements(claim)
    assert len(statements(result)) == len(RESULT), statements(result)


def test_the_end_of_a_job_takes_two_statements_more(alice: Account, make_session: MakeSession) -> None:
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    claimed = job_factory.claim(analysis)

    with CaptureQueriesContext(connection) as result:
        job_factory.succeed(claimed)

    assert len(statements(result)) == len(RESULT) + 2, statements(result)


def test_a_second_attempt_records_no_second_start(alice: Account, make_session: MakeSession) -> None:
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    job_factory.claim(analysis)
    analysis.refresh_from_db()
    first = (analysis.current, analysis.started_at)
    leases.analyses_release(holder="worker-1")

    with CaptureQueriesContext(connection) as claim:
        services.analysis_claim_next(holder="worker-2", suspect=False)

    analysis.refresh_from_db()
    assert (analysis.current, analysis.started_at) == first
    assert Job.objects.get().started == 1
    assert len(statements(claim)) == 2, statements(claim)


def statements(queries: CaptureQueriesContext) -> list[str]:
    """Return the captured SQL without the savepoints that stand for transactions inside the test's own."""
    return [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
