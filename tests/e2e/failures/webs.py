import socket

import httpx
import psutil

from tests.e2e.running_stack import Ground


def web_killed(ground: Ground, *, times: int) -> None:
    for number in range(times):
        ground.moves()
        victim = ground.named("web")[number % 2]
        victim.kill()
        victim.start()
        ground.ready()


def bad_readers(ground: Ground, *, leave: int) -> None:
    """One reads a byte a second, one never, and many leave as soon as they are served; then all have left."""
    web = psutil.Process(ground.process("web-1").pid)
    before = web.memory_info().rss
    slow, never = (open_stream(ground) for _ in range(2))
    for number in range(leave):
        open_stream(ground).close()
        if number % 10 == 9:
            slow.recv(1)
            ground.hold(0.05)
    ground.moves()  # Others are served.
    ground.notes.append(f"{leave} left: {(web.memory_info().rss - before) / 2**20:+.0f} MiB in their web server")
    ports = {one.getsockname()[1] for one in (slow, never)}
    slow.close()
    never.close()
    ground.until(lambda: not ports & {c.raddr.port for c in web.net_connections() if c.raddr})
    assert web.memory_info().rss - before < 64 * 2**20, ground.notes


def open_stream(ground: Ground) -> socket.socket:
    """A stream of a job under way, read up to its first bytes, with the smallest buffer that the system gives."""
    ground.until(lambda: ground.load.running)
    job = next(iter(list(ground.load.running)), "none")
    url = httpx.URL(ground.stack.urls[0])
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.settimeout(30)
    client.connect((url.host, url.port))
    request = (
        f"GET /image-forge-api/v1/jobs/{job}/events HTTP/1.1\r\nHost: {url.host}\r\nX-API-Key: {ground.key}\r\n\r\n"
    )
    client.sendall(request.encode())
    assert client.recv(12)[9:] == b"200"
    return client
