"""`manage.py caption`: output, errors, exit codes, and signals."""

import io
import itertools
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.e2e.conftest import signals_are_heard
from tests.images import bomb_png, jpeg
from workers import models
from workers.cli.filenames import UniqueFilenames
from workers.cli.management.commands.caption import Command
from workers.cli.ordered_threads import map_ordered
from workers.cli.output import caption_record, format_block
from workers.composing.metadata import compose
from workers.imaging.image_facts import Context
from workers.pipeline import Analysis
from workers.runtime.engine import EngineNotLoaded

ROOT = Path(__file__).parents[3]
COLORS = ("#b02020", "#20b020", "#2020b0", "#b0b020", "#20b0b0", "#b020b0")


@dataclass(frozen=True)
class CaptionRun:
    code: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def paths(self) -> list[str]:
        return [record["path"] for record in self.records]


def caption(*arguments: object, command: Command | None = None) -> CaptionRun:
    """Run the command in this process, where pytest-django forbids every query."""
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(command or Command(), "--model", "scripted", *map(str, arguments), stdout=stdout, stderr=stderr)
    except SystemExit as end:
        code = int(end.code or 0)
    return CaptionRun(code, stdout.getvalue(), stderr.getvalue())


def started(*arguments: object, stdout: Any = subprocess.PIPE, stderr: Any = subprocess.PIPE, **env: str) -> Any:
    """Start manage.py caption as a process."""
    with signals_are_heard():
        return subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "caption", "--model", "scripted", *map(str, arguments)],
            # Unbuffered stdout, as often in containers, would hide a missing flush.
            env={**os.environ, "PYTHONUNBUFFERED": "", "TERM": "xterm", "COLUMNS": "100", **env},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )


def finished(*arguments: object, **env: str) -> CaptionRun:
    with started(*arguments, **env) as process:
        stdout, stderr = process.communicate(timeout=120)
    return CaptionRun(process.returncode, stdout, stderr)


def on_terminal(start: Callable[[int], Any]) -> str:
    """Return what the process writes to its pseudo-terminal."""
    ours, theirs = pty.openpty()
    with start(theirs) as process:
        os.close(theirs)
        written = b""
        while chunk := _read(ours):
            written += chunk
        process.communicate(timeout=120)
    os.close(ours)
    assert process.returncode == 0, written
    return written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 2**16)
    except OSError:  # Linux raises this once the last writer has closed it.
        return b""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images, created in another order than they are read in."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in (3, 0, 5, 1, 4, 2):
        (folder / f"{number}.jpg").write_bytes(jpeg(COLORS[number]))
    return folder


# --- Output ---


def test_json_has_the_six_fields_the_caption_the_tags_and_the_model(folder: Path) -> None:
    run = caption("--json", folder / "0.jpg")

    (record,) = run.records
    assert (run.code, run.stderr) == (0, "")
    assert list(record) == ["path", "metadata", "caption", "tags", "model"]
    assert list(record["metadata"]) == ["title", "alt", "caption", "description", "filename", "seoTags"]
    assert all(record["metadata"].values())
    assert re.fullmatch(r"a \w+ \w+ \w+ beside a \w+ \w+", record["caption"]["text"])
    assert record["caption"]["confidence"] == 0.9
    assert [(list(tag), tag["confidence"]) for tag in record["tags"]] == [
        (["text", "confidence"], 0.9),
        (["text", "confidence"], 0.6),
    ]
    assert record["model"] == "scripted-captioner@1"


def test_without_a_model_caption_it_is_the_composed_one_at_confidence_zero() -> None:
    composed = compose([], [], Context(40, 30, colors=("red",)))

    record = caption_record("a.jpg", Analysis(composed, {"captions": [], "tags": []}), filename="a", model="m@1")

    assert record["caption"] == {"text": composed.caption, "confidence": 0.0}
    assert record["metadata"]["filename"] == "a"


def test_without_json_it_is_a_block_with_every_field(folder: Path) -> None:
    metadata = caption("--json", folder / "0.jpg").records[0]["metadata"]

    lines = caption(folder / "0.jpg").stdout.splitlines()

    assert lines[0] == str(folder / "0.jpg")
    assert [tuple(re.split(r"\s{2,}", line.strip(), maxsplit=1)) for line in lines[1:7]] == [
        ("title", metadata["title"]),
        ("alt", metadata["alt"]),
        ("caption", metadata["caption"]),
        ("description", metadata["description"]),
        ("file name", metadata["filename"]),
        ("tags", ", ".join(metadata["seoTags"])),
    ]
    assert lines[7:] == [""]


def test_a_block_is_wrapped_at_the_terminal_width_except_file_names(folder: Path) -> None:
    (record,) = caption("--json", folder / "0.jpg").records

    lines = format_block({**record, "path": "a.jpg"}, 40).splitlines()  # type: ignore[typeddict-item]

    assert len(lines) > 10
    assert [line for line in lines if len(line) > 40 and record["metadata"]["filename"] not in line] == []
    assert any(line.endswith(record["metadata"]["filename"]) for line in lines)


def test_json_does_not_escape_unicode(tmp_path: Path) -> None:
    (tmp_path / "Blüte 花.jpg").write_bytes(jpeg())

    assert "Blüte 花.jpg" in caption("--json", tmp_path).stdout


def test_a_path_that_is_not_utf8_round_trips_through_json(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    with open(name, "wb") as file:  # noqa: PTH123 - Path takes no bytes
        file.write(jpeg())

    run = finished("--json", tmp_path)

    assert (run.code, run.stderr) == (0, "")
    assert os.fsencode(run.paths[0]) == name


# --- Paths ---


def test_a_folder_is_walked_recursively_sorted_and_without_hidden_entries(tmp_path: Path) -> None:
    for name in (
        "b/2.JPG",
        "b/1.png",
        "a.jpeg",
        "c.webp",
        "b.gif",
        ".hidden.jpg",
        ".cache/x.jpg",
        "b/.x/y.jpg",
        "z.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(jpeg())

    run = caption("--json", tmp_path)

    assert run.paths == [f"{tmp_path}/{name}" for name in ("a.jpeg", "b/1.png", "b/2.JPG", "b.gif", "c.webp")]
    assert run.code == 0


def test_links_to_folders_are_not_followed(folder: Path) -> None:
    (folder / "again").symlink_to(folder)

    assert len(caption("--json", folder).paths) == 6


def test_a_named_file_is_read_whatever_its_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("scan", "scan.txt", ".hidden.jpg"):
        Path(name).write_bytes(jpeg())

    assert caption("--json", "./scan", "scan.txt", ".hidden.jpg").paths == ["./scan", "scan.txt", ".hidden.jpg"]


def test_paths_keep_their_order_and_may_be_folders_and_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "last.jpg").write_bytes(jpeg())
    (tmp_path / "first.jpg").write_bytes(jpeg())

    run = caption("--json", tmp_path / "first.jpg", folder, tmp_path / "last.jpg")

    assert [Path(path).stem for path in run.paths] == ["first", "0", "1", "2", "3", "4", "5", "last"]


# --- Errors ---


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.jpg", None, "There is no such file or folder."),
        ("notes.jpg", b"not an image", "The file is not a supported image."),
        ("half.jpg", jpeg()[:200], "The image is damaged or incomplete and cannot be read."),
        ("bomb.png", bomb_png(), "The image has 3,600,000,000 pixels, more than 50,000,000 (FORGE_MAX_IMAGE_PIXELS)."),
        ("long.jpg", jpeg() + bytes(20_000), "The file is larger than 20,000 bytes (FORGE_MAX_IMAGE_BYTES)."),
    ],
)
def test_an_unusable_file_is_one_line_on_stderr_and_the_run_continues(
    folder: Path, name: str, content: bytes | None, sentence: str, settings: Any
) -> None:
    settings.FORGE_MAX_IMAGE_BYTES = 20_000
    path = folder.parent / name
    if content is not None:
        path.write_bytes(content)

    run = caption("--json", folder / "0.jpg", path, folder / "1.jpg")

    assert run.stderr == f"{path}: {sentence}\n"
    assert run.paths == [f"{folder}/0.jpg", f"{folder}/1.jpg"]
    assert run.code == 1


def test_an_os_error_is_reported_with_its_text(folder: Path) -> None:
    (folder / "circle.jpg").symlink_to("circle.jpg")

    run = caption("--json", folder)

    assert run.stderr == f"{folder}/circle.jpg: It cannot be read: Too many levels of symbolic links.\n"
    assert (run.code, len(run.paths)) == (1, 6)


def test_a_folder_without_images_is_an_error(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").touch()

    run = caption("--json", empty, folder)

    assert run.stderr == f"{empty}: There are no images in this folder.\n"
    assert (run.code, len(run.paths)) == (1, 6)


def test_a_failed_image_is_named_and_the_others_are_captioned(
    folder: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.FORGE_SCRIPT = {"fail_color": COLORS[2]}

    run = caption("--json", folder)

    assert run.stderr == f"{folder}/2.jpg: The models failed on this image; the traceback is above.\n"
    assert [Path(path).stem for path in run.paths] == ["0", "1", "3", "4", "5"]
    assert run.code == 1
    assert f"The analysis of {folder}/2.jpg failed." in caplog.messages
    assert "ScriptedFailure" in caplog.text


def test_a_timeout_of_the_models_is_reported(folder: Path, settings: Any) -> None:
    settings.FORGE_SCRIPT = {"delay_ms": 300}
    settings.FORGE_ANALYSIS_TIMEOUT_S = 0.05

    run = caption("--json", folder / "0.jpg")

    assert run.stderr == f"{folder}/0.jpg: The models did not respond in time (FORGE_ANALYSIS_TIMEOUT_S).\n"
    assert (run.code, run.stdout) == (1, "")


# --- Models ---


def test_an_unknown_model_names_the_accepted_ones() -> None:
    with pytest.raises(CommandError, match=", ".join(f"'{name}'" for name in models.NAMES)):
        call_command("caption", "a.jpg", "--model", "blip2")


def test_missing_checkpoints_name_the_command_that_fetches_them(folder: Path) -> None:
    run = caption(folder, "--model", "blip-clip")

    assert "are not on this machine" in run.stderr
    assert "bin/manage models pull" in run.stderr
    assert (run.code, run.stdout) == (2, "")


def test_the_embedded_models_are_the_default_and_validate_threads(folder: Path) -> None:
    stderr = io.StringIO()

    with pytest.raises(SystemExit, match="2"):
        call_command("caption", str(folder), "--threads", "0", stderr=stderr)

    assert stderr.getvalue() == "threads is 0; it must be an integer, 1 or more\n"


def test_missing_files_are_reported_without_loading_models(tmp_path: Path) -> None:
    command = Command()

    assert caption(tmp_path / "missing.jpg", command=command).code == 1

    with pytest.raises(EngineNotLoaded):
        _ = command.engine.batcher


# --- File names ---


def test_file_names_are_unique_within_a_run(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg())

    names = [record["metadata"]["filename"] for record in caption("--json", tmp_path).records]

    assert len(set(names)) == 12
    assert {f"{names[0]}-2", f"{names[0]}-3"} < set(names)


def test_the_first_free_candidate_is_used_else_the_best_one_with_a_number() -> None:
    filenames = UniqueFilenames()

    names = [
        filenames.reserve(candidates) for candidates in (["cat"], ["cat", "grey-cat"], ["cat-2"], ["cat"], ["cat"])
    ]

    assert names == ["cat", "grey-cat", "cat-2", "cat-3", "cat-4"]


def test_a_numbered_file_name_stays_within_80_characters() -> None:
    filenames, long = UniqueFilenames(), f"{'a' * 77}-bc"

    assert [filenames.reserve([long]) for _ in range(10)][-2:] == [f"{'a' * 77}-9", f"{'a' * 77}-10"]


# --- Concurrency ---


def test_results_keep_the_order_of_the_items() -> None:
    second_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_is_done.wait(60), "the second item did not run concurrently with the first"
        if item == 1:
            second_is_done.set()
        return item

    assert [(item, outcome.result()) for item, outcome in map_ordered(work, range(5), threads=2)] == [
        (item, item) for item in range(5)
    ]


def test_read_ahead_is_bounded() -> None:
    taken = itertools.count()
    endless = (next(taken) for _ in itertools.repeat(None))

    outcomes = map_ordered(str, endless, threads=3)
    results = [outcome.result() for _, outcome in itertools.islice(outcomes, 100)]
    outcomes.close()

    assert results == [str(number) for number in range(100)]
    assert next(taken) <= 100 + 2 * 3


def test_images_share_batches(tmp_path: Path, settings: Any) -> None:
    settings.FORGE_SCRIPT = {"delay_ms": 200}
    for number in range(12):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg())
    command = Command()

    assert len(caption("--json", tmp_path, command=command).records) == 12

    assert command.engine.batcher.items == 12
    assert max(command.engine.batcher.sizes) > 1


# --- As a process ---


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
    traceback = r"(?s:\S+ \S+ ERROR [^\n]+\nTraceback .*?ScriptedFailure: [^\n]+\n)"
    expected = rf"{traceback}{folder}/5\.jpg: The models failed[^\n]+\n"
    assert re.fullmatch(rf"{folder}/missing\.jpg: There is no such[^\n]+\n{expected}", run.stderr), run.stderr


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

    assert (slow.returncode, rest, stderr) == (130, "", "")
    assert time.monotonic() - before < 20


def test_ctrl_c_during_the_start_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")

    run = finished("a.jpg", DJANGO_SETTINGS_MODULE="interrupted", PYTHONPATH=str(tmp_path))

    assert (run.code, run.stderr) == (130, "")
