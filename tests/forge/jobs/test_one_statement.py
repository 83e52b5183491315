"""On PostgreSQL the usual claim and result are one statement each, with the rows and events of several."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from forge.errors import AnalysisFailed
from forge.jobs import leases, one_statement, services
from forge.jobs.claims import Claim
from forge.models import Account, Image, ImageAnalysis, ImageWords, Job, JobEvent, Session
from forge.sessions import corrections
from tests.forge import job_factory

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no statement that changes several tables"),
    pytest.mark.django_db(transaction=True),
]
MakeSession = Callable[..., Session]
CHANGING = {
    "id", "pk", "job", "image", "session", "storage_key", "created_at", "sent_at", "started_at", "finished_at",
    "lease_until", "data", "turn", "request_id",
}  # fmt: skip


def claim(*, suspect: bool | None = None) -> Claim:
    claimed = services.analysis_claim_next(holder="worker-1", suspect=suspect)
    assert claimed is not None
    return claimed


def recorded(job: Job) -> list[Any]:
    """Return all that a job has written, with its own ids replaced and without times."""
    images = {image.pk: f"image {image.position}" for image in Image.objects.filter(session=job.session_id)}
    job.refresh_from_db()

    def plain(text: str) -> str:
        for pk, name in images.items():
            text = text.replace(pk, name)
        return text.replace(job.pk, "job")

    rows: list[Any] = [
        [{name: value for name, value in row.items() if name.removesuffix("_id") not in CHANGING} for row in found]
        for found in (
            Job.objects.filter(pk=job.pk).values(),
            job.analyses.order_by("position").values(),
            Image.objects.filter(session=job.session_id).order_by("position").values(),
            ImageWords.objects.filter(session=job.session_id).order_by("image__position").values(),
        )
    ]
    times = job.analyses.values_list("started_at", "finished_at", "lease_until")
    events = JobEvent.objects.filter(job=job).order_by("seq")
    return [
        *rows,
        [[time is not None for time in row] for row in times],
        job.finished_at is not None,
        [(event.seq, event.type, plain(event.data)) for event in events],
    ]


def all_succeed(job: Job) -> None:
    for number in range(job.total):
        assert job_factory.succeed(claim(), f"red-kettle-{number}", "red")


def one_fails(job: Job) -> None:
    services.analysis_fail(claim=claim(), error=AnalysisFailed())
    for _ in range(job.total - 1):
        assert job_factory.succeed(claim())


def rest_is_cancelled(job: Job) -> None:
    claimed = claim()
    services.job_cancel(job=job)
    assert job_factory.succeed(claimed)


def one_is_tried_again(job: Job) -> None:
    claim()
    leases.analyses_release(holder="worker-1")
    for _ in range(job.total):
        assert job_factory.succeed(claim())


@pytest.mark.parametrize("run", [all_succeed, one_fails, rest_is_cancelled, one_is_tried_again])
def test_one_statement_writes_what_several_write(
    alice: Account, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, run: Callable[[Job], None]
) -> None:
    jobs = [job_factory.submit(alice, make_session(alice, 3))]
    run(jobs[0])
    with monkeypatch.context() as patch:
        patch.setattr(one_statement, "is_available", lambda: False)
        jobs.append(job_factory.submit(alice, make_session(alice, 3)))
        run(jobs[1])

    one, several = (recorded(job) for job in jobs)
    assert one == several
    assert one[-1][-1][1] == "complete"


def test_a_claim_and_a_result_take_one_round_trip_each(
    alice: Account, make_session: MakeSession, tmp_path: Path
) -> None:
    for _ in range(2):
        job_factory.submit(alice, make_session(alice, 1))
    # Prepares the statements on this connection: a submission may have returned another one to the pool.
    job_factory.succeed(claim())
    trace = tmp_path / "messages"
    with trace.open("wb") as file:
        connection.connection.pgconn.trace(file.fileno())
        claimed = claim()
        in_claim = round_trips(trace)
        job_factory.succeed(claimed)
        in_both = round_trips(trace)
        connection.connection.pgconn.untrace()

    assert (in_claim, in_both) == (1, 2)


def round_trips(trace: Path) -> int:
    """Return how often the client ended a request. A message of libpq's trace may hold SQL of several lines."""
    return len(re.findall(r"^[^\t\n]+\tF\t\d+\t(?:Query|Sync)\b", trace.read_text(), re.MULTILINE))


def test_a_result_reads_each_row_by_its_key(
    alice: Account, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its plan is kept, and may be made while the tables are short."""
    job_factory.submit(alice, make_session(alice, 3))
    claimed = claim()
    plans: list[str] = []
    execute = one_statement._execute

    def explain(sql: str, parameters: dict[str, Any]) -> one_statement.Row | None:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql, parameters)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, parameters)

    monkeypatch.setattr(one_statement, "_execute", explain)
    assert job_factory.succeed(claimed)

    assert "Seq Scan" not in plans[0], plans[0]
    assert "analysis_leases" not in plans[0], plans[0]


def test_a_claim_that_is_no_longer_held_saves_nothing(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    lost = claim()
    ImageAnalysis.objects.filter(pk=lost.analysis_id).update(holder="worker-2")
    before = recorded(job)

    assert not job_factory.succeed(lost)

    assert recorded(job) == before


def test_a_person_s_words_are_kept(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    for _ in range(2):
        job_factory.submit(alice, session)
        job_factory.succeed(claim())
        image = session.images.get()
        corrections.image_correct(image=image, version=image.version, fields={"title": "Mine"})

    assert (session.images.get().metadata or {})["title"] == "Mine"


def test_a_name_that_is_taken_gets_a_number(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))
    for _ in range(3):
        assert job_factory.succeed(claim(), "red-kettle")

    names = Image.objects.filter(session=job.session_id).order_by("position").values_list("filename", flat=True)
    assert list(names) == ["red-kettle", "red-kettle-2", "red-kettle-3"]


def test_concurrent_images_with_one_name_are_all_saved(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 16))
    claims = [claim() for _ in range(16)]

    def save(claimed: Claim) -> bool:
        try:
            return job_factory.succeed(claimed, "red-kettle", "kettle")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(save, claims))

    names = Image.objects.filter(session=job.session_id).values_list("filename", flat=True)
    assert len(set(names)) == 16
    assert [seq for seq, _ in job_factory.events(job)] == list(range(1, 34))
