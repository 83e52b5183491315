import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from workers.models.clip.embedding_cache import Vectors, kept

PROMPTS = ["a photo of a cat", "a photo of a dog", "a photo of sand"]
ROOT = Path(__file__).parents[4]


class Embedder:
    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, prompts: Sequence[str]) -> Vectors:
        self.asked.append(list(prompts))
        return np.array([[len(prompt), 0.5, -1.0] for prompt in prompts], dtype=np.float32)


@pytest.fixture
def embed() -> Embedder:
    return Embedder()


def test_a_second_start_makes_nothing(embed: Embedder, tmp_path: Path) -> None:
    first, second = (kept(PROMPTS, embed, folder=tmp_path / "cache", made_by="clip fp32") for _ in range(2))
    assert len(embed.asked) == 1
    assert np.array_equal(first, second)
    assert second.dtype == np.float32


def test_each_checkpoint_and_each_vocabulary_has_its_own(embed: Embedder, tmp_path: Path) -> None:
    for prompts, made_by in ((PROMPTS, "one"), (PROMPTS, "two"), (PROMPTS[:2], "one"), (PROMPTS[::-1], "one")):
        kept(prompts, embed, folder=tmp_path, made_by=made_by)
    assert len(embed.asked) == 4
    assert len(list(tmp_path.iterdir())) == 4


def test_without_a_folder_they_are_made_each_time(embed: Embedder) -> None:
    for _ in range(2):
        kept(PROMPTS, embed, folder=None, made_by="clip")
    assert len(embed.asked) == 2


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(np.float32(-1.0).tobytes())
    data[place] ^= 1
    path.write_bytes(data)


def _holding(**arrays: Vectors) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no archive"),
        _cut,
        _changed,
        _holding(other=np.zeros((3, 3), dtype=np.float32)),
        _holding(vectors=np.zeros((2, 3), dtype=np.float32)),
        _holding(vectors=np.zeros(3, dtype=np.float32)),
        _holding(vectors=np.full((3, 3), np.nan, dtype=np.float32)),
        _holding(vectors=np.zeros((3, 3), dtype=np.float64)),
    ],
)
def test_a_damaged_file_is_made_again(spoil: Callable[[Path], None], embed: Embedder, tmp_path: Path) -> None:
    right = kept(PROMPTS, embed, folder=tmp_path, made_by="clip")
    [file] = tmp_path.iterdir()
    spoil(file)
    assert np.array_equal(kept(PROMPTS, embed, folder=tmp_path, made_by="clip"), right)
    assert len(embed.asked) == 2
    kept(PROMPTS, embed, folder=tmp_path, made_by="clip")
    assert len(embed.asked) == 2


def test_a_folder_that_cannot_be_written_costs_a_warning(
    embed: Embedder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    for _ in range(2):
        assert len(kept(PROMPTS, embed, folder=tmp_path / "file", made_by="clip")) == 3
    assert "not kept" in caplog.text


def test_two_processes_that_begin_at_once_do_no_harm(embed: Embedder, tmp_path: Path) -> None:
    code = """
import sys, pathlib, numpy as np
from workers.models.clip.embedding_cache import kept
folder = pathlib.Path(sys.argv[1])
def embed(prompts):
    print("made", flush=True)
    sys.stdin.readline()
    return np.ones((len(prompts), 64), dtype=np.float32)
for place in range(20):
    assert kept([f"prompt {place}"] * 500, embed if place == 0 else lambda p: np.ones((len(p), 64), dtype=np.float32),
                folder=folder, made_by="clip").sum() == 32000
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    # Both have found nothing, and both write.
    assert [process.stdout.readline() for process in processes] == ["made\n", "made\n"]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(list(tmp_path.glob("*.npz"))) == len(list(tmp_path.iterdir())) == 20
