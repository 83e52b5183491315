"""`manage.py models`: list, pull and verify, against a local fake hub."""

import hashlib
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command

from workers.cli.management.commands.models import Command
from workers.models.checkpoints import store

COMMIT, NEXT = "a" * 40, "b" * 40
NAME = "alice/small-blip"
WEIGHTS = bytes(range(256)) * 64
FILES = {
    "config.json": b'{"model_type": "blip"}',
    "vocab.txt": b"[UNK]\ndog",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle",
    "README.md": b"words",
    "nested/tokenizer.json": b"{}",
}


@dataclass
class FakeHub:
    """`requests`: path and range of each. `cut`: files whose first response ends after so many bytes."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    commits: dict[str, str] = field(default_factory=lambda: {"main": COMMIT, COMMIT: COMMIT, NEXT: NEXT})
    requests: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    storage: str = ""
    cut: dict[str, int] = field(default_factory=dict)
    corrupted: set[str] = field(default_factory=set)
    url: str = ""

    def listing(self, revision: str) -> bytes | None:
        if revision not in self.commits:
            return None
        siblings = [self._entry(name, data) for name, data in self.files.items()]
        return json.dumps({"sha": self.commits[revision], "siblings": siblings}).encode()

    def _entry(self, name: str, data: bytes) -> dict[str, Any]:
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith((".safetensors", ".bin")):
            # The blob of a large file is that of its LFS pointer.
            entry |= {"blobId": "0" * 40, "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}}
        return entry


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            hub.requests.append((path, self.headers.get("Range", "")))
            hub.tokens.append(self.headers.get("Authorization", ""))
            if path.startswith(f"/api/models/{NAME}/revision/"):
                self._respond(hub.listing(path.rpartition("/revision/")[2]))
            elif path.startswith("/api/"):
                self._respond(None)
            elif path.startswith("/moved/"):
                self._file(path.removeprefix("/moved/"))
            else:
                # A redirect, as for large files on the real hub.
                self.send_response(302)
                self.send_header("Location", f"{hub.storage}/moved/{path.rpartition('/')[2]}")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _file(self, name: str) -> None:
            data = hub.files[name]
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            body = bytes(len(data)) if name in hub.corrupted else data
            self._respond(body[start:], 206 if start else 200, hub.cut.pop(name, None))

        def _respond(self, body: bytes | None, code: int = 200, cut: int | None = None) -> None:
            self.send_response(404 if body is None else code)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write((body or b"")[:cut])
            self.close_connection = cut is not None

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield hub
        server.shutdown()
        thread.join()


@pytest.fixture
def hub(settings: Any, tmp_path: Path) -> Iterator[FakeHub]:
    with serving(FakeHub()) as hub:
        settings.FORGE_HUB_URL, settings.FORGE_MODELS_DIR = hub.url, tmp_path / "models"
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models" / NAME


@dataclass(frozen=True)
class ModelsRun:
    code: int
    stdout: str
    stderr: str


def models(*arguments: str) -> ModelsRun:
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(Command(), *arguments, stdout=stdout, stderr=stderr)
    except SystemExit as end:
        code = int(end.code or 0)
    return ModelsRun(code, stdout.getvalue(), stderr.getvalue())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_pull_downloads_configuration_tokenizer_and_safetensors_but_no_pickle(hub: FakeHub, folder: Path) -> None:
    run = models("pull", NAME)
    assert (run.code, run.stderr) == (0, "")
    assert run.stdout == f"{NAME}: 0 MB at {COMMIT[:12]}, hashes checked.\n"
    assert names(folder) == {"config.json", "vocab.txt", "model.safetensors", store.CHECKSUMS, store.REVISION}
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert all("pytorch" not in path for path, _ in hub.requests)


def test_files_are_requested_by_commit_and_not_by_branch(hub: FakeHub) -> None:
    models("pull", NAME)
    assert {path for path, _ in hub.requests if path.startswith(f"/{NAME}")} == {
        f"/{NAME}/resolve/{COMMIT}/{name}" for name in ("config.json", "vocab.txt", "model.safetensors")
    }


def test_a_pulled_model_is_pinned_until_another_revision_is_given(hub: FakeHub, folder: Path) -> None:
    models("pull", NAME)
    hub.commits["main"] = NEXT
    models("pull", NAME)
    assert store.commit(folder) == COMMIT
    models("pull", NAME, "--revision", "main")
    assert store.commit(folder) == NEXT


def test_pulled_files_are_not_downloaded_again(hub: FakeHub) -> None:
    models("pull", NAME)
    hub.requests.clear()
    assert models("pull", NAME).code == 0
    assert [path for path, _ in hub.requests] == [f"/api/models/{NAME}/revision/{COMMIT}"]


def test_an_aborted_pull_is_marked_as_partial_and_is_resumed(hub: FakeHub, folder: Path) -> None:
    hub.cut["model.safetensors"] = 1000
    run = models("pull", NAME)
    assert run.code == 1
    assert "model.safetensors broke off" in run.stderr
    assert not {"model.safetensors", store.CHECKSUMS} & names(folder)
    assert models("verify").code == 1
    hub.requests.clear()
    assert models("pull", NAME).code == 0
    assert ("/moved/model.safetensors", "bytes=1000-") in hub.requests
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_with_a_wrong_hash_is_deleted(hub: FakeHub, folder: Path, name: str) -> None:
    hub.corrupted.add(name)
    run = models("pull", NAME)
    assert (run.code, run.stdout) == (1, "")
    assert f"{name} does not match the hub's listing" in run.stderr
    assert not {name, f"{name}{store.PARTIAL_SUFFIX}", store.CHECKSUMS} & names(folder)


def test_a_model_without_safetensors_is_rejected(hub: FakeHub, folder: Path) -> None:
    del hub.files["model.safetensors"]
    run = models("pull", NAME)
    assert run.code == 1
    assert "no safetensors at main" in run.stderr
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bob/unknown",), "no model bob/unknown"),
        ((NAME, "--revision", "nowhere"), "at revision nowhere"),
        (("../../etc",), "no model's name"),
        (("blip",), "no model's name"),
    ],
)
def test_a_failed_pull_is_reported_in_one_sentence(hub: FakeHub, arguments: tuple[str, ...], message: str) -> None:
    run = models("pull", *arguments)
    assert run.code == 1
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_an_unreachable_hub_is_reported_in_one_sentence(hub: FakeHub, settings: Any) -> None:
    settings.FORGE_HUB_URL = "http://127.0.0.1:9"
    run = models("pull", NAME)
    assert run.code == 1
    assert "to the hub failed" in run.stderr


def test_without_a_name_the_configured_models_are_pulled(hub: FakeHub, settings: Any, folder: Path) -> None:
    settings.FORGE_BLIP, settings.FORGE_CLIP = NAME, str(folder)
    assert models("pull").code == 0
    assert store.commit(folder) == COMMIT


def test_the_checkpoint_of_the_service_is_pulled(hub: FakeHub, settings: Any, folder: Path) -> None:
    settings.FORGE_MODELS, settings.FORGE_CHECKPOINT = "transformers", NAME
    hub.files |= {
        "chat_template.jinja": b"{{ messages }}", "consolidated.safetensors": b"a copy", "modeling_own.py": b"code"
    }  # fmt: skip
    assert models("pull").code == 0
    assert "chat_template.jinja" in names(folder)
    assert not {"consolidated.safetensors", "modeling_own.py"} & names(folder)


def test_the_token_is_sent_to_the_hub_and_not_to_its_storage(hub: FakeHub, settings: Any) -> None:
    settings.FORGE_HUB_TOKEN = "hf_secret"
    with serving(FakeHub()) as storage:
        hub.storage = storage.url
        run = models("pull", NAME)
    assert run.code == 0
    assert set(hub.tokens) == {"Bearer hf_secret"}
    assert storage.tokens
    assert set(storage.tokens) == {""}
    assert "hf_secret" not in run.stdout + run.stderr


def test_verify_reports_missing_and_damaged_files(hub: FakeHub, folder: Path) -> None:
    models("pull", NAME)
    assert models("verify") == ModelsRun(0, f"{NAME}: whole.\n", "")
    (folder / "config.json").unlink()
    data = bytearray(WEIGHTS)
    data[100] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    run = models("verify")
    assert (run.code, run.stdout) == (1, "")
    assert run.stderr == f"{NAME}: config.json is missing.\n{NAME}: model.safetensors is damaged.\n"


def test_list_shows_revisions_and_models_that_can_be_pulled(hub: FakeHub) -> None:
    models("pull", NAME)
    run = models("list")
    assert f"{NAME} " in run.stdout
    assert COMMIT[:12] in run.stdout
    assert all(f"bin/manage models pull {name}" in run.stdout for name in store.SUPPORTED)
