import json
import re
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
    served = {re.sub(r"<id:(\w+)_id>", r"{\1Id}", str(route.pattern)) for route in v1}

    assert served - described == {"openapi.json", "docs/", "docs", "docs/redoc.js"}
    assert next(iter(document["paths"])).endswith("/sessions/upload")  # the first call of every client


@pytest.mark.parametrize("event", ["Progress", "Result", "Error", "Complete"])
def test_the_document_has_a_schema_of_each_events_data(document: Any, event: str) -> None:
    shape = document["components"]["schemas"][f"{event}Event"]

    assert shape["type"] == "object"
    assert "jobId" in shape["required"]
    streams = [
        operation["responses"]["200"]["content"]["text/event-stream"]["schema"]
        for path in ("sessions/{sessionId}/analyze", "jobs/{jobId}/events")
        for operation in document["paths"][f"/image-forge-api/v1/{path}"].values()
    ]
    # For clients that yield each event's data, each event, or the text of the whole body.
    shapes = [{"$ref": f"#/components/schemas/{name}"} for name in ("JobEvent", "ServerSentEvent")]
    assert streams == [{"anyOf": [*shapes, {"type": "string"}]}] * 2
    named = [option["$ref"] for option in document["components"]["schemas"]["JobEvent"]["oneOf"]]
    assert f"#/components/schemas/{event}Event" in named


@pytest.mark.parametrize("event", ["ExportProgress", "ExportResult", "Error", "ExportComplete"])
def test_the_document_has_a_schema_of_each_event_of_an_export(document: Any, event: str) -> None:
    assert "jobId" in document["components"]["schemas"][f"{event}Event"]["required"]
    named = [option["$ref"] for option in document["components"]["schemas"]["ExportEvent"]["oneOf"]]
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

    sessions = "sessions/{sessionId}"
    uploads = {"sessions/upload", f"{sessions}/images"}
    assert described == uploads | {f"{sessions}/{name}" for name in ("analyze", "analyze-single", "export", "sample")}


def test_lists_are_paginated_and_optional_fields_not_required(document: Any) -> None:
    shapes = document["components"]["schemas"]

    assert shapes["PaginatedSessionList"]["properties"]["data"]["items"] == {"$ref": "#/components/schemas/Session"}
    assert "status" in shapes["ImageState"]["required"]
    assert {"metadata", "error", "code", "jobId"}.isdisjoint(shapes["ImageState"]["required"])


@pytest.mark.parametrize(
    ("shape", "is_required"),
    [
        ("ResultEvent", True),
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

    script = Client().get("/image-forge-api/v1/docs/redoc.js")
    assert Client().get("/image-forge-api/v1/docs").content.decode() == page
    assert "/docs/redoc.js" in page
    assert "//" not in page.replace("<!DOCTYPE", "")
    assert script["Content-Type"].startswith("text/javascript")
    assert b"cdn.redoc.ly" not in script.content


def test_it_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Client().get("/image-forge-api/v1/openapi.json")
    monkeypatch.setattr("forge.api.views.documentation.SchemaGenerator", None)

    assert Client().get("/image-forge-api/v1/openapi.json").content == first.content


def operations(document: Any) -> list[tuple[str, Any]]:
    return [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]


def test_the_document_names_its_server_and_what_needs_no_key(document: Any) -> None:
    assert document["servers"][0]["url"] == "/"
    open_paths = {path for path, operation in operations(document) if operation["security"] == []}
    assert open_paths == {"/healthz", "/readyz", "/metrics"}


@pytest.mark.parametrize(
    ("header", "statuses"),
    [("X-Request-Id", None), ("Retry-After", {"429", "503", "504"}), ("WWW-Authenticate", {"401"})],
)
def test_each_response_has_the_headers_of_its_status(document: Any, header: str, statuses: set[str] | None) -> None:
    for path, operation in operations(document):
        for status, response in operation["responses"].items():
            expected = statuses is None or status in statuses
            assert (header in response.get("headers", {})) == expected, (path, status)


@pytest.mark.parametrize("operation_id", ["sessions_analyze", "sessions_analyze_single", "jobs_get", "jobs_events"])
def test_responses_about_a_job_name_its_headers(document: Any, operation_id: str) -> None:
    (operation,) = [found for _, found in operations(document) if found["operationId"] == operation_id]

    assert {"X-Job-Id", "Location"} <= set(operation["responses"]["200"]["headers"])


def test_names_have_no_doubled_words_and_parameters_are_camel_case(document: Any) -> None:
    names = list(document["components"]["schemas"])
    parameters = {
        parameter["name"]
        for _, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path"
    }

    assert [name for name in names if re.search(r"([A-Z][a-z]+)\1", name)] == []
    assert parameters == {"sessionId", "imageId", "jobId", "variantId"}
    assert {p for path in document["paths"] for p in re.findall(r"{(\w+)}", path)} == parameters


def test_examples_of_errors_are_whole_sentences_with_their_members(document: Any) -> None:
    (analyze,) = [found for _, found in operations(document) if found["operationId"] == "sessions_analyze"]

    content = analyze["responses"]["402"]["content"]["application/json"]
    example = content["examples"]["InsufficientCredits"]["value"]
    assert (example["required"], example["balance"]) == (3, 1)
    assert "{" not in example["error"]
