"""Replacement of files: mode, links, read-only files, and files that change meanwhile."""

from pathlib import Path

import pytest

import xmp


def test_the_file_is_replaced_with_its_mode_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    path.chmod(0o640)

    xmp.replace_file(str(path), b"new", xmp.file_state(str(path)))

    assert (path.read_bytes(), path.stat().st_mode & 0o777, [*tmp_path.iterdir()]) == (b"new", 0o640, [path])


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to("a")

    xmp.replace_file(str(tmp_path / "link"), b"new", xmp.file_state(str(tmp_path / "link")))

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("harm", ["read-only", "hard link", "changed", "made"])
def test_what_cannot_be_replaced_is_left_as_it_is(harm: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    state: xmp.FileState | None = xmp.file_state(str(path))
    if harm == "read-only":
        path.chmod(0o444)
    elif harm == "hard link":
        (tmp_path / "b").hardlink_to(path)
    elif harm == "changed":
        path.write_bytes(b"older")
    else:
        state = None
    before = path.read_bytes()

    with pytest.raises(xmp.FileNotReplaced):
        xmp.replace_file(str(path), b"new", state)

    assert path.read_bytes() == before
    assert not [*tmp_path.glob(".forge-*")]
