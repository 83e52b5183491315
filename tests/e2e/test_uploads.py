"""Many and large uploads, whole and broken, at a real web server."""

import contextlib
import io
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.conftest import MakeKey, MakeStack, until
from tests.images import jpeg

pytestmark = pytest.mark.e2e

MB = 2**20
AT_ONCE, EACH = 20, 6 * MB
SENT = 3 * MB  # of an upload that breaks


def peak(pid: int) -> int:
    """Bytes that the process held at most since `forget_peak`."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def files_of(pid: int, folder: Path) -> list[str]:
    """Files below the folder that the process holds open, those without a name too."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(f"{folder}/")]


def upload(base: str, key: str, picture: bytes) -> int:
    files = [("images[]", ("photo.jpg", io.BytesIO(picture), "image/jpeg"))]
    headers = {"X-API-Key": key}
    return httpx.post(f"{base}/sessions/upload", files=files, headers=headers, timeout=120, trust_env=False).status_code


def half_an_upload(url: str, key: str) -> socket.socket:
    """A connection over which the first part of a large upload has been sent."""
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
    return [path for path in (stack.data / "media").rglob("*") if path.is_file()]


def test_uploads_at_once_are_on_disk_and_not_in_memory_and_broken_ones_leave_nothing(
    make_stack: MakeStack, make_key: MakeKey, tmp_path: Path
) -> None:
    stack = make_stack(env={"TMPDIR": str(tmp_path)})
    key, base = make_key(stack.data), f"{stack.urls[0]}/image-forge-api/v1"
    web = stack.processes["web-1"]
    assert upload(base, key, jpeg()) == 201  # The first one loads what the others find.

    forget_peak(web.pid)
    before = peak(web.pid)
    picture = jpeg() + bytes(EACH)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: upload(base, key, picture), range(AT_ONCE)))
    assert answers == [201] * AT_ONCE
    # Django's own way would hold 2.5 MB of each.
    assert peak(web.pid) - before < AT_ONCE * 1.5 * MB
    assert len(stored(stack)) == AT_ONCE + 1

    leaves = half_an_upload(stack.urls[0], key)
    until(lambda: files_of(web.pid, tmp_path), "the file that the upload is written to")
    leaves.close()
    until(lambda: not files_of(web.pid, tmp_path), "the file's end")

    with half_an_upload(stack.urls[0], key):
        until(lambda: files_of(web.pid, tmp_path), "the file that the upload is written to")
        web.kill()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert len(stored(stack)) == AT_ONCE + 1
