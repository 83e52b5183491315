"""`manage.py caption --watch` and `--jobs`, and the end of runs by signals."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

import xmp
from tests.images import jpeg
from tests.workers.cli.caption_run import COLORS, caption, finished, started
from workers.cli.files.new_files import SETTLE_S, NewFiles


def alt(path: Path) -> str:
    return xmp.read(path.read_bytes()).words.text(xmp.Field.ALT)


def test_a_file_is_ready_once_it_has_not_changed_for_some_seconds(tmp_path: Path) -> None:
    (tmp_path / "old.jpg").write_bytes(jpeg())
    watch, path = NewFiles(str(tmp_path), with_present=False), tmp_path / "new.jpg"
    path.write_bytes(jpeg()[:300])
    assert watch.ready(100) == []
    with path.open("ab") as file:
        file.write(jpeg()[300:])
    assert watch.ready(100 + SETTLE_S) == []
    assert watch.ready(100 + 2 * SETTLE_S - 0.1) == []

    assert watch.ready(100 + 2 * SETTLE_S) == [str(path)]
    assert watch.ready(100 + 9 * SETTLE_S) == []


def test_what_this_run_wrote_or_renamed_is_not_new_and_what_others_write_is(tmp_path: Path) -> None:
    watch = NewFiles(str(tmp_path), with_present=True)
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    watch.ready(0)
    assert watch.ready(SETTLE_S) == [str(path)]
    path.write_bytes(jpeg() + b"words")
    path.rename(tmp_path / "cat.jpg")
    watch.processed(str(tmp_path / "cat.jpg"))
    assert (watch.ready(10), watch.ready(20)) == ([], [])

    (tmp_path / "cat.jpg").write_bytes(jpeg(COLORS[1]) + b"by another program")

    assert (watch.ready(30), watch.ready(40)) == ([], [str(tmp_path / "cat.jpg")])


def test_a_folder_that_is_gone_for_a_while_is_no_end(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    watch = NewFiles(str(folder), with_present=False)
    folder.rmdir()
    assert watch.ready(0) == []
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg())
    watch.ready(1)

    assert watch.ready(1 + SETTLE_S) == [str(folder / "a.jpg")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_ends_with_the_summary(number: signal.Signals, folder: Path, tmp_path: Path) -> None:
    options = ["--json", "--write", "--rename", "--undo-list", tmp_path / "undo", "--skip-done", tmp_path / "done"]
    with started(*options, "--watch", folder) as process:
        first = [json.loads(process.stdout.readline()) for _ in range(6)]
        (tmp_path / "late.jpg").write_bytes(jpeg("#808080"))
        (tmp_path / "late.jpg").rename(folder / "late.jpg")
        late = json.loads(process.stdout.readline())
        process.send_signal(number)
        rest, stderr = process.communicate(timeout=60)

    assert (process.returncode, rest, stderr.splitlines()[-1].split(",")[0]) == (0, "", "7 done")
    assert (len(first), Path(late["path"]).name) == (6, "late.jpg")
    assert alt(folder / f"{late['metadata']['filename']}.jpg") == late["metadata"]["alt"]


def test_a_watch_without_a_list_leaves_what_was_there_before(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "named.jpg").write_bytes(jpeg("#808080"))
    with started("--json", "--sidecar", "--watch", folder, tmp_path / "named.jpg") as process:
        process.stdout.readline()  # the named one: the watch has begun
        (folder / "late.jpg").write_bytes(jpeg("#a0a0a0"))
        late = json.loads(process.stdout.readline())
        process.terminate()
        _, stderr = process.communicate(timeout=60)

    assert (late["path"], stderr.splitlines()[-1].split(",")[0]) == (f"{folder}/late.jpg", "2 done")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_ends_between_two_files_with_its_summary(
    number: signal.Signals, code: int, folder: Path, tmp_path: Path
) -> None:
    options = ["--write", "--skip-done", tmp_path / "done"]
    slow = {"FORGE_SCRIPT": json.dumps({"delay_ms": 200}), "FORGE_BATCH_SIZE": "1"}
    with started("--json", *options, folder, **slow) as process:
        process.stdout.readline()
        process.send_signal(number)
        rest, stderr = process.communicate(timeout=60)
    done = 1 + len(rest.splitlines())

    assert (process.returncode, f"{done} done" in stderr) == (code, True), stderr
    assert sum(alt(path) != "" for path in folder.iterdir()) == done
    assert not list(folder.glob(".forge-*"))
    assert f"{6 - done} done, {done} skipped" in finished("--json", *options, folder).stderr


@pytest.mark.parametrize("arguments", [[], ["--watch", "nothing"], ["--write", "--sidecar", "a"]])
def test_wrong_options_end_with_2(arguments: list[Any]) -> None:
    with pytest.raises(CommandError) as raised:
        caption(*arguments)

    assert raised.value.returncode == 2


def test_the_number_of_jobs_changes_no_result(folder: Path) -> None:
    runs = [finished("--json", "--jobs", jobs, folder, FORGE_BATCH_SIZE="4") for jobs in (1, 8)]

    assert [run.code for run in runs] == [0, 0]
    assert runs[0].records == runs[1].records
    assert finished("--jobs", 0, folder).code == 2


def test_the_summary_counts_failures_by_their_reason(folder: Path) -> None:
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(b"no image")
    (folder / "4.jpg").chmod(0o444)

    lines = caption("--write", folder).stderr.splitlines()

    assert lines[-3].startswith("failed 4: ")
    assert lines[-2] == "failed 1: The file is read-only."
    assert lines[-1].startswith("1 done, 0 skipped, 5 failed")
