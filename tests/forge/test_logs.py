"""Log lines tell which request, job and image they are about, and no secret; through the formatters of the settings."""

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
from forge.jobs import services
from forge.models import Account, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

logger = logging.getLogger("tests")


class Lines:
    """What a handler of the settings writes."""

    def __init__(self, form: str) -> None:
        self.stream = io.StringIO()
        chosen: Any = django_settings.LOGGING
        configured = logging.config.DictConfigurator(chosen)
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(configured.configure_formatter(dict(chosen["formatters"][form])))
        self.handler.addFilter(configured.configure_filter(dict(chosen["filters"]["about"])))

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(params=["json", "plain"])
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    yield from _listening(Lines(request.param))


@pytest.fixture
def as_json() -> Iterator[Lines]:
    yield from _listening(Lines("json"))


def _listening(lines: Lines) -> Iterator[Lines]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(lines.handler)
    yield lines
    root.removeHandler(lines.handler)
    root.setLevel(level)


def test_a_json_line_is_one_object_with_what_machines_sort_by(as_json: Lines) -> None:
    with logs.bound(requestId="req_1", jobId="job_1"), logs.bound(imageId="img_1"):
        logger.warning("Two\nlines of %s.", "text")
    logger.info("Later.")

    first, second = as_json.records
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


def test_no_line_holds_a_key_a_password_or_the_bytes_of_a_picture(alice: Account, lines: Lines) -> None:
    key = key_issue(account=alice)[1]
    picture = bytes(range(128, 256)) * 4
    try:
        raise ValueError(f"no such key {key} in {picture!r}")
    except ValueError:
        logger.exception("Failed for %s at redis://:hunter2@127.0.0.1:6379/0", key, extra={"given": key})
    logger.info("%r", {"X-API-Key": key, "data": picture})

    assert key not in lines.text
    assert key[3:] not in lines.text
    assert "hunter2" not in lines.text
    assert "\\x8a" not in lines.text
    assert lines.text.count("sk-…") >= 3
    assert "ValueError" in lines.text


def test_no_line_of_a_request_holds_its_key(alice: Account, lines: Lines) -> None:
    key = key_issue(account=alice)[1]
    api = ApiClient(key)

    api.call("GET", f"/sessions?key={key}&cursor={key}")
    api.call("GET", f"/{key}")
    api.call("GET", f"/jobs/{key}")
    api.call("POST", "/credits/check", {"action": key, "imageCount": 1})
    api.call("POST", "/credits/check", f"{{{key}".encode())
    api.upload((f"{key}.jpg", b"no picture"))
    ApiClient(key[:-1]).call("GET", "/credits/balance")

    assert lines.text
    assert key not in lines.text
    assert key[3:-1] not in lines.text


def test_objects_that_libraries_attach_stay_out(as_json: Lines) -> None:
    Client().get("/nothing?q=hidden")

    (record,) = [record for record in as_json.records if record["logger"] == "django.request"]
    assert (record["status_code"], "request" in record) == (404, False)
    assert "hidden" not in as_json.text


@pytest.mark.django_db(transaction=True)
def test_an_image_carries_the_id_of_the_request_that_sent_it(
    alice: Account, api: ApiClient, make_session: Callable[..., Session]
) -> None:
    session = make_session(alice, 2)
    headers = {"Accept": "application/json", "X-Request-Id": "trace-me"}

    api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session), headers=headers)

    claims = [services.analysis_claim_next(holder="worker") for _ in range(2)]
    assert [claim and claim.request_id for claim in claims] == ["trace-me"] * 2


def test_a_task_forgets_what_the_one_before_it_was_about(as_json: Lines) -> None:
    @current_app.task(name="tests.say")
    def say() -> None:
        logger.info("Said.")
        logs.bind(requestId="trace-me")
        logger.info("Said.")

    for _ in range(2):
        say.apply()

    told = [record.get("requestId") for record in as_json.records if record["message"] == "Said."]
    assert told == [None, "trace-me"] * 2
