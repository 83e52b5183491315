"""Peak memory of a web process while fifty clients upload 20 MB each.

A real web server and real images, each uploaded completely and validated. The ratio is the bytes sent against the peak
of the process, its own start included.
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

from benchmarks._memory import MB, peak_mb, reset_peak
from benchmarks._service import make_key
from forge.stack import Stack
from tests.images import encode

CLIENTS = 50


@dataclass(frozen=True)
class WebServer:
    base: str
    key: str
    pid: int

    def upload(self, image: bytes) -> None:
        files = [("images[]", ("photo.jpg", io.BytesIO(image), "application/octet-stream"))]
        headers = {"X-API-Key": self.key}
        response = httpx.post(
            f"{self.base}/sessions/upload", files=files, headers=headers, timeout=600, trust_env=False
        )
        assert response.status_code == 201, response.text


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="uploads of 4 MB instead of 20")
    size = 4 * MB if arguments.parse_args().quick else settings.FORGE_MAX_IMAGE_BYTES
    table = Table("images", "sent, MB", "web process at first, MB", "at most, MB", "seconds")
    worst = 0.0
    with service() as web:
        web.upload(KINDS["JPEG"](size))  # warm-up
        for kind, make in KINDS.items():
            first, most, seconds = upload_concurrently(web, make(size))
            worst = max(worst, most)
            sent = f"{CLIENTS} of {size // MB}"
            table.add_row(kind, sent, f"{first:.0f}", f"{most:.0f}", f"{seconds:.0f}")
    Console().print(table)
    print(f"uploads: {CLIENTS * size / MB / worst:.2f}")


@contextmanager
def service() -> Iterator[WebServer]:
    env: dict[str, str | None] = {"FORGE_MODELS": "scripted", "REDIS_URL": None, "DATABASE_URL": None}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=env) as stack:
        stack.wait_ready()
        yield WebServer(f"{stack.urls[0]}/image-forge-api/v1", make_key(Path(folder)), stack.processes["web-1"].pid)


def upload_concurrently(web: WebServer, image: bytes) -> tuple[float, float, float]:
    """Return the web process's MB before, its peak in MB, and seconds."""
    reset_peak(web.pid)
    first, started = peak_mb(web.pid), time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(web.upload, [image] * CLIENTS))
    return first, peak_mb(web.pid), time.perf_counter() - started


def noise(pixels: int) -> Image.Image:
    """Return incompressible noise, 4:3."""
    height = int((pixels * 3 / 4) ** 0.5)
    size = (height * 4 // 3, height)
    return Image.frombytes("RGB", size, os.urandom(3 * size[0] * size[1]))


def _jpeg(size: int) -> bytes:
    return _padded(encode(noise(size // 3), "JPEG", quality=90), size)


def _png(size: int) -> bytes:
    return _padded(encode(noise(size // 3 - 4096), "PNG", compress_level=0), size)


def _padded(image: bytes, size: int) -> bytes:
    """Pad the file to `size` bytes; decoders ignore what follows the end of the image."""
    assert len(image) <= size, len(image)
    return image + bytes(size - len(image))


KINDS: dict[str, Callable[[int], bytes]] = {"JPEG": _jpeg, "PNG": _png}


if __name__ == "__main__":
    main()
