"""Concurrent large uploads, complete and broken, at a real web server."""

import contextlib
import io
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.images import jpeg

pytestmark = pytest.mark.e2e

MB = 2**20
CONCURRENT, BYTES = 20, 6 * MB
SENT = 3 * MB  # of an upload that breaks


def peak(pid: int) -> int:
    """Return the peak resident bytes of the process since `reset_peak`."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def files_of(pid: int, folder: Path) -> list[str]:
    """Return the files below the folder that the process has open, unnamed ones included."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(f"{folder}/")]


def upload(base: str, key: str, image: bytes) -> int:
    files = [("images[]", ("photo.jpg", io.BytesIO(image), "image/jpeg"))]
    headers = {"X-API-Key": key}
    return httpx.post(f"{base}/sessions/upload", files=files, headers=headers, timeout=120, trust_env=False).status_code


def half_an_upload(url: str, key: str) -> socket.socket:
    """Return a connection over which the first part of a large upload was sent."""
    address = urlsplit(url)
    head = (
        f"POST /image-forge-api/v1/sessions/upload HTTP/1.1\r\nHost: {address.netloc}\r\nX-API-Key: {key}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {2 * SENT}\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="images[]"; filename="a.jpg"\r\n\r\n'
    )
    connection = socket.create_connection((address.hostname, address.port or 80), timeout=60)
    connection.sendall(head.encode() + jpeg() + bytes(SENT))
    return connection


def stored(stack: Stack) -> list[Path]:
    return [path for path in (stack.data / "media" / "sessions").rglob("*") if path.is_file()]


def test_concurrent_uploads_are_kept_on_disk_and_broken_ones_leave_no_file(
    make_stack: MakeStack, make_key: MakeKey, tmp_path: Path
) -> None:
    stack = make_stack(env={"TMPDIR": str(tmp_path)})
    key, base = make_key(stack.data), f"{stack.urls[0]}/image-forge-api/v1"
    web = stack.processes["web-1"]
    assert upload(base, key, jpeg()) == 201  # the first request of a process imports modules

    reset_peak(web.pid)
    before = peak(web.pid)
    image = jpeg() + bytes(BYTES)
    with ThreadPoolExecutor(CONCURRENT) as pool:
        statuses = list(pool.map(lambda _: upload(base, key, image), range(CONCURRENT)))
    assert statuses == [201] * CONCURRENT
    # Django's default would hold 2.5 MB of each. Two are checked at a time, with two copies of each for a moment.
    assert peak(web.pid) - before < CONCURRENT * 2.4 * MB
    assert len(stored(stack)) == CONCURRENT + 1

    broken = half_an_upload(stack.urls[0], key)
    wait_until(lambda: files_of(web.pid, tmp_path), "the file that the upload is written to")
    broken.close()
    wait_until(lambda: not files_of(web.pid, tmp_path), "the file's end")

    with half_an_upload(stack.urls[0], key):
        wait_until(lambda: files_of(web.pid, tmp_path), "the file that the upload is written to")
        web.kill()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert len(stored(stack)) == CONCURRENT + 1
