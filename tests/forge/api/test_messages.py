"""Sentences of errors name the thing, and what to do."""

import asyncio
import errno
import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from redis import ResponseError

from forge import redis_client
from forge.api.errors import forge_error
from forge.errors import StorageFull, UnsupportedImage
from forge.jobs import services
from forge.models import Account, Session
from tests.forge import job_factory
from tests.forge.api.asgi_client import Call, single
from tests.forge.conftest import V1, ApiClient
from tests.images import jpeg

MakeSession = Callable[..., Session]


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/sessions/sess_x", "session sess_x"),
        ("DELETE", "/sessions/sess_x", "session sess_x"),
        ("GET", "/sessions/sess_x/images/img_x", "session sess_x"),
        ("GET", "/jobs/job_x", "job job_x"),
        ("POST", "/jobs/job_x/cancel", "job job_x"),
        ("GET", "/nothing%0aERROR%1b", "/image-forge-api/v1/nothing\\nERROR\\x1b"),
    ],
)
def test_404_names_what_is_not_there(api: ApiClient, method: str, path: str, name: str) -> None:
    response = api.call(method, path)

    assert response.status_code == 404
    assert name in response.json()["error"]


def test_404_names_the_image_of_a_body(api: ApiClient, alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    body = {"images": [{"id": "img_\u001b[31m", "uploadPath": "/x"}]}

    response = api.call("POST", f"/sessions/{session.pk}/analyze", body)

    assert response.status_code == 404
    assert f"Session {session.pk} has no image img_\\x1b[31m." in response.json()["error"]


def test_409_gives_the_job_that_analyses_the_image(api: ApiClient, alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    job = job_factory.submit(alice, session)

    conflicts = [
        api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session)),
        api.call("POST", f"/sessions/{session.pk}/analyze-single", json.loads(single(session))),
        api.call("DELETE", f"/sessions/{session.pk}"),
    ]

    for response in conflicts:
        assert (response.status_code, response.json()["jobId"]) == (409, job.pk)
        assert job.pk in response.json()["error"]


def test_409_names_the_expired_session(
    api: ApiClient, alice: Account, make_session: MakeSession, settings: Any
) -> None:
    session = make_session(alice, 1)
    Session.objects.update(expires_at=session.created_at)

    response = api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session))

    assert (response.status_code, response.json()["code"]) == (409, "session_expired")
    assert session.pk in response.json()["error"]


def test_402_says_who_grants_credits(api: ApiClient) -> None:
    response = api.call("POST", "/credits/check", {"action": "analyze", "imageCount": 101})

    assert response.status_code == 402
    assert "The operator of this service grants credits." in response.json()["error"]
    assert (response.json()["balance"], response.json()["required"]) == (100, 101)


def test_415_names_the_types(api: ApiClient) -> None:
    response = api.upload(("a.svg", b"<svg/>"))

    assert response.status_code == 415
    for shown in (response.json()["error"], response.json()["files"][0]["error"], UnsupportedImage.message):
        assert "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC" in shown


def test_a_wrong_content_type_is_named_with_the_right_one(api: ApiClient) -> None:
    response = api.generic("POST", f"{V1}/credits/check", b"<x/>", "text/xml")

    assert response.status_code == 400
    assert "application/json, not «text/xml»" in response.json()["error"]


def test_a_wrong_host_names_the_setting_in_local_mode_only(db: None, settings: Any) -> None:
    local = Client().get("/healthz", headers={"Host": "forge.test"}).json()
    settings.FORGE_ENV = "production"
    production = Client().get("/healthz", headers={"Host": "forge.test"}).json()

    assert "ALLOWED_HOSTS" in local["error"]
    assert "ALLOWED_HOSTS" not in production["error"]


@pytest.mark.django_db(transaction=True)
def test_504_gives_the_job_and_when_to_try_again(
    alice: Account, api: ApiClient, make_session: MakeSession, settings: Any
) -> None:
    settings.FORGE_SINGLE_WAIT_S = 0.0
    session = make_session(alice, 1)
    call = Call("POST", f"/sessions/{session.pk}/analyze-single", api.defaults["HTTP_X_API_KEY"], single(session))

    async def run() -> None:
        await call.start()
        await call.finish()

    asyncio.run(run())

    answer = json.loads(call.text)
    assert (call.status, answer["code"], answer["jobId"]) == (504, "still_running", call.headers["x-job-id"])
    assert answer["jobId"] in answer["error"]
    assert int(call.headers["retry-after"]) > 0


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OperationalError("database or disk is full"),
    OperationalError('could not extend file "base/1": No space left on device'),
    ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
]


@pytest.mark.parametrize("error", FULL, ids=str)
def test_a_full_disk_is_called_that_wherever_it_is_noticed(error: Exception) -> None:
    def failing(_: Any) -> None:
        raise error

    assert isinstance(forge_error(error), StorageFull)
    if isinstance(error, (OSError, ResponseError)):
        with pytest.raises(StorageFull):
            redis_client.redis_call(failing)


@pytest.fixture
def full_database(transactional_db: None) -> Iterator[None]:
    """SQLite that cannot grow: the same error as on a full disk."""
    if connection.vendor != "sqlite":
        pytest.skip("needs SQLite")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        (pages,) = cursor.execute("PRAGMA page_count").fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 4294967294")


def test_a_full_database_is_a_full_disk_to_callers(
    api: ApiClient, alice: Account, full_database: None, settings: Any
) -> None:
    responses = [api.upload((f"{n}.jpg", jpeg())) for n in range(100)]

    refused = next(response for response in responses if response.status_code != 201)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert "The storage is full." in refused.json()["error"]
    assert refused["Retry-After"]


def test_a_full_database_is_a_full_disk_to_commands(full_database: None) -> None:
    def make_keys() -> None:
        for number in range(300):
            call_command("make_key", account=f"account-{number}", credits=1, stdout=StringIO())

    with pytest.raises(CommandError, match="The disk that holds the database is full"):
        make_keys()


def test_a_cancelled_job_is_named(api: ApiClient, alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    response = api.call("POST", f"/jobs/{job.pk}/cancel")

    assert (response.status_code, response["X-Job-Id"]) == (200, job.pk)
    assert response["Location"].endswith(f"/v1/jobs/{job.pk}")
    assert services.job_cancel(job=job) == 0
