import socket

import httpx
import psutil

from tests.e2e.running_stack import ScenarioContext


def web_killed(context: ScenarioContext, *, times: int) -> None:
    for number in range(times):
        context.wait_for_events()
        web = context.processes("web")[number % 2]
        web.kill()
        web.start()
        context.wait_ready()


def slow_readers(context: ScenarioContext, *, disconnects: int) -> None:
    """One client reads a byte a second, one never, and many disconnect after the first bytes; then all disconnect."""
    web = psutil.Process(context.process("web-1").pid)
    before = web.memory_info().rss
    slow, never = (open_stream(context) for _ in range(2))
    for number in range(disconnects):
        open_stream(context).close()
        if number % 10 == 9:
            slow.recv(1)
            context.run_for(0.05)
    context.wait_for_events()  # others are served
    context.notes.append(
        f"{disconnects} disconnects: {(web.memory_info().rss - before) / 2**20:+.0f} MiB in the web server"
    )
    ports = {one.getsockname()[1] for one in (slow, never)}
    slow.close()
    never.close()
    context.wait_until(lambda: not ports & {c.raddr.port for c in web.net_connections() if c.raddr})
    assert web.memory_info().rss - before < 64 * 2**20, context.notes


def open_stream(context: ScenarioContext) -> socket.socket:
    """Open the stream of a running job, with the smallest receive buffer of the system, and read its first bytes."""
    context.wait_until(lambda: context.load.running)
    job = next(iter(list(context.load.running)), "none")
    url = httpx.URL(context.stack.urls[0])
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.settimeout(30)
    client.connect((url.host, url.port))
    request = (
        f"GET /image-forge-api/v1/jobs/{job}/events HTTP/1.1\r\nHost: {url.host}\r\nX-API-Key: {context.key}\r\n\r\n"
    )
    client.sendall(request.encode())
    assert client.recv(12)[9:] == b"200"
    return client
