"""Proxies that delay what PostgreSQL and Valkey receive and send.

In place of `tc netem`, which needs root and a kernel module: a proxy for each server, in a process of its own
(`python -m benchmarks._delays PORT MILLISECONDS` prints the port it listens on).
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from forge.stack import Stack


class Delayed(asyncio.Protocol):
    """Passes on what one side sends, `seconds` later."""

    def __init__(self, target: asyncio.Transport | None, seconds: float) -> None:
        self.target = target
        self._seconds = seconds

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._pass_on, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.target is not None:
            asyncio.get_running_loop().call_later(self._seconds, self.target.close)

    def _pass_on(self, data: bytes) -> None:
        if self.target is not None and not self.target.is_closing():
            self.target.write(data)


class Accepted(Delayed):
    """A client's connection; its bytes wait for the one to the server."""

    def __init__(self, port: int, seconds: float) -> None:
        super().__init__(None, seconds)
        self._port = port
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._connecting = asyncio.ensure_future(self._connect(transport))

    async def _connect(self, client: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            server, _ = await loop.create_connection(lambda: Delayed(client, self._seconds), "127.0.0.1", self._port)
        except OSError:
            client.close()
            return
        self.target = server
        for data in self._waiting:
            self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        if self.target is None:
            self._waiting.append(data)
        else:
            super()._pass_on(data)


async def serve(port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Accepted(port, seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def delayed(url: str, milliseconds: float) -> Iterator[str]:
    """Yield the address of a proxy to the server at this address; each direction takes so many milliseconds."""
    parts = urlsplit(url)
    command = [sys.executable, "-m", "benchmarks._delays", str(parts.port), str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        try:
            yield url.replace(f":{parts.port}", f":{proxy.stdout.readline().strip()}", 1)
        finally:
            proxy.terminate()


class DelayedStack(Stack):
    """A stack whose processes reach Valkey through a proxy."""

    delay_ms = 0.0

    def _start_valkey(self) -> None:
        super()._start_valkey()
        if self.delay_ms and self._redis_url:
            self._proxy = delayed(self._redis_url, self.delay_ms)
            self._redis_url = self._proxy.__enter__()

    def stop(self) -> None:
        super().stop()
        if proxy := vars(self).pop("_proxy", None):
            proxy.__exit__(None, None, None)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
