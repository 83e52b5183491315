"""`manage.py caption` with the options that an analysis over the API takes."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from PIL import Image

import xmp
from tests.images import encode
from tests.vision_server import ANSWER, Reply, Scripted, answer, scripted_server
from tests.workers.cli.caption_run import caption
from tests.workers.vision_checkpoints import save_florence2
from workers.cli.files.done_files import DoneFiles

GERMAN = {
    "title": "Rotes Fahrrad an einer Mauer",
    "alt": "Ein rotes Fahrrad lehnt an einer Mauer aus Ziegeln",
    "caption": "Ein rotes Fahrrad lehnt an einer Mauer.",
    "description": "Ein rotes Fahrrad lehnt an einer Mauer. Sein Korb ist leer.",
    "seoTags": ["fahrrad", "mauer", "korb", "ziegel"],
}
REFUSED = {
    ("--language", "de"): "(scripted) do not support --language; they can do: en",
    ("--languages", "en,de"): "(scripted) do not support --languages; they can do: en",
    ("--context", "Ann's bicycle"): "(scripted) do not support --context; they can do: --language, --languages, --key",
    ("--language", "english"): "--language takes a language tag of BCP 47",
    ("--language", "en", "--languages", "en,de"): "--language and --languages exclude each other",
    ("--languages", ""): "--languages takes a list of 1 to 10 different language tags",
    ("--keywords", ",".join(map(str, range(31)))): "--keywords takes a list of up to 30 texts",
    ("--keywords", "a", "--exclude-keywords", "A"): "«a» is in --keywords and in --exclude-keywords",
    ("--alt-max-length", "39"): "--alt-max-length takes a whole number from 40 to 250",
    ("--tag-count", "many"): "--tag-count takes a whole number from 1 to 30",
    ("--fields", "alt,size"): "--fields takes a list of at least one of title, alt",
    ("--fields", "alt", "--tag-count", "4"): "--tag-count is about seoTags, which --fields leaves out",
    ("--decorative", "yes"): '--decorative takes "auto"',
    ("--fields", "alt", "--rename", "{kind}-{title}"): "--rename {kind}-{title} needs title, which --fields leaves out",
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "photo.jpg"
    path.parent.mkdir()
    path.write_bytes(encode(Image.linear_gradient("L").convert("RGB"), "JPEG"))
    return path


@pytest.fixture
def vision(settings: Any) -> Callable[[Scripted], tuple[str, str]]:
    """Return the arguments for a run whose words a server writes."""

    def use(server: Scripted) -> tuple[str, str]:
        settings.FORGE_VISION_URL, settings.FORGE_VISION_MODEL = server.url, "tiny-vision"
        known = {"url": server.url, "model": "tiny-vision", "key": "", "concurrency": 2, "timeout_s": 20.0}
        settings.FORGE_WRITER_OPTIONS = {"vision-server": known}
        return "--model", "vision-server"

    return use


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED.items(), ids=[" ".join(one)[:40] for one in REFUSED])
def test_wrong_and_unsupported_options_end_with_2_and_what_is_accepted(
    arguments: tuple[str, ...], sentence: str, folder: Path
) -> None:
    with pytest.raises(CommandError) as raised:
        caption(*arguments, folder)

    assert sentence in str(raised.value)
    assert raised.value.returncode == 2


def test_a_checkpoint_without_instructions_refuses_context_once_it_is_loaded(
    photo: Path, tmp_path: Path, settings: Any
) -> None:
    settings.FORGE_CHECKPOINT = str(save_florence2(tmp_path / "tiny"))
    known = settings.FORGE_WRITER_OPTIONS["transformers"]
    settings.FORGE_WRITER_OPTIONS = {"transformers": known | {"checkpoint": settings.FORGE_CHECKPOINT}}

    run = caption("--model", "transformers", "--context", "Ann's bicycle", photo)

    assert "(florence-2) do not support --context" in run.stderr
    assert (run.code, run.stdout) == (2, "")


def test_options_limit_the_words_as_over_the_api(photo: Path) -> None:
    (plain,) = caption("--json", photo).records
    other, tag = plain["metadata"]["seoTags"][1:3]
    limits = ("--alt-max-length", 40, "--tag-count", 2, "--fields", "alt,seoTags")

    (record,) = caption(
        "--json", *limits, "--keywords", f"{tag}, Velora", "--keywords", "zeppelin", "--exclude-keywords", other, photo
    ).records

    assert set(record["metadata"]) == {"alt", "seoTags"}
    assert len(record["metadata"]["alt"]) <= 40
    assert record["metadata"]["seoTags"][0] == tag
    assert len(record["metadata"]["seoTags"]) <= 2
    assert other not in json.dumps(record["metadata"])
    assert record["unusedKeywords"] == ["Velora", "zeppelin"]


def test_fields_that_are_left_out_are_in_no_output(photo: Path, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"

    block = caption("--fields", "alt,title", "--keywords", "Velora", "--csv", table, photo).stdout

    assert [line.split()[0] for line in block.splitlines()[1:] if line] == ["title", "alt", "kind", "unused"]
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert row["alt"] in block
    assert (row["caption"], row["filename"], row["seoTags"], row["unusedKeywords"]) == ("", "", "", "Velora")


def test_a_decorative_image_gets_no_alt_in_its_file(folder: Path, tmp_path: Path) -> None:
    path, table = folder / "0.jpg", tmp_path / "a.csv"

    (record,) = caption("--json", "--decorative", "auto", "--write", "--csv", table, path).records

    words = xmp.read(path.read_bytes()).words
    assert (record["decorative"], record["metadata"]["alt"]) == (True, "")
    assert (words.text(xmp.Field.ALT), words.text(xmp.Field.DESCRIPTION)) == ("", record["metadata"]["caption"])
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert (row["decorative"], row["alt"]) == ("True", "")


@pytest.mark.parametrize("form", ["--write", "--sidecar"])
def test_translations_are_language_alternatives(form: str, photo: Path, vision: Any, tmp_path: Path) -> None:
    servers, table = list[Scripted](), tmp_path / "a.csv"
    with scripted_server(lambda number: _in_language(servers[0], number)) as server:
        servers.append(server)
        arguments = (*vision(server), "--languages", "en,de", "--context", "A bicycle of Ann", form, photo)
        dry = caption(*arguments, "--dry-run")
        (record,) = caption(*arguments, "--json", "--csv", table).records

    target = photo if form == "--write" else f"{photo}.xmp"
    assert f"{target}: alt (de): «» → «{GERMAN['alt']}»" in dry.stdout
    assert record["metadata"]["alt"] == ANSWER["alt"]
    assert record["translations"]["de"]["caption"] == GERMAN["caption"]
    found = xmp.read(photo.read_bytes()) if form == "--write" else xmp.read_sidecar(Path(f"{photo}.xmp").read_bytes())
    assert found.words.texts[xmp.Field.ALT] == {"x-default": ANSWER["alt"], "de": GERMAN["alt"]}
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert json.loads(row["translations"]) == record["translations"]
    assert "A bicycle of Ann" in json.dumps(server.requests[0][1])


def test_an_image_without_one_of_its_translations_is_not_done(photo: Path, vision: Any, tmp_path: Path) -> None:
    servers, refuses = list[Scripted](), [True]
    state = tmp_path / "state"
    with scripted_server(lambda number: _in_language(servers[0], number, refuses=refuses[0])) as server:
        servers.append(server)
        arguments = (*vision(server), "--json", "--languages", "en,de", "--write", "--skip-done", state, photo)
        first = caption(*arguments)
        refuses[0] = False
        second, third = caption(*arguments), caption(*arguments)

    assert first.code == 1
    assert f"{photo}: de: " in first.stderr
    assert first.records[0]["translationErrors"]["de"]["code"] == "no_caption"
    assert first.records[0]["metadata"]["alt"] == ANSWER["alt"]
    assert "de" in second.records[0]["translations"]
    assert second.records[0]["metadata"]["filename"] == first.records[0]["metadata"]["filename"]
    assert (third.code, third.paths) == (0, [])


def test_done_means_with_the_same_options(folder: Path, tmp_path: Path) -> None:
    state, short = tmp_path / "state", ("--alt-max-length", 40)
    run = ("--json", "--write", "--skip-done", state)
    first = caption(*run, folder)

    again = [len(caption(*run, *options, folder).paths) for options in ((), short, short, (), ())]

    assert (len(first.paths), again) == (6, [0, 6, 0, 6, 0])


def test_an_image_that_is_described_anew_keeps_its_file_name(folder: Path, tmp_path: Path) -> None:
    run = ("--json", "--skip-done", tmp_path / "state")
    names = [one["metadata"]["filename"] for one in caption(*run, folder).records]

    anew = caption(*run, "--alt-max-length", 40, folder).records

    assert [one["metadata"]["filename"] for one in anew] == names


def test_a_file_that_moved_is_done_with_its_latest_options_alone(folder: Path, tmp_path: Path) -> None:
    run, short = ("--json", "--skip-done", tmp_path / "state"), ("--alt-max-length", 40)
    caption(*run, folder / "0.jpg")
    caption(*run, *short, folder / "0.jpg")
    moved = (folder / "0.jpg").rename(tmp_path / "moved.jpg")

    assert caption(*run, *short, moved).paths == []
    assert len(caption(*run, moved).paths) == 1


def test_steps_of_a_killed_run_with_other_options_are_left_to_do(folder: Path, tmp_path: Path) -> None:
    path, fingerprint = str(folder / "0.jpg"), xmp.fingerprint((folder / "0.jpg").read_bytes())
    done = DoneFiles(str(tmp_path / "state"), "other")
    done.add(fingerprint, path, "name", "")

    done.begin({"fingerprint": fingerprint, "path": path, "filename": "name", "options": "other"})

    assert (done.unfinished() or {})["options"] == "other"
    done.add(fingerprint, path, "name", "other")
    assert done.unfinished() is None
    done.close()


def test_rows_are_not_written_below_other_columns(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("path,title\n")

    run = caption("--csv", table, folder)

    assert (run.code, table.read_text()) == (2, "path,title\n")
    assert "has other columns than path, title, alt" in run.stderr


def test_text_in_the_file_is_used_where_the_options_ask_for_it(photo: Path) -> None:
    tag = caption("--json", photo).records[0]["metadata"]["seoTags"][-1]
    keywords = xmp.Words(keywords=(tag.upper(), "zeppelin"))
    by_a_person = xmp.Provenance("", "", persons=frozenset(xmp.Field))
    photo.write_bytes(xmp.write(photo.read_bytes(), keywords, by_a_person).data)

    plain, used = (caption("--json", *more, photo).records[0]["metadata"] for more in ([], ["--use-embedded"]))

    assert (plain["seoTags"][0] == tag, used["seoTags"][0] == tag) == (False, True)


def _in_language(server: Scripted, number: int, *, refuses: bool = False) -> Reply:
    system = server.requests[number][1]["messages"][0]["content"]
    if "in the language de" not in system:
        return Reply(answer())
    return Reply("I'm sorry, I can't help with that.") if refuses else Reply(answer(**GERMAN))
