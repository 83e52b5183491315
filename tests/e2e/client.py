"""A client of the HTTP API as docs/api-contract.md describes one."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.images import jpeg

V1 = "/image-forge-api/v1"
_RETRY_AND_COMMENTS = re.compile(rb"^(?:retry: \d+\n|:[^\n]*\n)+")


@dataclass(frozen=True)
class StreamEvent:
    """One event of a stream, with its bytes."""

    raw: bytes

    @property
    def id(self) -> int:
        return int(self._field(b"id"))

    @property
    def type(self) -> str:
        return self._field(b"event").decode()

    @property
    def data(self) -> bytes:
        return self._field(b"data")

    def _field(self, name: bytes) -> bytes:
        found = re.search(rb"^%s: (.*)$" % name, self.raw, re.MULTILINE)
        assert found, self.raw
        return found[1]


def colored_images(count: int, first: int = 0) -> list[bytes]:
    """Return images of different colours, for which the scripted model has different captions."""
    return [jpeg(f"#{(37 * n) % 256:02x}{(91 * n) % 256:02x}{(53 * n) % 256:02x}") for n in range(first, first + count)]


def upload(http: httpx.Client, images: list[bytes]) -> dict[str, Any]:
    files = [("images[]", (f"photo{n}.jpg", data, "image/jpeg")) for n, data in enumerate(images)]
    response = http.post("sessions/upload", files=files)
    assert response.status_code == 201, response.text
    body: dict[str, Any] = response.json()
    return body


def analyze_body(session: dict[str, Any]) -> dict[str, Any]:
    images = [{key: image[key] for key in ("id", "uploadPath", "originalFilename")} for image in session["images"]]
    return {"sessionId": session["sessionId"], "images": images}


def analyze(http: httpx.Client, session: dict[str, Any]) -> list[StreamEvent]:
    """Return every event of a job, from its POST to the end of its stream."""
    with http.stream("POST", f"sessions/{session['sessionId']}/analyze", json=analyze_body(session)) as response:
        return list(parse_events(response.iter_raw()))


def submit(http: httpx.Client, session: dict[str, Any]) -> str:
    """Start a job without its stream; return its id."""
    response = http.post(
        f"sessions/{session['sessionId']}/analyze", json=analyze_body(session), headers={"Accept": "application/json"}
    )
    assert response.status_code == 202, response.text
    return str(response.json()["jobId"])


def parse_events(chunks: Iterator[bytes]) -> Iterator[StreamEvent]:
    """Yield the events of a stream, each as soon as it is complete."""
    buffer = b""
    for chunk in chunks:
        *complete, buffer = (buffer + chunk).split(b"\n\n")
        yield from (_event(raw) for raw in complete)


async def aparse_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[StreamEvent]:
    buffer = b""
    async for chunk in chunks:
        *complete, buffer = (buffer + chunk).split(b"\n\n")
        for raw in complete:
            yield _event(raw)


def _event(raw: bytes) -> StreamEvent:
    """Return the event of a block, with the bytes that each stream of the job has in common."""
    return StreamEvent(_RETRY_AND_COMMENTS.sub(b"", raw) + b"\n\n")
