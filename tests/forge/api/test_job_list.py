"""`GET /v1/jobs`: newest first, filtered by status and session."""

from collections.abc import Callable

from forge.models import Account, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient


def test_jobs_are_listed_newest_first_and_filtered(
    api: ApiClient, bobs_api: ApiClient, alice: Account, bob: Account, make_session: Callable[..., Session]
) -> None:
    first, second = make_session(alice, 2), make_session(alice, 1)
    done, open_job = job_factory.submit(alice, first), job_factory.submit(alice, second)
    job_factory.run(done, failing=frozenset({1}))
    bobs = job_factory.submit(bob, make_session(bob, 1))

    def listed(query: str) -> list[str]:
        answer = api.call("GET", f"/jobs{query}")
        assert answer.status_code == 200, answer.content
        return [job["jobId"] for job in answer.json()["data"]]

    assert listed("") == [open_job.pk, done.pk]
    assert listed("?status=partial") == [done.pk]
    assert listed("?status=queued,running") == [open_job.pk]
    assert listed(f"?sessionId={first.pk}&status=partial") == [done.pk]
    assert listed(f"?sessionId={second.pk}&status=partial") == []
    assert [job["jobId"] for job in bobs_api.call("GET", "/jobs").json()["data"]] == [bobs.pk]
    assert bobs_api.call("GET", f"/jobs?sessionId={first.pk}").json()["code"] == "not_found"
    assert api.call("GET", "/jobs?status=done").json()["code"] == "invalid_request"
    summary = api.call("GET", "/jobs?limit=1").json()
    assert summary["nextCursor"]
    assert set(summary["data"][0]) == {
        "jobId", "sessionId", "action", "status", "total", "processed", "createdAt", "finishedAt",
    }  # fmt: skip
