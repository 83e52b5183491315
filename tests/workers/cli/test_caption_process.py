"""`manage.py caption` as a process: flushing, terminals, pipes and signals."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.decoding.files import RED, SIZE, tiff
from tests.images import jpeg
from tests.workers.cli.caption_run import COLORS, CaptionRun, finished, on_terminal, started


def test_each_json_line_is_flushed_before_the_next_image_is_done(folder: Path) -> None:
    script = json.dumps({"delay_ms": 300, "crash_color": COLORS[5]})

    run = finished("--json", folder, FORGE_SCRIPT=script, FORGE_BATCH_SIZE="1")

    assert run.code == 70, "killed by its last image"
    assert run.paths[:3] == [f"{folder}/{number}.jpg" for number in range(3)]


def test_it_needs_no_database_and_creates_none(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    unreachable = {"DATABASE_URL": "postgresql://alice@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
    embedded = {"DATABASE_URL": f"sqlite:///{data}/db.sqlite3", "FORGE_DATA": str(data)}

    assert finished("--json", folder / "0.jpg", **unreachable).code == 0
    assert finished("--json", folder / "0.jpg", **embedded).code == 0
    assert [path.name for path in data.iterdir()] == ["secret_key"]


def test_without_a_terminal_stderr_has_only_errors(folder: Path) -> None:
    odd_exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01\0\0\0\x01\0"
    (folder / "2.jpg").write_bytes(jpeg(exif=odd_exif))
    (folder / "3.jpg").write_bytes(jpeg(COLORS[3]))

    run = finished(folder, folder / "missing.jpg", FORGE_SCRIPT=json.dumps({"fail_color": COLORS[5]}))

    assert run.code == 1
    assert run.stdout.count("\n  title ") == 5
    assert "\x1b" not in run.stdout + run.stderr
    traceback = r"(?s:\S+ \S+ ERROR [^\n]+\n +Traceback .*?ScriptedFailure: [^\n]+\n)"
    expected = rf"{traceback}{folder}/5\.jpg: The models failed[^\n]+\n"
    assert re.fullmatch(rf"{folder}/missing\.jpg: There is no such[^\n]+\n{expected}", run.stderr), run.stderr


def test_decoders_in_c_and_pillow_write_nothing_to_stderr(tmp_path: Path) -> None:
    pixels = bytes(RED) * (SIZE[0] * SIZE[1])
    (tmp_path / "a.tif").write_bytes(tiff(2, [8] * 3, pixels[:900], (259, 3, [5])))
    (tmp_path / "b.tif").write_bytes(tiff(2, [8] * 3, pixels, (259, 3, [50001])))
    (tmp_path / "c.tif").write_bytes(tiff(2, [8] * 3, pixels, (277, 3, [40_000])))
    (tmp_path / "d.tif").write_bytes(tiff(2, [8] * 3, pixels, (65000, 3, [1, 2, 3]), (270, 4, [0xFFFFFFFF])))
    (tmp_path / "e.jpg").write_bytes(jpeg(size=(640, 480))[:-40] + b"\xff\xd9")

    run = finished("--json", tmp_path)

    assert all(line.startswith(f"{tmp_path}/") for line in run.stderr.splitlines()), run.stderr
    assert f"{tmp_path}/d.tif" in run.paths


def test_no_progress_bar_in_a_log_even_with_forced_colors(folder: Path, tmp_path: Path) -> None:
    with (
        (tmp_path / "output").open("w") as output,
        started("--json", folder, stdout=output, FORCE_COLOR="1") as process,
    ):
        _, stderr = process.communicate(timeout=120)

    assert (process.returncode, stderr) == (0, "")


def test_the_progress_bar_is_shown_on_a_terminal_and_not_in_stdout(folder: Path, tmp_path: Path) -> None:
    with (tmp_path / "output").open("w") as output:
        shown = on_terminal(lambda terminal: started("--json", folder, stdout=output, stderr=terminal))

    assert "loading the models" in shown
    assert "captioning" in shown
    assert "6/6" in shown
    assert len(CaptionRun(0, (tmp_path / "output").read_text(), "").records) == 6


def test_the_progress_bar_is_erased_before_output_on_the_same_terminal(folder: Path) -> None:
    shown = on_terminal(lambda terminal: started("--json", folder, stdout=terminal, stderr=terminal))

    lines = [line for line in shown.splitlines() if "{" in line]
    # The bar's line is erased first.
    assert [json.loads(line.rpartition("\x1b[2K")[2])["path"] for line in lines] == [
        f"{folder}/{n}.jpg" for n in range(6)
    ]
    assert "captioning" in shown


def test_no_progress_bar_when_stdout_is_a_pipe(folder: Path) -> None:
    assert on_terminal(lambda terminal: started("--json", folder, stderr=terminal)) == ""


def test_a_closed_pipe_ends_the_run_silently(folder: Path) -> None:
    with started("--json", folder, folder, FORGE_SCRIPT='{"delay_ms": 100}', FORGE_BATCH_SIZE="1") as process:
        process.stdout.readline()
        process.stdout.close()
        stderr = process.stderr.read()

    assert (process.returncode, stderr) == (128 + signal.SIGPIPE, "")


@pytest.fixture
def slow(folder: Path) -> Iterator[Any]:
    """A run in the middle of a very long batch."""
    script = json.dumps({"delay_ms_per_image": 1000, "delay_ms": 100})
    with started("--json", *[folder] * 10, FORGE_SCRIPT=script, FORGE_BATCH_SIZE="60") as process:
        yield process
        process.kill()


def test_ctrl_c_exits_at_once_with_130_and_without_a_traceback(slow: Any) -> None:
    slow.stdout.readline()
    slow.send_signal(signal.SIGINT)
    before = time.monotonic()
    rest, stderr = slow.communicate(timeout=60)

    # Lines of the first batch may be in the pipe already; those of the long batch may not.
    assert (slow.returncode, stderr) == (130, "")
    assert len([json.loads(line) for line in rest.splitlines()]) < 59
    assert time.monotonic() - before < 20


def test_ctrl_c_during_the_start_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")

    run = finished("a.jpg", DJANGO_SETTINGS_MODULE="interrupted", PYTHONPATH=str(tmp_path))

    assert (run.code, run.stderr) == (130, "")
