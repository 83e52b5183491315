"""Clients of many event streams in one process: `HOST PORT AT_ONCE`.

Reads a line `KEY JOB_ID` for each stream and an empty line, opens them, and prints `open`. Then `reset` forgets what
was received, and `report` prints JSON: the number of events, and the median and the 99th percentile of the milliseconds
from `sentNs` in their data (the monotonic clock) to here.
"""

import asyncio
import json
import re
import statistics
import sys
import time

_SENT = re.compile(rb'"sentNs":(\d+)')
delays: list[float] = []


class Client(asyncio.Protocol):
    def __init__(self, request: bytes) -> None:
        self.request = request
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if not self.opened.done():
            assert data.startswith(b"HTTP/1.1 200"), data[:300]
            self.opened.set_result(None)
        delays.extend((now - int(sent)) / 1e6 for sent in _SENT.findall(data))


async def main() -> None:
    host, port, at_once = sys.argv[1], int(sys.argv[2]), asyncio.Semaphore(int(sys.argv[3]))
    wanted = [line.split() for line in iter(sys.stdin.readline, "\n")]
    loop = asyncio.get_running_loop()

    async def open_stream(key: str, job_id: str) -> asyncio.BaseTransport:
        path = f"/image-forge-api/v1/jobs/{job_id}/events"
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {key}\r\nAccept: text/event-stream\r\n\r\n"
        async with at_once:
            transport, client = await loop.create_connection(lambda: Client(request.encode()), host, port)
            await client.opened
        return transport

    transports = await asyncio.gather(*(open_stream(key, job_id) for key, job_id in wanted))
    print("open", flush=True)
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        if line == "reset":
            delays.clear()
        else:
            print(json.dumps({"events": len(delays), **percentiles()}), flush=True)
    for transport in transports:
        transport.close()


def percentiles() -> dict[str, float]:
    cuts = statistics.quantiles(delays, n=100) if len(delays) > 1 else [0.0] * 99
    return {"p50": cuts[49], "p99": cuts[98], "most": max(delays, default=0.0)}


if __name__ == "__main__":
    asyncio.run(main())
