from pathlib import Path

import pytest

from tests.images import jpeg
from tests.workers.cli.caption_run import COLORS


@pytest.fixture(autouse=True)
def current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder of its own: options have defaults that are files of the current one."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images, created in another order than they are read in."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in (3, 0, 5, 1, 4, 2):
        (folder / f"{number}.jpg").write_bytes(jpeg(COLORS[number]))
    return folder
