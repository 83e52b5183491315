"""What `bin/demo` is made of: an ordinary client of the HTTP API, and how its events and results look in a terminal."""

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
from forge.stack.readiness import sentence_of

BASE_PATH = "/image-forge-api/v1"
STYLES = {"progress": "cyan", "result": "green", "error": "red", "complete": "bold"}
# The server sends a comment every 15 s: a stream that is silent for longer is broken.
SILENCE_S = 40.0
RETRY_S = 2.0
MOST_RETRIES = 15


class RefusedError(Exception):
    """The service said no; `str()` is its sentence."""


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
            timeout=httpx.Timeout(SILENCE_S, connect=5.0),
            trust_env=False,  # a proxy does not reach this machine's loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def upload(self, pictures: Sequence[Path]) -> dict[str, Any]:
        with ExitStack() as files:
            parts = [("images[]", (path.name, files.enter_context(path.open("rb")))) for path in pictures]
            return self._json(self._http.post("/sessions/upload", files=parts))

    def balance(self) -> int:
        return int(self._json(self._http.get("/credits/balance"))["balance"])

    def analyze(self, session: dict[str, Any]) -> Iterator[Event]:
        """The job's events, each once and in order: a stream that breaks is taken up where it ended."""
        # With this key the POST too can be said again without a second job or charge.
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        images = [
            {name: image[name] for name in ("id", "uploadPath", "originalFilename")} for image in session["images"]
        ]
        request: dict[str, Any] = {
            "method": "POST",
            "url": f"/sessions/{session['sessionId']}/analyze",
            "json": {"sessionId": session["sessionId"], "images": images},
        }
        for _ in range(MOST_RETRIES):
            try:
                with connect_sse(self._http, headers=headers, **request) as source:
                    _check(source.response)
                    request = {"method": "GET", "url": f"/jobs/{source.response.headers['X-Job-Id']}/events"}
                    for event in map(Event.of, filter(lambda event: event.data, source.iter_sse())):
                        headers = {"Last-Event-ID": str(event.id)}
                        yield event
                        if event.name == "complete":
                            return
            except httpx.TransportError:
                pass  # The job runs on without us.
            time.sleep(RETRY_S)
        raise RefusedError("The event stream broke and could not be taken up again.")

    def _json(self, answer: httpx.Response) -> dict[str, Any]:
        _check(answer)
        body: dict[str, Any] = answer.json()
        return body


def _check(answer: httpx.Response) -> None:
    if not answer.is_success:
        answer.read()
        raise RefusedError(sentence_of(answer))


def event_line(event: Event, picture: str) -> Text:
    """One line of the stream; the display cuts it at its width."""
    data = {name: value for name, value in event.data.items() if name != "imageId"}
    shown = json.dumps(data.get("metadata", data), ensure_ascii=False)
    return Text.assemble(f"{event.id:>4}  ", (f"{event.name:<8}", STYLES.get(event.name, "")), f"  {picture}  {shown}")


def card(name: str, outcome: Event | None) -> Panel:
    """All the words for one picture, or why there are none."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold")
    lines.add_column(overflow="fold")
    metadata = outcome.data.get("metadata") if outcome else None
    if metadata:
        for field in METADATA_FIELDS:
            value = metadata[field]
            lines.add_row(field, Text(", ".join(value) if isinstance(value, list) else str(value)))
    else:
        lines.add_row("failed", Text(outcome.data["error"] if outcome else "No result came for this picture."))
    return Panel(lines, title=Text(name), title_align="left", border_style="green" if metadata else "red")


def terminal() -> Console:
    """At most 120 columns: longer lines are hard to read. A file or pipe gets 100."""
    console = Console(highlight=False, markup=False)
    console.width = min(console.width, 120) if console.is_terminal else 100
    return console
