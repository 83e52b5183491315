"""Files and folders in which nothing can be written: a line each with the reason, and the file as it was."""

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import xmp
from tests.images import jpeg, noisy_jpeg
from tests.workers.cli.caption_run import COLORS, caption

Mount = Callable[..., None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB in memory with two images."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    for number in range(2):
        (path / f"{number}.jpg").write_bytes(jpeg(COLORS[number]))
    yield path
    subprocess.run(["umount", path], check=True)


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "fill").open("ab", buffering=0) as file:
        while True:
            file.write(bytes(1024))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def alt(path: Path) -> str:
    return xmp.read(path.read_bytes()).words.text(xmp.Field.ALT)


@pytest.mark.parametrize("form", ["--write", "--sidecar"])
def test_no_space_leaves_the_files_as_they_were(form: str, disk: Path) -> None:
    fill(disk)
    before = contents(disk)

    run = caption(form, disk)

    assert (run.code, contents(disk) == before) == (1, True)
    assert "failed 2: It cannot be written: No space left on device.\n0 done" in run.stderr
    (disk / "fill").unlink()
    assert caption(form, disk).code == 0
    assert not list(disk.glob(".forge*"))


def test_a_row_for_which_there_is_no_space_is_not_begun(disk: Path, tmp_path: Path) -> None:
    table, state = disk / "a.csv", tmp_path / "done"
    caption("--csv", table, "--skip-done", state, disk / "0.jpg")
    before = table.read_bytes()
    fill(disk)
    table.write_bytes(before + b"x" * (4096 - len(before) - 10))  # a page that is nearly full
    before = table.read_bytes()

    run = caption("--csv", table, "--skip-done", state, disk)

    assert "failed 1: It cannot be written: No space" in run.stderr
    assert table.read_bytes() == before
    (disk / "fill").unlink()
    assert "1 done, 1 skipped, 0 failed" in caption("--csv", table, "--skip-done", state, disk).stderr


def test_a_read_only_file_system_is_named(disk: Path, tmp_path: Path) -> None:
    before = contents(disk)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

    run = caption("--write", "--rename", "--undo-list", tmp_path / "undo", disk)

    assert (run.code, contents(disk)) == (1, before)
    assert "failed 2: The file is read-only." in run.stderr
    run = caption("--rename", "--undo-list", tmp_path / "undo", disk)
    assert (run.code, contents(disk), (tmp_path / "undo").exists()) == (1, before, False)


def test_links_stay_and_lead_to_the_words(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jpg").write_bytes(jpeg(COLORS[0]))
    (folder / "link.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (folder / "broken.jpg").symlink_to("nothing")
    (folder / "two.jpg").hardlink_to(folder / "1.jpg")

    run = caption("--write", folder)

    assert (folder / "link.jpg").is_symlink()
    assert alt(tmp_path / "elsewhere.jpg")
    assert f"{folder}/broken.jpg: There is no such file" in run.stderr
    assert run.stderr.count("other names (hard links)") == 3  # two lines, and their reason
    assert "failed 2: The file has other names" in run.stderr


@pytest.mark.parametrize("form", ["--write", "--sidecar"])
def test_odd_bytes_in_a_name_are_no_obstacle(form: str, tmp_path: Path) -> None:
    folder = tmp_path / "odd\udcff"
    folder.mkdir()
    (folder / "\udcfe \n.jpg").write_bytes(jpeg())

    run = caption("--json", form, "--csv", tmp_path / "a.csv", "--skip-done", tmp_path / "s", folder)

    assert (run.code, len(run.records)) == (0, 1), run.stderr
    assert r"\udcff" in (tmp_path / "a.csv").read_text()
    assert "0 done, 1 skipped" in caption("--skip-done", tmp_path / "s", folder).stderr


def test_a_pipe_is_captioned_and_not_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', _file(tmp_path / "a.jpg"), pipe])

    run = caption("--write", "--skip-done", tmp_path / "s", pipe)

    writer.wait(timeout=30)
    assert (run.code, (tmp_path / "s").read_text()) == (1, "")
    assert f"{pipe}: It is not a regular file." in run.stderr or "empty" in run.stderr


def _file(path: Path) -> Path:
    path.write_bytes(noisy_jpeg())
    return path


@pytest.mark.parametrize("option", ["--csv", "--skip-done", "--undo-list"])
def test_a_file_of_the_options_that_cannot_be_used_ends_with_2(folder: Path, option: str) -> None:
    before = contents(folder)

    run = caption("--rename", "--write", option, folder, folder)

    assert (run.code, contents(folder)) == (2, before)
    assert re.search("A file of the options cannot be used: .*Is a directory", run.stderr)


@pytest.mark.parametrize("content", [b"something else\n", b"\xff" * 64 + b"\n", b"{}\n"])
def test_a_state_file_that_is_none_is_left_alone(folder: Path, tmp_path: Path, content: bytes) -> None:
    state = tmp_path / "state"
    state.write_bytes(content)

    assert caption("--write", "--skip-done", state, folder).code == 2

    assert state.read_bytes() == content


def test_a_copy_is_not_taken_for_a_file_that_was_moved(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    caption("--write", "--skip-done", state, folder / "0.jpg")
    (folder / "copy.jpg").write_bytes(jpeg(COLORS[0]))

    run = caption("--json", "--write", "--skip-done", state, folder)

    assert f"{folder}/copy.jpg" in run.paths
    assert f"{folder}/0.jpg" not in run.paths


def test_a_state_file_of_an_earlier_version_still_counts(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("".join(f"{xmp.fingerprint((folder / f'{n}.jpg').read_bytes())}\n" for n in range(5)) + "cut")

    run = caption("--write", "--skip-done", state, folder)

    assert "1 done, 5 skipped" in run.stderr
    assert len(state.read_text().splitlines()) == 6
