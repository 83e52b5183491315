"""`manage.py caption --rename`: names, sidecars, the undo list."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import xmp
from tests.images import jpeg
from tests.workers.cli.caption_run import COLORS, ROOT, CaptionRun, caption
from workers.cli.files.new_names import valid_stem
from workers.cli.files.renames import Move, UndoList, open_exclusively
from xmp.moving import link_and_unlink


@pytest.fixture
def undo_list(tmp_path: Path) -> Path:
    return tmp_path / "renamed.jsonl"


def renamed(folder: Path, undo_list: Path, *arguments: object) -> CaptionRun:
    return caption("--json", "--undo-list", undo_list, folder, "--rename", *arguments)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fingerprints(folder: Path) -> list[str]:
    return sorted(xmp.fingerprint(path.read_bytes()) for path in folder.iterdir())


def test_files_get_the_file_names_of_their_results_and_their_old_names_back(folder: Path, undo_list: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    run = renamed(folder, undo_list)

    assert names(folder) == sorted(f"{record['metadata']['filename']}.jpg" for record in run.records)
    assert len(names(folder)) == 6
    assert "6 done" in run.stderr

    assert caption("--undo", undo_list).stderr == "6 have their old names, 0 failed\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not undo_list.exists()


def test_a_second_run_renames_nothing(folder: Path, undo_list: Path) -> None:
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(jpeg(COLORS[0]))
    renamed(folder, undo_list)
    before = names(folder), undo_list.read_text()

    renamed(folder, undo_list)

    assert (names(folder), undo_list.read_text()) == before


def test_another_file_is_never_overwritten_whatever_the_case_of_its_name(folder: Path, undo_list: Path) -> None:
    name = caption("--json", folder / "0.jpg").records[0]["metadata"]["filename"]
    (folder / f"{name.upper()}.PNG").write_bytes(b"another file")

    renamed(folder / "0.jpg", undo_list)

    assert (folder / f"{name.upper()}.PNG").read_bytes() == b"another file"
    assert not (folder / "0.jpg").exists()
    assert len(names(folder)) == 7


def test_sidecars_move_with_their_files(folder: Path, undo_list: Path) -> None:
    (folder / "0.jpg.xmp").write_text("of 0.jpg")
    (folder / "1.xmp").write_text("of 1 alone")
    (folder / "2.xmp").write_text("of 2.jpg and 2.CR2")
    (folder / "2.CR2").write_text("raw")

    run = renamed(folder, undo_list)

    first, second, _ = [record["metadata"]["filename"] for record in run.records[:3]]
    assert (folder / f"{first}.jpg.xmp").read_text() == "of 0.jpg"
    assert (folder / f"{second}.xmp").read_text() == "of 1 alone"
    assert (folder / "2.xmp").exists()
    caption("--undo", undo_list)
    assert {"0.jpg.xmp", "1.xmp", "2.xmp"} < set(names(folder))


def test_words_and_names_are_written_in_one_run(folder: Path, undo_list: Path, tmp_path: Path) -> None:
    run = renamed(folder, undo_list, "--sidecar", "--csv", tmp_path / "a.csv")

    for record in run.records:
        path = folder / f"{record['metadata']['filename']}.jpg.xmp"
        assert xmp.read_sidecar(path.read_bytes()).words.text(xmp.Field.ALT) == record["metadata"]["alt"]
    assert f"{folder}/0.jpg," in (tmp_path / "a.csv").read_text()


def test_a_dry_run_prints_the_names_that_the_run_would_give(folder: Path, undo_list: Path) -> None:
    before = fingerprints(folder), names(folder)

    planned = renamed(folder, undo_list, "--dry-run").stdout

    assert (fingerprints(folder), names(folder)) == before
    assert not undo_list.exists()
    renamed(folder, undo_list)
    assert sorted(line.partition(" → ")[2] for line in planned.splitlines() if line) == sorted(
        f"{folder}/{name}" for name in names(folder)
    )


def test_a_pattern_holds_the_old_name_in_any_script_and_with_odd_bytes(folder: Path, undo_list: Path) -> None:
    (folder / "0.jpg").rename(folder / "Čočka 寿司 עברית.jpg")
    (folder / "1.jpg").rename(folder / "odd\udcff\udcfe.JPG")

    run = renamed(folder, undo_list, "{stem} - {filename}")

    assert run.code == 0, run.stderr
    assert any(name.startswith("Čočka 寿司 עברית - ") for name in names(folder))
    assert any(name.startswith("odd\udcff\udcfe - ") and name.endswith(".JPG") for name in names(folder))
    assert caption("--undo", undo_list).stderr.startswith("6 have")
    assert (folder / "odd\udcff\udcfe.JPG").exists()


@pytest.mark.parametrize("pattern", ["{nothing}", "photo"])
def test_a_pattern_that_cannot_name_files_ends_with_2(folder: Path, undo_list: Path, pattern: str) -> None:
    with pytest.raises(Exception, match=r"placeholder|unknown"):
        renamed(folder, undo_list, pattern)


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("a\0b\nc\u202ed", "ab cd"),
        ("CON", "CON-"),
        (".hidden.", "hidden"),
        ("e\u0301", "é"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # noqa: RUF001
        ("x" * 300, "x" * 100),
        ("a" * 96 + "👩\u200d🔬", "a" * 96),
        ("क्षि" * 40, "क्षि" * 8),
    ],
)
def test_names_are_valid_on_every_system_and_cut_between_letters(text: str, stem: str) -> None:
    assert valid_stem(text, 100) == stem


def test_a_name_that_is_taken_since_keeps_the_current_one_and_the_list(folder: Path, undo_list: Path) -> None:
    renamed(folder, undo_list)
    (folder / "0.jpg").write_bytes(b"another file")
    (folder / "5.jpg").write_bytes(b"another file")

    run = caption("--undo", undo_list)

    assert (run.code, run.stderr.splitlines()[-1]) == (1, "4 have their old names, 2 failed")
    assert [path.read_bytes() for path in (folder / "0.jpg", folder / "5.jpg")] == [b"another file"] * 2
    (folder / "0.jpg").unlink()
    (folder / "5.jpg").unlink()
    assert caption("--undo", undo_list).code == 0
    assert names(folder) == [f"{number}.jpg" for number in range(6)]


@pytest.mark.parametrize("content", ["no json\n", '{"from": 1}\n', "[]\n"])
def test_what_is_no_undo_list_ends_with_2_and_stays(content: str, undo_list: Path) -> None:
    undo_list.write_text(content)

    run = caption("--undo", undo_list)

    assert (run.code, undo_list.read_text()) == (2, content)


@pytest.mark.parametrize("options", [["--rename"], ["--write"], ["--sidecar"]])
def test_a_read_only_folder_is_named_and_left_as_it_is(folder: Path, undo_list: Path, options: list[str]) -> None:
    folder.chmod(0o555)
    before = fingerprints(folder), names(folder)

    run = without_privileges(folder, "--undo-list", undo_list, *options)

    folder.chmod(0o755)
    assert (run.code, run.stderr.count("Permission denied")) == (1, 7), run.stderr  # six files and their reason
    assert (fingerprints(folder), names(folder)) == before
    assert not undo_list.exists()


def without_privileges(*arguments: object) -> CaptionRun:
    """Run the command as a process that may not write everywhere, also where it is root's."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and setpriv is not installed")
    command = [sys.executable, "manage.py", "caption", "--model", "scripted", *map(str, arguments)]
    command = [*drop, *command] if os.geteuid() == 0 else command
    process = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return CaptionRun(process.returncode, process.stdout, process.stderr)


@pytest.mark.parametrize("option", ["--undo-list", "--skip-done"])
def test_a_list_that_another_run_uses_ends_with_2(folder: Path, tmp_path: Path, option: str) -> None:
    before = names(folder)
    with open_exclusively(str(tmp_path / "list")):
        run = caption("--rename", option, tmp_path / "list", folder)

    assert (run.code, names(folder)) == (2, before)
    assert f"Another run uses {tmp_path}/list." in run.stderr


def test_without_the_system_call_a_file_is_still_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")

    with pytest.raises(FileExistsError):
        link_and_unlink(str(tmp_path / "a"), str(tmp_path / "b"))
    link_and_unlink(str(tmp_path / "a"), str(tmp_path / "c"))

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "b", "c": "a"}


def test_two_names_of_a_file_that_a_killed_run_left_become_one(folder: Path, undo_list: Path) -> None:
    line = {"moves": [[str(folder / "0.jpg"), str(folder / "new.jpg")]]}
    undo_list.write_text(json.dumps(line) + "\n" + '{"moves": [["cut')
    (folder / "new.jpg").hardlink_to(folder / "0.jpg")

    assert caption("--undo", undo_list).code == 0

    assert names(folder) == [f"{number}.jpg" for number in range(6)]


def test_no_undo_list_is_made_where_nothing_is_renamed(folder: Path, undo_list: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    renamed(empty, undo_list)
    assert not undo_list.exists()

    renamed(folder, undo_list)
    undo_list.unlink()
    renamed(folder, undo_list)  # they have their names
    assert not undo_list.exists()


def test_a_renaming_that_fails_leaves_no_empty_undo_list(folder: Path, undo_list: Path) -> None:
    moves = [Move(str(folder / "0.jpg"), str(folder / "1.jpg"))]
    recorded = UndoList(str(undo_list))

    with pytest.raises(FileExistsError):
        recorded.apply(moves)
    recorded.close()

    assert not undo_list.exists()
    assert names(folder) == [f"{number}.jpg" for number in range(6)]


def test_an_undo_list_that_another_run_began_meanwhile_is_not_shared(folder: Path, undo_list: Path) -> None:
    ours, others = UndoList(str(undo_list)), UndoList(str(undo_list))
    others.apply([Move(str(folder / "0.jpg"), str(folder / "a.jpg"))])

    with pytest.raises(OSError, match="Another run uses"):
        ours.apply([Move(str(folder / "1.jpg"), str(folder / "b.jpg"))])
    ours.close()
    others.close()

    assert len(undo_list.read_text().splitlines()) == 1
    assert (folder / "1.jpg").exists()


def test_an_undo_list_that_cannot_be_made_ends_with_2(folder: Path, tmp_path: Path) -> None:
    run = renamed(folder, tmp_path / "none" / "undo")

    assert run.code == 2
    assert names(folder) == [f"{number}.jpg" for number in range(6)]
