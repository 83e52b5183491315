"""Reads of the event log: pages, the job's end, and the number of queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from forge.models import Account, Job, Session
from forge.relay import log
from tests.forge import job_factory

pytestmark = pytest.mark.django_db
MakeSession = Callable[..., Session]


@pytest.fixture
def job(alice: Account, make_session: MakeSession) -> Job:
    job = job_factory.submit(alice, make_session(alice, 2))
    job_factory.run(job)
    return job


def test_a_read_returns_the_events_after_a_number(alice: Account, job: Job) -> None:
    events, more, finished = log.read_log(account_id=alice.pk, job_id=job.pk, after=3)

    assert [(event.id, event.type) for event in events] == [(4, "result"), (5, "complete")]
    assert (more, finished) == (False, True)


def test_a_page_names_that_more_follow(alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE_SIZE", 2)
    pages: list[tuple[list[int], bool]] = []
    while not pages or pages[-1][1]:
        events, more, _ = log.read_log(account_id=alice.pk, job_id=job.pk, after=2 * len(pages))
        pages.append(([event.id for event in events], more))

    assert pages == [([1, 2], True), ([3, 4], True), ([5], False)]


@pytest.mark.parametrize("missing", ["deleted", "another account's"])
def test_a_job_that_is_not_there_has_ended_without_events(alice: Account, bob: Account, job: Job, missing: str) -> None:
    reader = bob if missing == "another account's" else alice
    if missing == "deleted":
        Job.objects.all().delete()

    assert log.read_log(account_id=reader.pk, job_id=job.pk, after=0) == ([], False, True)


def test_a_stream_that_has_missed_nothing_takes_one_query(alice: Account, make_session: Any) -> None:
    waiting = job_factory.submit(alice, make_session(alice, 1))
    with CaptureQueriesContext(connection) as queries:
        assert log.read_log(account_id=alice.pk, job_id=waiting.pk, after=0) == ([], False, False)

    assert len(queries) == 1


def test_jobs_with_later_events_and_deleted_jobs_are_ahead(job: Job) -> None:
    assert log.jobs_ahead({job.pk: 4, "job_deleted": 0}) == {job.pk, "job_deleted"}
    assert log.jobs_ahead({job.pk: 5}) == set()
    assert log.jobs_ahead({job.pk: 1000}) == set()
    assert log.jobs_ahead({}) == set()


def test_the_comparison_of_many_jobs_takes_one_query(job: Job) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert log.jobs_ahead({f"job_{number}": number for number in range(2000)} | {job.pk: 0}) >= {job.pk}

    assert len(queries) == 1
