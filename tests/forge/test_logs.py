"""Log lines contain the ids of request, job and image, and no secret. Uses the formatters of the settings."""

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.test import Client

from forge import logs
from forge.accounts import key_issue
from forge.api.asgi.access_log import _record
from forge.jobs import services
from forge.models import Account, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

logger = logging.getLogger("tests")


class CapturedLines:
    """The output of a handler configured by the settings."""

    def __init__(self, formatter: str) -> None:
        self.stream = io.StringIO()
        config: Any = django_settings.LOGGING
        configured = logging.config.DictConfigurator(config)
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(configured.configure_formatter(dict(config["formatters"][formatter])))
        self.handler.addFilter(configured.configure_filter(dict(config["filters"]["about"])))

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(params=["json", "plain"])
def lines(request: pytest.FixtureRequest) -> Iterator[CapturedLines]:
    yield from _attach(CapturedLines(request.param))


@pytest.fixture
def json_lines() -> Iterator[CapturedLines]:
    yield from _attach(CapturedLines("json"))


def _attach(lines: CapturedLines) -> Iterator[CapturedLines]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(lines.handler)
    yield lines
    root.removeHandler(lines.handler)
    root.setLevel(level)


def test_a_json_line_is_one_object_with_the_log_context(json_lines: CapturedLines) -> None:
    with logs.bound(requestId="req_1", jobId="job_1"), logs.bound(imageId="img_1"):
        logger.warning("Two\nlines of %s.", "text")
    logger.info("Later.")

    first, second = json_lines.records
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "WARNING",
        "logger": "tests",
        "message": "Two\nlines of text.",
        "requestId": "req_1",
        "jobId": "job_1",
        "imageId": "img_1",
    }
    assert set(second) == {"time", "level", "logger", "message"}


def test_no_line_contains_a_key_a_password_or_image_bytes(alice: Account, lines: CapturedLines) -> None:
    key = key_issue(account=alice)[1]
    image = bytes(range(128, 256)) * 4
    try:
        raise ValueError(f"no such key {key} in {image!r}")
    except ValueError:
        logger.exception("Failed for %s at redis://:hunter2@127.0.0.1:6379/0", key, extra={"given": key})
    logger.info("%r", {"X-API-Key": key, "data": image})

    assert key not in lines.text
    assert key[3:] not in lines.text
    assert "hunter2" not in lines.text
    assert "\\x8a" not in lines.text
    assert lines.text.count("sk-…") >= 3
    assert "ValueError" in lines.text


def test_no_line_of_a_request_contains_its_key(alice: Account, lines: CapturedLines) -> None:
    key = key_issue(account=alice)[1]
    api = ApiClient(key)

    api.call("GET", f"/sessions?key={key}&cursor={key}")
    api.call("GET", f"/{key}")
    api.call("GET", f"/jobs/{key}")
    api.call("POST", "/credits/check", {"action": key, "imageCount": 1})
    api.call("POST", "/credits/check", f"{{{key}".encode())
    api.upload((f"{key}.jpg", b"no image"))
    ApiClient(key[:-1]).call("GET", "/credits/balance")

    _record({"method": "GET", "path": f"/{key}"}, 404, 0.0)

    assert "GET /sk-…: 404" in lines.text
    assert key not in lines.text
    assert key[3:-1] not in lines.text


def test_objects_attached_by_libraries_are_left_out(json_lines: CapturedLines) -> None:
    logger.warning("Not found.", extra={"status_code": 404, "request": object()})

    (record,) = json_lines.records
    assert (record["status_code"], "request" in record) == (404, False)


def test_django_logs_no_second_line_of_a_request(lines: CapturedLines) -> None:
    Client().get("/nothing?q=hidden")
    logging.getLogger("django.request").error("Failed.", exc_info=ValueError("kept"))

    assert "nothing" not in lines.text
    assert "hidden" not in lines.text
    assert "kept" in lines.text


FORGED = "GET /x\nERROR forged\x1b[31m\x9b1m\u2028\u202e ¿中?"


def test_the_text_of_a_caller_is_escaped(lines: CapturedLines) -> None:
    logger.warning("%s: refused", FORGED)

    assert {char for char in lines.text.strip() if not char.isprintable()} == set()
    assert "¿中?" in lines.text
    assert len(lines.text.splitlines()) == 1


def test_a_traceback_cannot_begin_a_line_of_the_plain_log() -> None:
    for lines in _attach(CapturedLines("plain")):
        try:
            raise ValueError(FORGED)
        except ValueError:
            logger.exception("Failed.")

        first, *others = lines.text.splitlines()
        assert first.endswith("Failed.")
        assert others[-1].startswith("    ")
        assert all(line.startswith("    ") for line in others)
        assert "\x1b" not in lines.text


@pytest.mark.django_db(transaction=True)
def test_a_claim_has_the_id_of_the_submitting_request(
    alice: Account, api: ApiClient, make_session: Callable[..., Session]
) -> None:
    session = make_session(alice, 2)
    headers = {"Accept": "application/json", "X-Request-Id": "trace-me"}

    api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session), headers=headers)

    claims = [services.analysis_claim_next(holder="worker") for _ in range(2)]
    assert [claim and claim.request_id for claim in claims] == ["trace-me"] * 2


def test_a_task_does_not_inherit_the_log_context_of_the_previous_task(json_lines: CapturedLines) -> None:
    @current_app.task(name="tests.log")
    def log() -> None:
        logger.info("Logged.")
        logs.bind(requestId="trace-me")
        logger.info("Logged.")

    for _ in range(2):
        log.apply()

    request_ids = [record.get("requestId") for record in json_lines.records if record["message"] == "Logged."]
    assert request_ids == [None, "trace-me"] * 2
