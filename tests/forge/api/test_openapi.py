import json
from typing import Any

import pytest
from django.test import Client
from openapi_spec_validator import validate

from forge import errors
from forge.api.urls import v1
from forge.errors import ForgeError
from forge.models import Kind


@pytest.fixture(scope="module")
def document() -> Any:
    response = Client().get("/image-forge-api/v1/openapi.json")
    assert response.status_code == 200
    return json.loads(response.content)


def test_it_is_a_valid_openapi_3_1_document(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_the_document_has_each_endpoint(document: Any) -> None:
    described = {path.removeprefix("/image-forge-api/v1/") for path in document["paths"]}
    served = {str(route.pattern).replace("<id:", "{").replace(">", "}") for route in v1}

    assert served - described == {"openapi.json", "docs/"}


@pytest.mark.parametrize("event", ["Progress", "Result", "Error", "Complete"])
def test_the_document_has_each_event(document: Any, event: str) -> None:
    shape = document["components"]["schemas"][f"{event}Event"]

    component = shape["properties"]["data"]["contentSchema"]["$ref"].rpartition("/")[2]
    assert document["components"]["schemas"][component]["properties"]
    streams = [
        operation["responses"]["200"]["content"]["text/event-stream"]["schema"]
        for path in ("sessions/{session_id}/analyze", "jobs/{job_id}/events")
        for operation in document["paths"][f"/image-forge-api/v1/{path}"].values()
    ]
    assert streams == [{"$ref": "#/components/schemas/JobEvent"}] * 2
    named = [option["$ref"] for option in document["components"]["schemas"]["JobEvent"]["oneOf"]]
    assert f"#/components/schemas/{event}Event" in named


def test_the_document_has_the_idempotency_key_of_each_post_that_takes_one(document: Any) -> None:
    described = {
        path.removeprefix("/image-forge-api/v1/")
        for path, operations in document["paths"].items()
        for parameter in operations.get("post", {}).get("parameters", [])
        if (parameter["in"], parameter["name"]) == ("header", "Idempotency-Key")
        and parameter["schema"]["maxLength"] == 255
        and not parameter.get("required")
    }

    sessions = "sessions/{session_id}"
    uploads = {"sessions/upload", f"{sessions}/images"}
    assert described == uploads | {f"{sessions}/analyze", f"{sessions}/analyze-single"}


def test_lists_are_paginated_and_optional_fields_not_required(document: Any) -> None:
    shapes = document["components"]["schemas"]

    assert shapes["PaginatedSessionList"]["properties"]["data"]["items"] == {"$ref": "#/components/schemas/Session"}
    assert "status" in shapes["ImageState"]["required"]
    assert {"metadata", "error", "code", "jobId"}.isdisjoint(shapes["ImageState"]["required"])


@pytest.mark.parametrize(
    ("shape", "is_required"),
    [
        ("Result", True),
        ("SingleResult", True),
        ("Assessment", True),
        ("Analysis", False),
        ("ImageState", False),
    ],
)
def test_the_assessment_is_required_where_a_result_is(document: Any, shape: str, is_required: bool) -> None:
    described = document["components"]["schemas"][shape]
    fields = {"kind", "confidence", "needsReview"}

    assert fields <= set(described["properties"])
    assert fields & set(described["required"]) == (fields if is_required else set())
    assert "#/components/schemas/ImageKind" in json.dumps(described["properties"]["kind"])
    assert described["properties"]["confidence"]["maximum"] == 1.0
    assert document["components"]["schemas"]["ImageKind"]["enum"] == Kind.values


def codes() -> list[str]:
    internal = {errors.MethodNotAllowed, ForgeError}
    return sorted({error.code for error in ForgeError.__subclasses__() if error not in internal})


@pytest.mark.parametrize("code", codes())
def test_the_document_has_each_error_code(document: Any, code: str) -> None:
    assert f"`{code}`" in json.dumps(document)


def test_each_authenticated_operation_documents_rate_limits(document: Any) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    limited = [operation for operation in operations if operation.get("security")]

    assert len(limited) > 10
    for operation in limited:
        assert "`rate_limited`" in operation["responses"]["429"]["description"]
        assert "RateLimit-Remaining" in operation["responses"]["429"]["headers"]
    submits = [operation for operation in limited if operation["operationId"].startswith("sessions_analyze")]
    assert all("`queue_full`" in operation["responses"]["429"]["description"] for operation in submits)


def test_the_document_needs_no_key_and_its_page_no_network() -> None:
    page = Client().get("/image-forge-api/v1/docs/").content.decode()

    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://cdn" not in page


def test_it_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Client().get("/image-forge-api/v1/openapi.json")
    monkeypatch.setattr("forge.api.views.document.SchemaGenerator", None)

    assert Client().get("/image-forge-api/v1/openapi.json").content == first.content
