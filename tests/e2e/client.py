"""A caller of the API over HTTP, as the contract describes one."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.images import jpeg

V1 = "/image-forge-api/v1"
_NO_EVENT = re.compile(rb"^(retry: \d+|:[^\n]*)\n\n", re.MULTILINE)


@dataclass(frozen=True)
class SentEvent:
    """One message of a stream, with the bytes it came as."""

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


def colors(count: int, first: int = 0) -> list[bytes]:
    """Pictures of different colours, so that the scripted model has different words for them."""
    return [jpeg(f"#{(37 * n) % 256:02x}{(91 * n) % 256:02x}{(53 * n) % 256:02x}") for n in range(first, first + count)]


def upload(http: httpx.Client, pictures: list[bytes]) -> dict[str, Any]:
    files = [("images[]", (f"photo{n}.jpg", data, "image/jpeg")) for n, data in enumerate(pictures)]
    answer = http.post("sessions/upload", files=files)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def analyze_body(session: dict[str, Any]) -> dict[str, Any]:
    images = [{key: image[key] for key in ("id", "uploadPath", "originalFilename")} for image in session["images"]]
    return {"sessionId": session["sessionId"], "images": images}


def analyze(http: httpx.Client, session: dict[str, Any]) -> list[SentEvent]:
    """Every event of a job, from its POST to the end of its stream."""
    with http.stream("POST", f"sessions/{session['sessionId']}/analyze", json=analyze_body(session)) as answer:
        return list(messages(answer.iter_raw()))


def submit(http: httpx.Client, session: dict[str, Any]) -> str:
    """Starts the job without its stream; the job's id."""
    answer = http.post(
        f"sessions/{session['sessionId']}/analyze", json=analyze_body(session), headers={"Accept": "application/json"}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


def messages(chunks: Iterator[bytes]) -> Iterator[SentEvent]:
    """The events of a stream, each as soon as it is whole."""
    held = b""
    for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n\n")
        yield from (SentEvent(raw + b"\n\n") for raw in whole if not _NO_EVENT.match(raw + b"\n\n"))


async def amessages(chunks: AsyncIterator[bytes]) -> AsyncIterator[SentEvent]:
    held = b""
    async for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n\n")
        for raw in whole:
            if not _NO_EVENT.match(raw + b"\n\n"):
                yield SentEvent(raw + b"\n\n")
