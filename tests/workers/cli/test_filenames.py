from pathlib import Path

from tests.images import jpeg
from tests.workers.cli.caption_run import caption
from workers.cli.filenames import UniqueFilenames


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
