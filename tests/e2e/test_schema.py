"""What the OpenAPI document says is what a live server does, whatever it is sent.

schemathesis makes the requests: valid, invalid and absurd ones, with and without a key, with ids that exist and ids
that do not. FORGE_SCHEMA_EXAMPLES=100 makes thousands of them.
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
from tests.e2e.client import colors, submit, upload
from tests.e2e.conftest import MakeKey, until

pytestmark = pytest.mark.e2e

LONG = "FORGE_SCHEMA_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FORGE_SCHEMA_EXAMPLES", "2"))
DOCUMENT = "/image-forge-api/v1/openapi.json"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,ignored_auth"
)


def schemathesis(url: str, key: str, folder: Path, *arguments: str, ids: dict[str, str] | None = None) -> int:
    """How many requests were made; fails where an answer was not as described."""
    parameters = "".join(f'"path.{name}" = "{value}"\n' for name, value in (ids or {}).items())
    (folder / "schemathesis.toml").write_text(f"[parameters]\n{parameters}")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"), "run"]
    command += [url + DOCUMENT, "--header", f"X-API-Key: {key}", "--checks", CHECKS, "--max-examples", str(EXAMPLES)]
    command += ["--seed", "1", "--no-shrink", "--continue-on-failure", "--warnings", "off", "--no-color", *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    made = re.search(r"(\d+) generated", run.stdout)
    assert made, run.stdout
    print(f"\n{made[1]} requests, each answered as the document says")
    return int(made[1])


def test_every_answer_is_as_the_document_says(stack: Stack, make_key: MakeKey, tmp_path: Path) -> None:
    key = make_key(stack.data, account="mallory", credits=1_000_000)

    made = schemathesis(stack.urls[0], key, tmp_path, "--phases", "coverage,fuzzing" if LONG else "coverage")

    assert made > 200


def test_also_where_the_ids_are_of_rows_that_exist(stack: Stack, make_key: MakeKey, tmp_path: Path) -> None:
    key = make_key(stack.data, account="mallory", credits=1_000_000)
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False) as http:
        session = upload(http, colors(2))
        job = submit(http, session)
        until(lambda: http.get(f"jobs/{job}").json()["finishedAt"], "the job's end")

    ids = {"session_id": session["sessionId"], "image_id": session["images"][0]["id"], "job_id": job}
    named = ["sessions_get", "sessions_image_get", "sessions_images_add", "sessions_analyze", "sessions_analyze_single"]
    named += ["jobs_get", "jobs_events"]
    only = [part for name in named for part in ("--include-operation-id", name)]
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
def test_a_body_that_cannot_be_is_refused_in_json(client: httpx.Client, name: str) -> None:
    for path in ("sessions/sess_x/analyze", "sessions/sess_x/analyze-single", "credits/check"):
        assert_refused(client.post(path, content=BAD_BODIES[name], headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize("query", QUERIES)
def test_a_page_that_cannot_be_is_refused_in_json(client: httpx.Client, query: str) -> None:
    for path in ("sessions", "credits/ledger"):
        assert_refused(client.get(f"{path}?{query}"), 400)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH", "PROPFIND"])
def test_a_method_that_is_not_there_is_refused_in_json(client: httpx.Client, method: str) -> None:
    for path in ("sessions", "sessions/upload", "jobs/job_x/events", "credits/balance"):
        answer = client.request(method, path)
        assert_refused(answer, 405)
        assert method not in answer.headers["Allow"]
        assert answer.headers["Allow"]


def test_the_head_of_a_stream_is_no_stream(client: httpx.Client) -> None:
    """Its answer would last as long as the job."""
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
def test_a_strange_address_is_answered_in_json(client: httpx.Client, path: str) -> None:
    assert_refused(client.get(str(client.base_url.copy_with(raw_path=path.encode()))), 404)


def assert_refused(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.json()
    assert told["code"]
    assert told["error"]
    assert told["requestId"] == answer.headers["X-Request-Id"]
