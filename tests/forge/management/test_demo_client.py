"""What `bin/demo` prints of events and results."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from forge.management.demo_client import NEEDS_REVIEW, Event, event_line, result_panel
from tests.forge.job_factory import METADATA

OLD: dict[str, Any] = {"imageId": "img_1", "metadata": METADATA}
GOOD = {**OLD, "kind": "photo", "confidence": 0.914, "needsReview": False}
DOUBTFUL = {**OLD, "kind": "poster", "confidence": 0.214, "needsReview": True}


def printed(content: RenderableType) -> str:
    """Return the text without colour, as in a file or pipe."""
    file = StringIO()
    Console(file=file, width=100, no_color=True).print(content)
    return file.getvalue()


def result(data: dict[str, Any]) -> Event:
    return Event(2, "result", data)


def test_a_result_has_kind_and_confidence() -> None:
    text = printed(result_panel("a.jpg", result(GOOD)))

    assert "kind         photo" in text
    assert "confidence   0.91" in text
    assert NEEDS_REVIEW not in text


def test_a_doubtful_result_has_a_mark_that_needs_no_colour() -> None:
    assert "confidence   0.21  needs review" in printed(result_panel("a.jpg", result(DOUBTFUL)))


@pytest.mark.parametrize(("data", "start"), [(DOUBTFUL, "poster  needs review  {"), (GOOD, "photo  {"), (OLD, "{")])
def test_the_line_of_a_result_event_begins_with_kind_and_mark(data: dict[str, Any], start: str) -> None:
    assert event_line(result(data), "a.jpg").plain.startswith(f"   2  result    a.jpg  {start}")


def test_a_result_of_an_earlier_service_has_metadata_only() -> None:
    text = printed(result_panel("a.jpg", result(OLD)))

    assert "A red kettle." in text
    assert "kind  " not in text


ERROR = Event(2, "error", {"imageId": "img_1", "error": "It is damaged.", "code": "unreadable_image"})


@pytest.mark.parametrize(("outcome", "sentence"), [(ERROR, "It is damaged."), (None, "No result came")])
def test_a_failed_image_has_its_error(outcome: Event | None, sentence: str) -> None:
    assert sentence in printed(result_panel("a.jpg", outcome))
