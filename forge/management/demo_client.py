"""The HTTP client of `bin/demo`, and the rendering of events and results in a terminal."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
from httpx_sse import ServerSentEvent, connect_sse
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from forge.jobs.events import METADATA_FIELDS
from forge.stack.readiness import error_sentence

BASE_PATH = "/image-forge-api/v1"
NEEDS_REVIEW = "needs review"
REVIEW_STYLE = "bold yellow"
STYLES = {"progress": "cyan", "result": "green", "error": "red", "complete": "bold"}
# The server sends a keep-alive comment every 15 s: a stream without one is broken.
READ_TIMEOUT_S = 40.0
RECONNECT_S = 2.0
MAX_RECONNECTS = 15


class RequestRefused(Exception):
    """An error response; `str()` is its sentence."""


@dataclass(frozen=True)
class Event:
    id: int
    name: str
    data: dict[str, Any]

    @classmethod
    def of(cls, event: ServerSentEvent) -> "Event":
        return cls(int(event.id), event.event, event.json())


class Client:
    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(
            base_url=url + BASE_PATH,
            headers={"X-API-Key": key},
            timeout=httpx.Timeout(READ_TIMEOUT_S, connect=5.0),
            trust_env=False,  # a proxy does not reach this machine's loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def upload(self, paths: Sequence[Path]) -> dict[str, Any]:
        with ExitStack() as files:
            parts = [("images[]", (path.name, files.enter_context(path.open("rb")))) for path in paths]
            return self._json(self._http.post("/sessions/upload", files=parts))

    def balance(self) -> int:
        return int(self._json(self._http.get("/credits/balance"))["balance"])

    def analyze(self, session: dict[str, Any]) -> Iterator[Event]:
        """Yield the job's events, each once and in order; a stream that breaks is resumed after the last event."""
        # With an idempotency key the POST too can be repeated without a second job or charge.
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        images = [
            {name: image[name] for name in ("id", "uploadPath", "originalFilename")} for image in session["images"]
        ]
        request: dict[str, Any] = {
            "method": "POST",
            "url": f"/sessions/{session['sessionId']}/analyze",
            "json": {"sessionId": session["sessionId"], "images": images},
        }
        for _ in range(MAX_RECONNECTS):
            try:
                with connect_sse(self._http, headers=headers, **request) as source:
                    _check(source.response)
                    request = {"method": "GET", "url": f"/jobs/{source.response.headers['X-Job-Id']}/events"}
                    for event in map(Event.of, source.iter_sse()):
                        headers = {"Last-Event-ID": str(event.id)}
                        yield event
                        if event.name == "complete":
                            return
            except httpx.TransportError:
                pass  # the job runs on without a stream
            time.sleep(RECONNECT_S)
        raise RequestRefused("The event stream broke and could not be resumed.")

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        _check(response)
        body: dict[str, Any] = response.json()
        return body


def _check(response: httpx.Response) -> None:
    if not response.is_success:
        response.read()
        raise RequestRefused(error_sentence(response))


def event_line(event: Event, image: str) -> Text:
    """Return one line for the event; the display cuts it at its width."""
    data = {name: value for name, value in event.data.items() if name != "imageId"}
    shown = json.dumps(data.get("metadata", data), ensure_ascii=False)
    kind = f"{data['kind']}  " if "kind" in data else ""
    review = (f"{NEEDS_REVIEW}  ", REVIEW_STYLE) if data.get("needsReview") else ""
    name = (f"{event.name:<8}", STYLES.get(event.name, ""))
    return Text.assemble(f"{event.id:>4}  ", name, f"  {image}  ", kind, review, shown)


def result_panel(name: str, outcome: Event | None) -> Panel:
    """Return the result of one image, or its error."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold")
    lines.add_column(overflow="fold")
    succeeded = outcome is not None and outcome.name == "result"
    if outcome and succeeded:
        for field in METADATA_FIELDS:
            value = outcome.data["metadata"][field]
            lines.add_row(field, Text(", ".join(value) if isinstance(value, list) else str(value)))
        _add_assessment(lines, outcome.data)
    else:
        lines.add_row("failed", Text(outcome.data["error"] if outcome else "No result came for this image."))
    return Panel(lines, title=Text(name), title_align="left", border_style="green" if succeeded else "red")


def _add_assessment(lines: Table, data: dict[str, Any]) -> None:
    """Add the kind and the confidence, with a mark in words where the result needs review."""
    if "kind" not in data:
        return  # A service of a version before 0.3.
    lines.add_row("kind", Text(data["kind"]))
    review = (f"  {NEEDS_REVIEW}", REVIEW_STYLE) if data["needsReview"] else ""
    lines.add_row("confidence", Text.assemble(f"{data['confidence']:.2f}", review))


def terminal() -> Console:
    """Return a console of at most 120 columns, which stay readable; 100 for a file or pipe."""
    console = Console(highlight=False, markup=False)
    console.width = min(console.width, 120) if console.is_terminal else 100
    return console
