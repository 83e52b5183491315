"""clients/javascript in Node.js against a real service: broken streams, a restarted server, jobs at once, errors."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from forge.stack import Stack
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.cutting_proxy import cutting_proxy
from tests.images import jpeg

PROGRAM = Path(__file__).parent / "javascript_client.mjs"
SAMPLES = [str(settings.BASE_DIR / "samples" / name) for name in ("cat.jpg", "coffee.jpg", "rocket.jpg")]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: apt install nodejs"),
]


def program(*arguments: str) -> list[Any]:
    """Run the program; return the JSON of its lines."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        ["node", PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_complete(events: list[Any], images: int) -> None:
    assert [event[0] for event in events] == list(range(1, 2 * images + 2))
    assert sorted(event[1] for event in events) == sorted(["complete", *["progress", "result"] * images])


def balance(stack: Stack, key: str) -> int:
    answer = httpx.get(
        f"{stack.urls[0]}/image-forge-api/v1/credits/balance", headers={"X-API-Key": key}, trust_env=False
    )
    return int(answer.json()["balance"])


def test_a_stream_that_breaks_after_every_third_event_is_resumed(stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="cuts", credits=10)
    with cutting_proxy(stack.urls[0], events=3, most_cuts=100) as proxy:
        uploaded, events = program("run", proxy.url, key, *SAMPLES)

    assert uploaded == {"uploaded": ["cat.jpg", "coffee.jpg", "rocket.jpg"], "failed": [], "last": uploaded["last"]}
    assert uploaded["last"][0] == uploaded["last"][1] == sum(Path(sample).stat().st_size for sample in SAMPLES)
    assert_complete(events, 3)
    assert proxy.cuts >= 2
    assert balance(stack, key) == 7


def test_options_are_sent_and_what_cannot_be_done_is_an_error_of_its_own(stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="options", credits=10)

    metadata, unsupported, wrong, loaded = program("options", stack.urls[0], key, SAMPLES[0])

    assert list(metadata) == ["alt"]
    assert len(metadata["alt"]) <= 40
    assert unsupported == ["BadOption", "option_unsupported", "language"]
    assert wrong == ["BadOption", "invalid_request", "altMaxLength"]
    assert loaded == ["scripted"]
    assert balance(stack, key) == 9


def test_two_jobs_at_once_receive_their_own_events(stack: Stack, make_key: MakeKey) -> None:
    *_, both = program("two", stack.urls[0], make_key(stack.data, account="two"), *SAMPLES)

    for events in both:
        assert_complete(events, 3)
    assert {event[2] for event in both[0][:-1]}.isdisjoint(event[2] for event in both[1][:-1])


def test_a_bad_file_does_not_stop_the_others(stack: Stack, make_key: MakeKey, tmp_path: Path) -> None:
    bad, empty, good = tmp_path / "bad.jpg", tmp_path / "empty.png", tmp_path / "good.jpg"
    bad.write_bytes(jpeg(size=(640, 480))[:-500])
    empty.write_bytes(b"")
    good.write_bytes(jpeg())

    uploaded, events = program(
        "run", stack.urls[0], make_key(stack.data, account="bad"), *map(str, (bad, empty, good)), SAMPLES[0]
    )

    assert uploaded["uploaded"] == ["good.jpg", "cat.jpg"]
    assert [[name, kind] for name, kind, _ in uploaded["failed"]] == [
        ["bad.jpg", "BadImage"], ["empty.png", "BadImage"],
    ]  # fmt: skip
    assert_complete(events, 2)


def test_errors_have_a_class_and_corrections_a_conflict(stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="corrections")
    [wrong_key] = program("errors", stack.urls[0], "sk-wrong")
    [known_key] = program("errors", stack.urls[0], key)
    assert wrong_key == [[True, "InvalidKey", 401, "invalid_api_key"]] * 3
    assert known_key == [[True, "NotFound", 404, "not_found"]] * 2

    edited, files, jobs, found = program("correct", stack.urls[0], key, SAMPLES[0])
    assert edited == {"edited": ["alt"], "late": "EditConflict", "present": "Words of a person"}
    assert files == {"file": Path(SAMPLES[0]).stat().st_size, "thumbnail": "image/jpeg"}
    assert (jobs, found) == ({"jobs": ["complete"]}, {"found": 1})


def test_files_are_exported_and_taken_away(stack: Stack, make_key: MakeKey) -> None:
    *exports, words, sidecar, archive = program(
        "export", stack.urls[0], make_key(stack.data, account="files"), SAMPLES[0]
    )

    assert exports[0::2] == [
        {"sample": True, "charged": 0, "names": ["full", "32w"]},
        {"sample": False, "charged": 1, "names": ["full", "32w"]},
    ]
    assert exports[1::2] == [{"bytes": True, "zip": "application/zip"}] * 2
    assert (words, sidecar, archive) == ({"words": True}, {"sidecar": True}, {"archive": "application/zip"})


def test_a_server_that_is_restarted_in_the_middle_loses_no_event(make_stack: MakeStack, make_key: MakeKey) -> None:
    stack = make_stack(env={"FORGE_SCRIPT": '{"delay_ms": 1500}', "FORGE_BATCH_SIZE": "1"})
    key = make_key(stack.data)
    command = ["node", str(PROGRAM), "follow", stack.urls[0], key, *SAMPLES, *SAMPLES]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline(), running.stdout.readline()]
        web = stack.processes["web-1"]
        before = web.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: web.pid != before and stack.not_ready_reason() is None, "the web server", stack.poll)
        lines += running.stdout.readlines()

    assert running.returncode == 0, lines
    assert lines[1] == '"progress"\n'
    assert_complete(json.loads(lines[-1]), 6)
    assert balance(stack, key) == 994
