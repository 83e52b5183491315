"""Provenance of results, in the API and in the admin."""

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
    "assessment": job_factory.ASSESSMENT,
    "models": {
        "captioner": {"name": "looker", "revision": "abc123", "options": {"beams": 3}},
        "tagger": {"name": "<b>namer</b>", "revision": "9", "options": {}},
    },
    "options": {"altMaxLength": 90},
    "captions": [
        {"text": "a red kettle", "confidence": 0.91, "similarity": 0.31},
        {"text": "a pot", "confidence": 0.25},
    ],
    "tags": [{"text": "kettle", "confidence": 0.8}],
    "milliseconds": {"decode": 3.1, "wait": 0.4, "caption": 55.0, "tag": 7.5, "compose": 0.2},
}


@pytest.fixture
def job(alice: Account, make_session: MakeSession) -> Job:
    """A job with one succeeded and one queued image."""
    job = job_factory.submit(alice, make_session(alice, 2))
    claimed = job_factory.claim(job_factory.analyses(job)[0])
    services.analysis_succeed(
        claim=claimed,
        metadata=job_factory.METADATA,
        assessment=job_factory.ASSESSMENT,
        filenames=["a-name"],
        provenance=PROVENANCE,
    )
    return job


def test_include_returns_the_recorded_provenance_to_the_owner(api: ApiClient, job: Job) -> None:
    good, waiting = api.call("GET", f"/jobs/{job.pk}?include=provenance").json()["images"]

    assert good["provenance"] == PROVENANCE
    assert "provenance" not in waiting


def test_without_include_provenance_is_absent(api: ApiClient, job: Job) -> None:
    plain = api.call("GET", f"/jobs/{job.pk}").json()
    included = api.call("GET", f"/jobs/{job.pk}?include=provenance").json()

    del included["images"][0]["provenance"]
    assert plain == included


@pytest.mark.parametrize("include", ["everything", "provenance,everything", "", "provenance&include=ledger"])
def test_unknown_includes_are_refused_with_the_accepted_values(api: ApiClient, job: Job, include: str) -> None:
    response = api.call("GET", f"/jobs/{job.pk}?include={include}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "include takes provenance" in response.json()["error"]


def test_other_accounts_get_404(bobs_api: ApiClient, job: Job) -> None:
    response = bobs_api.call("GET", f"/jobs/{job.pk}?include=provenance")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_the_openapi_document_describes_provenance() -> None:
    document = Client().get("/image-forge-api/v1/openapi.json").json()
    operation = document["paths"]["/image-forge-api/v1/jobs/{jobId}"]["get"]
    image = document["components"]["schemas"]["Analysis"]

    include = next(parameter for parameter in operation["parameters"] if parameter["name"] == "include")
    assert include["schema"]["items"]["enum"] == ["provenance"]
    assert "provenance" in image["properties"]
    assert "provenance" not in image["required"]
    assert set(document["components"]["schemas"]["Provenance"]["properties"]) == set(PROVENANCE)


def test_the_admin_shows_provenance_as_tables(admin_client: Client, job: Job) -> None:
    page = admin_client.get(f"/admin/forge/job/{job.pk.replace('_', '_5F')}/change/").content.decode()

    for text in ("abc123", "beams", "a red kettle", "0.91", "kettle", "0.8", "decode", "3.1", "&lt;b&gt;namer"):
        assert text in page, text
    assert "&quot;captioner&quot;" not in page, "it shows raw JSON"


def test_the_admin_shows_provenance_of_older_versions(admin_client: Client, job: Job) -> None:
    analysis = job_factory.analyses(job)[0]
    analysis.provenance = {"model": "<i>old</i>", "list": [1, 2], "nothing": None, "deep": {"a": {"b": [{"c": 1}]}}}
    analysis.save()

    page = admin_client.get(f"/admin/forge/job/{job.pk.replace('_', '_5F')}/change/").content.decode()

    assert "&lt;i&gt;old" in page
