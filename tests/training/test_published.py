"""The manifest of published images, and the downloader against a local web server."""

import hashlib
import io
import json
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.training.conftest import described_row
from training.datasets.described import read_described
from training.datasets.published import address, download, read_manifest, reduce, write_manifest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Handler(SimpleHTTPRequestHandler):
    requested: list[str] = []

    def do_GET(self) -> None:
        self.requested.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    Handler.requested.clear()
    (tmp_path / "served").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "served"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def picture(width: int = 800, height: int = 400, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), (200, 30, 30) if mode == "RGB" else (200, 30, 30, 0)).save(file, "PNG")
    return file.getvalue()


def entry(name: str, content: bytes) -> dict[str, Any]:
    where = {"repo": "owner/name", "commit": COMMIT, "path": f"a folder/{name}.png"}
    return {**described_row(f"{name}.webp", "red", 0), **where, "sha256": hashlib.sha256(content).hexdigest()}


def serve(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / "served" / "owner" / "name" / COMMIT / "a folder" / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_the_manifest_names_image_and_licence_of_every_row() -> None:
    entries = read_manifest()
    assert len(entries) == 4192
    assert len({one["image"] for one in entries}) == 4192
    for one in entries:
        assert len(one["commit"]) == 40
        assert len(one["sha256"]) == 64
        assert one["licence"]
        assert one["repo"].count("/") == 1
        assert one["caption"]


def test_every_entry_is_a_valid_row(tmp_path: Path) -> None:
    lines = (json.dumps(one) + "\n" for one in read_manifest())
    (tmp_path / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    assert len(read_described(tmp_path / "rows.jsonl", tmp_path, "described-0")) == 4192


def test_the_same_rows_give_the_same_manifest(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.jsonl").write_text(f'{{"image": "{name}.webp"}}\n', encoding="utf-8")
    one, two = tmp_path / "one.gz", tmp_path / "two.gz"
    assert [write_manifest([tmp_path / "a", tmp_path / "b"], path) for path in (one, two)] == [2, 2]
    assert one.read_bytes() == two.read_bytes()
    assert read_manifest(one) == [{"image": "a.webp"}, {"image": "b.webp"}]


def test_addresses_are_quoted() -> None:
    url = address({"repo": "owner/name", "commit": COMMIT, "path": "a b/c#1?.png"})
    assert url == f"https://raw.githubusercontent.com/owner/name/{COMMIT}/a%20b/c%231%3F.png"


def test_it_downloads_what_is_there_and_counts_the_rest(tmp_path: Path, base: str) -> None:
    content = picture()
    serve(tmp_path, "good", content)
    serve(tmp_path, "changed", picture(400))
    entries = [entry("good", content), entry("changed", content), entry("gone", content)]
    counts = download(entries, tmp_path / "folder", base)
    assert counts == Counter(have=1, changed=1, gone=1)
    (row,) = read_described(tmp_path / "folder" / "rows.jsonl", tmp_path / "folder" / "img", "described-0")
    assert row.path.read_bytes() == reduce(content)
    with Image.open(row.path) as image:
        assert image.size == (640, 320)


def test_a_second_run_downloads_what_is_missing_only(tmp_path: Path, base: str) -> None:
    content = picture()
    entries = [entry("one", content), entry("two", content)]
    serve(tmp_path, "one", content)
    download(entries, tmp_path / "folder", base)
    Handler.requested.clear()
    serve(tmp_path, "two", content)
    assert download(entries, tmp_path / "folder", base) == Counter(have=2)
    assert len(Handler.requested) == 1


def test_a_server_that_does_not_answer_is_no_missing_image(tmp_path: Path, base: str) -> None:
    entries = [entry("one", picture())]
    assert download(entries, tmp_path / "folder", "http://127.0.0.1:1") == Counter(unreachable=1)


def test_transparent_images_are_reduced_on_white() -> None:
    image = Image.open(io.BytesIO(reduce(picture(200, 100, "RGBA"))))
    assert image.size == (200, 100)
    assert image.convert("RGB").getpixel((50, 50)) == (255, 255, 255)
