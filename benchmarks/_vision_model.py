"""A vision server with a model that takes a fixed time: `python -m benchmarks._vision_model PORT SECONDS SLOTS`."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from tests.vision_server import answer

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Model:
    """As a model on a GPU: `slots` requests at a time, each for `seconds`."""

    def __init__(self, seconds: float, slots: int) -> None:
        self._seconds, self._slots = seconds, asyncio.Semaphore(slots)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if scope["method"] == "POST":
            json.loads(body)
            async with self._slots:
                await asyncio.sleep(self._seconds)
        choice = {"message": {"content": answer()}, "finish_reason": "stop"}
        content = json.dumps({"choices": [choice], "data": [{"id": "model"}]}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    port, seconds, slots = sys.argv[1:]
    uvicorn.run(Model(float(seconds), int(slots)), host="127.0.0.1", port=int(port), log_level="error")
