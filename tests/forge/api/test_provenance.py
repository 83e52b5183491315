"""How a result came about is told to its owner, in the API and in the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from forge.jobs import services
from forge.models import Account, Job, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]
PROVENANCE: dict[str, Any] = {
    "models": {
        "captioner": {"name": "looker", "revision": "abc123", "options": {"beams": 3}},
        "tagger": {"name": "<b>namer</b>", "revision": "9", "options": {}},
    },
    "captions": [
        {"text": "a red kettle", "confidence": 0.91, "similarity": 0.31},
        {"text": "a pot", "confidence": 0.25},
    ],
    "tags": [{"text": "kettle", "confidence": 0.8}],
    "milliseconds": {"decode": 3.1, "wait": 0.4, "caption": 55.0, "tag": 7.5, "compose": 0.2},
}


@pytest.fixture
def job(alice: Account, make_session: MakeSession) -> Job:
    """One image that succeeded and one that waits."""
    job = job_factory.submit(alice, make_session(alice, 2))
    claimed = job_factory.claim(job_factory.analyses(job)[0])
    services.analysis_succeed(claim=claimed, metadata=job_factory.METADATA, filenames=["a-name"], provenance=PROVENANCE)
    return job


def test_the_owner_reads_it_with_include(api: ApiClient, job: Job) -> None:
    good, waiting = api.call("GET", f"/jobs/{job.pk}?include=provenance").json()["images"]

    assert good["provenance"] == PROVENANCE
    assert "provenance" not in waiting


def test_without_include_the_answer_is_unchanged(api: ApiClient, job: Job) -> None:
    plain = api.call("GET", f"/jobs/{job.pk}").json()
    asked = api.call("GET", f"/jobs/{job.pk}?include=provenance").json()

    del asked["images"][0]["provenance"]
    assert plain == asked


@pytest.mark.parametrize("include", ["everything", "provenance,everything", "", "provenance&include=ledger"])
def test_what_cannot_be_included_is_refused_with_what_can(api: ApiClient, job: Job, include: str) -> None:
    answer = api.call("GET", f"/jobs/{job.pk}?include={include}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "include takes provenance" in answer.json()["error"]


def test_nobody_else_reads_it(bobs_api: ApiClient, job: Job) -> None:
    answer = bobs_api.call("GET", f"/jobs/{job.pk}?include=provenance")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_document_describes_it() -> None:
    document = Client().get("/image-forge-api/v1/openapi.json").json()
    operation = document["paths"]["/image-forge-api/v1/jobs/{job_id}"]["get"]
    image = document["components"]["schemas"]["Analysis"]

    include = next(parameter for parameter in operation["parameters"] if parameter["name"] == "include")
    assert include["schema"]["items"]["enum"] == ["provenance"]
    assert "provenance" in image["properties"]
    assert "provenance" not in image["required"]
    assert set(document["components"]["schemas"]["Provenance"]["properties"]) == set(PROVENANCE)


def test_the_admin_shows_it_as_tables(admin_client: Client, job: Job) -> None:
    page = admin_client.get(f"/admin/forge/job/{job.pk.replace('_', '_5F')}/change/").content.decode()

    for told in ("abc123", "beams", "a red kettle", "0.91", "kettle", "0.8", "decode", "3.1", "&lt;b&gt;namer"):
        assert told in page, told
    assert "&quot;captioner&quot;" not in page, "it shows raw JSON"


def test_the_admin_shows_what_an_older_version_recorded(admin_client: Client, job: Job) -> None:
    analysis = job_factory.analyses(job)[0]
    analysis.provenance = {"model": "<i>old</i>", "list": [1, 2], "nothing": None, "deep": {"a": {"b": [{"c": 1}]}}}
    analysis.save()

    page = admin_client.get(f"/admin/forge/job/{job.pk.replace('_', '_5F')}/change/").content.decode()

    assert "&lt;i&gt;old" in page
