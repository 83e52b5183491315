"""`manage.py caption`: output, paths, errors and models."""

import io
import os
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.images import bomb_png, jpeg
from tests.workers.cli.caption_run import COLORS, caption, finished
from workers import models
from workers.analysis import Analysis
from workers.cli.management.commands.caption import Command
from workers.cli.output import caption_record, format_block
from workers.composing.metadata import compose
from workers.imaging.image_facts import ImageFacts
from workers.models.evidence import KINDS
from workers.runtime.engine import EngineNotLoaded

# --- Output ---


def test_json_has_the_six_fields_the_assessment_the_caption_the_tags_and_the_model(folder: Path) -> None:
    run = caption("--json", folder / "0.jpg")

    (record,) = run.records
    assert (run.code, run.stderr) == (0, "")
    assessment = ["kind", "confidence", "needsReview"]
    assert list(record) == ["path", "metadata", *assessment, "caption", "tags", "model"]
    assert record["kind"] in KINDS
    assert 0.0 <= record["confidence"] <= 1.0
    assert isinstance(record["needsReview"], bool)
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
    composed = compose([], [], ImageFacts(40, 30, colors=("red",)))

    record = caption_record("a.jpg", Analysis(composed, {"captions": [], "tags": []}), filename="a", model="m@1")

    assert record["caption"] == {"text": composed.caption, "confidence": 0.0}
    assert record["metadata"]["filename"] == "a"


def test_without_json_it_is_a_block_with_every_field(folder: Path) -> None:
    (record,) = caption("--json", folder / "0.jpg").records
    metadata = record["metadata"]

    lines = caption(folder / "0.jpg").stdout.splitlines()

    assert lines[0] == str(folder / "0.jpg")
    assert [tuple(re.split(r"\s{2,}", line.strip(), maxsplit=1)) for line in lines[1:8]] == [
        ("title", metadata["title"]),
        ("alt", metadata["alt"]),
        ("caption", metadata["caption"]),
        ("description", metadata["description"]),
        ("file name", metadata["filename"]),
        ("tags", ", ".join(metadata["seoTags"])),
        ("kind", record["kind"]),
    ]
    assert [line.split()[0] for line in lines[8:-1]] == ["review"] * record["needsReview"]
    assert lines[-1] == ""


def analysis_with(**fields: Any) -> Analysis:
    composed = replace(compose([], [], ImageFacts(40, 30, colors=("red",))), **fields)
    return Analysis(composed, {"captions": [], "tags": []})


def test_the_confidence_is_rounded_to_three_decimals() -> None:
    analysis = analysis_with(kind="poster", confidence=0.214499, needs_review=True)

    record = caption_record("a.jpg", analysis, filename="a", model="m@1")

    assert (record["kind"], record["confidence"], record["needsReview"]) == ("poster", 0.214, True)


@pytest.mark.parametrize("needs_review", [True, False])
def test_a_block_has_a_mark_in_words_only_where_review_is_needed(needs_review: bool) -> None:
    analysis = analysis_with(kind="poster", confidence=0.214, needs_review=needs_review)

    block = format_block(caption_record("a.jpg", analysis, filename="a", model="m@1"), None)

    marks = [line.split(maxsplit=1) for line in block.splitlines() if "review" in line]
    assert marks == ([["review", "needs review, confidence 0.21"]] if needs_review else [])
    assert "kind" in block


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


@pytest.mark.parametrize(
    "name", ["a.mpo", "a.dib", "a.jfif", "a.jpe", "a.avifs", "a.heif", "a.hif", "a.apng", "A.TIFF"]
)
def test_every_suffix_of_an_accepted_format_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(jpeg())

    assert caption("--json", tmp_path).paths == [f"{tmp_path}/{name}"]


def test_pipes_sockets_and_devices_in_a_folder_are_reported_without_opening_them(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link.jpg").symlink_to("pipe.jpg")
    (folder / "null.png").symlink_to(os.devnull)
    (folder / "gone.jpg").symlink_to("nothing.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(folder / "s.jpg"))

        run = caption("--json", folder)

    lines = dict(line.split(": ", 1) for line in run.stderr.splitlines())
    special = {
        f"{folder}/{name}": "It is not a regular file." for name in ("pipe.jpg", "link.jpg", "null.png", "s.jpg")
    }
    assert lines == {**special, f"{folder}/gone.jpg": "There is no such file or folder."}
    assert (run.code, len(run.paths)) == (1, 6)


def test_a_named_pipe_is_read_and_one_without_a_writer_is_empty(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, jpeg())
    os.close(writing)
    substituted = f"/dev/fd/{reading}"
    assert caption("--json", substituted).paths == [substituted]
    os.close(reading)
    os.mkfifo(tmp_path / "pipe")

    run = caption("--json", tmp_path / "pipe")

    assert (run.code, run.stderr) == (1, f"{tmp_path}/pipe: The file is not a supported image.\n")


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
        _ = command.models.engine.batcher
