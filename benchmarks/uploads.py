"""What uploads at once cost a web process: its memory at most, while fifty clients send 20 MB each.

A real web server and real pictures, each sent to its end and checked. The ratio is what was sent against what the
process held at most, its own start included.
"""

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks._service import key_of, peak_mb
from forge.stack import Stack
from tests.images import encode

CLIENTS = 50
MB = 2**20


@dataclass(frozen=True)
class Service:
    base: str
    key: str
    pid: int

    def peak_mb(self) -> float:
        """Of the web process since `forget_peak`."""
        return peak_mb(self.pid)

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def upload(self, picture: bytes) -> None:
        files = [("images[]", ("photo.jpg", io.BytesIO(picture), "application/octet-stream"))]
        headers = {"X-API-Key": self.key}
        answer = httpx.post(f"{self.base}/sessions/upload", files=files, headers=headers, timeout=600, trust_env=False)
        assert answer.status_code == 201, answer.text


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="uploads of 4 MB instead of 20")
    size = 4 * MB if arguments.parse_args().quick else settings.FORGE_MAX_IMAGE_BYTES
    table = Table("pictures", "sent, MB", "web process at first, MB", "at most, MB", "seconds")
    worst = 0.0
    with service() as web:
        web.upload(KINDS["JPEG"](size))  # The first request of a process loads what the others find.
        for kind, make in KINDS.items():
            first, most, seconds = flood(web, make(size))
            worst = max(worst, most)
            sent = f"{CLIENTS} of {size // MB}"
            table.add_row(kind, sent, f"{first:.0f}", f"{most:.0f}", f"{seconds:.0f}")
    Console().print(table)
    print(f"uploads: {CLIENTS * size / MB / worst:.2f}")


@contextmanager
def service() -> Iterator[Service]:
    env: dict[str, str | None] = {"FORGE_MODELS": "scripted", "REDIS_URL": None, "DATABASE_URL": None}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=env) as stack:
        stack.wait_ready()
        yield Service(f"{stack.urls[0]}/image-forge-api/v1", key_of(Path(folder)), stack.processes["web-1"].pid)


def flood(web: Service, picture: bytes) -> tuple[float, float, float]:
    """Megabytes before and at most, and seconds."""
    web.forget_peak()
    first, started = web.peak_mb(), time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(web.upload, [picture] * CLIENTS))
    return first, web.peak_mb(), time.perf_counter() - started


def noise(pixels: int) -> Image.Image:
    """Nothing that compresses, 4:3."""
    height = int((pixels * 3 / 4) ** 0.5)
    size = (height * 4 // 3, height)
    return Image.frombytes("RGB", size, os.urandom(3 * size[0] * size[1]))


def _jpeg(size: int) -> bytes:
    return _padded(encode(noise(size // 3), "JPEG", quality=90), size)


def _png(size: int) -> bytes:
    return _padded(encode(noise(size // 3 - 4096), "PNG", compress_level=0), size)


def _padded(picture: bytes, size: int) -> bytes:
    """Exactly so many bytes; what follows a picture's end is nobody's."""
    assert len(picture) <= size, len(picture)
    return picture + bytes(size - len(picture))


KINDS: dict[str, Callable[[int], bytes]] = {"JPEG": _jpeg, "PNG": _png}


if __name__ == "__main__":
    main()
