"""`doctor --url` through the addresses that a service has in public."""

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest
from django.conf import settings

from forge.stack import Stack
from forge.stack.ports import free_port
from tests.e2e.audit import run_audit
from tests.e2e.buffering_proxy import buffering_proxy

pytestmark = pytest.mark.e2e


def event_stream(stack: Stack, url: str, key: str) -> dict[str, Any]:
    completed = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json", "--url", url, "--key", "-"],
        cwd=settings.BASE_DIR,
        env=stack.processes["web-1"].env,
        input=f"{key}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    findings = [json.loads(line) for line in completed.stdout.splitlines()]
    assert all(finding["status"] != "fail" for finding in findings if finding["check"] != "event stream"), findings
    (finding,) = [finding for finding in findings if finding["check"] == "event stream"]
    assert completed.returncode == (finding["status"] == "fail"), completed.stderr
    return dict(finding)


def test_a_proxy_that_buffers_the_event_stream_is_named(stack: Stack, stack_key: str, client: httpx.Client) -> None:
    balance = client.get("credits/balance").json()
    sessions = client.get("sessions").json()

    direct = event_stream(stack, stack.urls[0], stack_key)
    with buffering_proxy(stack.urls[0]) as url:
        buffered = event_stream(stack, url, stack_key)

    assert (direct["status"], direct["remedy"]) == ("ok", "")
    assert buffered["status"] == "fail"
    assert "buffers the stream" in buffered["sentence"]
    assert "proxy_buffering off" in buffered["remedy"]
    assert client.get("credits/balance").json() == balance
    assert client.get("sessions").json() == sessions
    assert run_audit(stack.processes["web-1"].env).wrong == 0


def test_an_address_without_the_service_and_an_unknown_key_are_named(stack: Stack, stack_key: str) -> None:
    nobody = event_stream(stack, f"http://127.0.0.1:{free_port()}", stack_key)
    unknown = event_stream(stack, stack.urls[0], "sk-unknown")

    assert "cannot be reached" in nobody["sentence"]
    assert "not one of this database" in unknown["sentence"]
