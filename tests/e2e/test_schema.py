"""A live server conforms to its OpenAPI document.

schemathesis generates the requests: valid and invalid, with and without a key, with ids that exist and ids that do not.
FORGE_SCHEMA_EXAMPLES=100 makes thousands of them.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.client import colored_images, submit, upload
from tests.e2e.conftest import MakeKey, wait_until

pytestmark = pytest.mark.e2e

LONG = "FORGE_SCHEMA_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FORGE_SCHEMA_EXAMPLES", "2"))
DOCUMENT = "/image-forge-api/v1/openapi.json"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,ignored_auth"
)


def schemathesis(url: str, key: str, folder: Path, *arguments: str, ids: dict[str, str] | None = None) -> int:
    """Return the number of requests; fail where a response does not conform."""
    parameters = "".join(f'"path.{name}" = "{value}"\n' for name, value in (ids or {}).items())
    (folder / "schemathesis.toml").write_text(f"[parameters]\n{parameters}")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"), "run"]
    command += [url + DOCUMENT, "--header", f"X-API-Key: {key}", "--checks", CHECKS, "--max-examples", str(EXAMPLES)]
    command += ["--seed", "1", "--no-shrink", "--continue-on-failure", "--warnings", "off", "--no-color", *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    made = re.search(r"(\d+) generated", run.stdout)
    assert made, run.stdout
    print(f"\n{made[1]} requests, all responses conform")
    return int(made[1])


def test_every_response_conforms_to_the_schema(stack: Stack, make_key: MakeKey, tmp_path: Path) -> None:
    key = make_key(stack.data, account="mallory", credits=1_000_000)

    made = schemathesis(stack.urls[0], key, tmp_path, "--phases", "coverage,fuzzing" if LONG else "coverage")

    assert made > 200


def test_every_response_conforms_with_ids_of_existing_rows(stack: Stack, make_key: MakeKey, tmp_path: Path) -> None:
    key = make_key(stack.data, account="mallory", credits=1_000_000)
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False) as http:
        session = upload(http, colored_images(2))
        job = submit(http, session)
        wait_until(lambda: http.get(f"jobs/{job}").json()["finishedAt"], "the job's end")

    ids = {"sessionId": session["sessionId"], "imageId": session["images"][0]["id"], "jobId": job}
    operations = [
        "sessions_get",
        "sessions_image_get",
        "sessions_images_add",
        "sessions_analyze",
        "sessions_analyze_single",
    ]
    operations += ["jobs_get", "jobs_events"]
    only = [part for name in operations for part in ("--include-operation-id", name)]
    made = schemathesis(
        stack.urls[0], key, tmp_path, "--phases", "coverage,fuzzing" if LONG else "fuzzing", *only, ids=ids
    )

    assert made > 5 * EXAMPLES


BAD_BODIES: dict[str, Any] = {
    "NUL": b'{"images": [{"id": "a\\u0000b", "uploadPath": "\\u0000"}]}',
    "half of a pair": b'{"images": [{"id": "\\ud800", "uploadPath": "\\udfff"}]}',
    "no UTF-8": b'{"images": "\xff\xfe"}',
    "deep": b'{"images": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "huge number": b'{"images": ' + b"9" * 10_000 + b"}",
    "infinity": b'{"images": Infinity}',
    "a list": b"[]",
    "nothing": b"",
}
QUERIES = [
    "limit=" + "9" * 400,
    "limit=-0",
    "limit=%00",
    "limit=%D9%A1",
    "cursor=%00",
    "cursor=" + "A" * 5000,
    "cursor=%F0%9F%A6%8A",
]


@pytest.mark.parametrize("name", BAD_BODIES)
def test_an_impossible_body_is_refused_in_json(client: httpx.Client, name: str) -> None:
    for path in ("sessions/sess_x/analyze", "sessions/sess_x/analyze-single", "credits/check"):
        assert_refused(client.post(path, content=BAD_BODIES[name], headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize("query", QUERIES)
def test_an_impossible_page_is_refused_in_json(client: httpx.Client, query: str) -> None:
    for path in ("sessions", "credits/ledger"):
        assert_refused(client.get(f"{path}?{query}"), 400)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH", "PROPFIND"])
def test_an_unsupported_method_is_refused_in_json(client: httpx.Client, method: str) -> None:
    for path in ("sessions", "sessions/upload", "jobs/job_x/events", "credits/balance"):
        response = client.request(method, path)
        assert_refused(response, 405)
        assert method not in response.headers["Allow"]
        assert response.headers["Allow"]


def test_head_of_a_stream_is_refused(client: httpx.Client) -> None:
    """Its response would last as long as the job."""
    assert client.head("jobs/job_x/events").status_code == 405


@pytest.mark.parametrize(
    "kind", ["text/html", "application/xml", "multipart/form-data", "", "application/json; charset=x"]
)
def test_a_wrong_content_type_is_refused_in_json(client: httpx.Client, kind: str) -> None:
    for path in ("sessions/upload", "credits/check"):
        assert_refused(client.post(path, content=b"<x>", headers={"Content-Type": kind}), 400)


@pytest.mark.parametrize(
    "path", ["/%00", "/..%2f..%2fetc/passwd", "/image-forge-api/v1/sessions/%ff", "/image-forge-api/v1/jobs/a%00b"]
)
def test_a_malformed_path_is_not_found_in_json(client: httpx.Client, path: str) -> None:
    assert_refused(client.get(str(client.base_url.copy_with(raw_path=path.encode()))), 404)


def assert_refused(response: httpx.Response, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert body["code"]
    assert body["error"]
    assert body["requestId"] == response.headers["X-Request-Id"]
