"""The commands in bin/: output, side effects and exit codes.

They run with a fake virtual environment, so that nothing is installed: its python is this one, except that
`pip install` is only recorded.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from forge.stack import Stack
from tests.e2e.conftest import default_signal_handlers, environment, processes_on, wait_until

pytestmark = pytest.mark.e2e

BIN = settings.BASE_DIR / "bin"
COMMANDS = ["bench", "demo", "lock", "manage", "setup", "test", "up"]


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my images"
    folder.mkdir()
    Image.new("RGB", (320, 200), "teal").save(folder / "teal.png")
    Image.new("RGB", (200, 320), "orange").save(folder / "orange.jpg")
    return folder


def _command(venv: Path, data: Path, name: str, *arguments: object) -> subprocess.Popen[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [BIN / name, *map(str, arguments)],
        cwd=data.parent,
        env={**environment(data), "FORGE_VENV": str(venv), "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _run(venv: Path, data: Path, name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    with _command(venv, data, name, *arguments) as process:
        stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def _installs(venv: Path) -> list[str]:
    return (venv / "installs").read_text().splitlines()


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_an_executable_shell_script(name: str) -> None:
    assert os.access(BIN / name, os.X_OK)
    assert (BIN / name).read_text().startswith("#!/bin/sh\n# bin/" + name)


def test_each_command_has_a_test() -> None:
    assert sorted(path.name for path in BIN.iterdir() if path.suffix != ".sh") == COMMANDS


def test_setup_installs_by_hashes_and_torch_last_and_only_once(venv: Path, tmp_path: Path) -> None:
    first = _run(venv, tmp_path / "data", "setup")
    assert first.returncode == 0, first.stderr
    assert first.stdout == ""
    *locked, torch = _installs(venv)
    assert [line.split()[-1] for line in locked] == ["/dev/stdin", str(settings.BASE_DIR / "requirements.lock")]
    assert all({"--require-hashes", "--no-deps", "--no-build-isolation"} <= set(line.split()) for line in locked)
    assert torch.split()[-1].startswith("torch==")

    second = _run(venv, tmp_path / "data", "setup")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert len(_installs(venv)) == 3


def test_two_setups_at_once_install_once(venv: Path, tmp_path: Path) -> None:
    both = [_command(venv, tmp_path / "data", "setup") for _ in range(2)]
    for one in both:
        one.communicate(timeout=60)
        assert one.returncode == 0
    assert len(_installs(venv)) == 3


def test_setup_dev_installs_the_tools_too(venv: Path, tmp_path: Path) -> None:
    assert _run(venv, tmp_path / "data", "setup", "--dev").returncode == 0
    assert _installs(venv)[-1].endswith("requirements-dev.lock")
    assert "--require-hashes" in _installs(venv)[-1]
    assert _run(venv, tmp_path / "data", "setup").stderr == ""


def test_a_failed_install_names_the_remedy_and_the_next_setup_continues(venv: Path, tmp_path: Path) -> None:
    (venv / "refused").touch()
    refused = _run(venv, tmp_path / "data", "setup")
    assert refused.returncode == 2
    assert "run bin/setup again" in refused.stderr

    (venv / "refused").unlink()
    assert _run(venv, tmp_path / "data", "setup").returncode == 0
    assert "--ignore-installed" not in _installs(venv)[-1]


def test_a_killed_install_is_repeated_completely(venv: Path, tmp_path: Path) -> None:
    (venv / "killed").touch()
    assert _run(venv, tmp_path / "data", "setup").returncode == 2

    (venv / "killed").unlink()
    assert _run(venv, tmp_path / "data", "setup").returncode == 0
    assert "--ignore-installed" in _installs(venv)[-1]


def test_setup_refuses_a_folder_with_other_files(tmp_path: Path, image_folder: Path) -> None:
    refused = _run(image_folder, tmp_path / "data", "setup")
    assert refused.returncode == 2
    assert sorted(path.name for path in image_folder.iterdir()) == ["orange.jpg", "teal.png"]


def test_make_key_prints_only_the_key(venv: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"

    # The first command on this folder also makes the tables.
    made = _run(venv, data, "manage", "--data", "data", "make_key", "--account", "acme", "--credits", 100)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("sk-")
    assert len(made.stdout.split()) == 1


def test_caption_makes_no_tables(venv: Path, tmp_path: Path, image_folder: Path) -> None:
    data = tmp_path / "data"

    captioned = _run(venv, data, "manage", "caption", "--model", "scripted", image_folder / "teal.png")
    assert captioned.returncode == 0, captioned.stderr
    assert captioned.stdout.startswith(f"{image_folder}/teal.png\n  title")
    assert [path.name for path in data.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("arguments", [["no-such-benchmark"], [], ["../manage"], ["--quick"]])
def test_bench_lists_the_benchmarks(venv: Path, tmp_path: Path, arguments: list[str]) -> None:
    refused = _run(venv, tmp_path / "data", "bench", *arguments)
    assert refused.returncode == 2
    assert refused.stderr.startswith("usage: bin/bench NAME")
    assert refused.stdout == ""


def test_the_demo_starts_and_stops_its_own_stack(venv: Path, tmp_path: Path, image_folder: Path) -> None:
    data = tmp_path / "demo data"
    demo = _run(venv, tmp_path / "unused", "demo", image_folder, "--data", "demo data")

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stdout.count("  result    ") == 2
    for text in ("teal.png", "orange.jpg", "title", "alt", "caption", "description", "filename", "seoTags"):
        assert text in demo.stdout
    assert "2 credits charged, 0 left." in demo.stdout
    assert "\x1b" not in demo.stdout, "no colours in a pipe"
    assert processes_on(data) == []


def test_the_demo_uses_a_running_stack(venv: Path, stack: Stack, image_folder: Path, tmp_path: Path) -> None:
    demo = _run(venv, tmp_path / "unused", "demo", "--data", stack.data, image_folder / "teal.png")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert stack.urls[0] in demo.stdout
    assert stack.not_ready_reason() is None


def test_an_error_response_is_shown_as_its_sentence(
    venv: Path, stack: Stack, image_folder: Path, tmp_path: Path
) -> None:
    text = image_folder / "notes.jpg"
    text.write_text("these are not the pixels of an image")
    refused = _run(venv, tmp_path / "unused", "demo", "--data", stack.data, text)
    assert refused.returncode == 1
    assert "not an image of a supported type" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("missing", ["nothing-here.jpg", "empty"])
def test_an_unreadable_path_is_one_sentence(venv: Path, tmp_path: Path, missing: str) -> None:
    (tmp_path / "empty").mkdir()
    refused = _run(venv, tmp_path / "data", "demo", tmp_path / missing)
    assert refused.returncode == 2
    assert missing in refused.stderr.splitlines()[-1]
    assert processes_on(tmp_path / "data") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(venv: Path, tmp_path: Path, image_folder: Path, number: int) -> None:
    data = tmp_path / "data"
    with default_signal_handlers():
        demo = _command(venv, data, "demo", image_folder)
    with demo:
        wait_until(lambda: len(processes_on(data)) > 3, "the demo's stack is starting")
        demo.send_signal(number)
        _, stderr = demo.communicate(timeout=120)
    # Before the demo handles the signal, the signal itself ends it: a shell reports both alike.
    assert demo.returncode in {128 + number, -number}, stderr
    assert "Traceback" not in stderr
    assert processes_on(data) == []
