import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from workers.models.clip.embedding_cache import Embeddings, cached_embeddings

PROMPTS = ["a photo of a cat", "a photo of a dog", "a photo of sand"]
ROOT = Path(__file__).parents[4]


class Embedder:
    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, prompts: Sequence[str]) -> Embeddings:
        self.calls.append(list(prompts))
        return np.array([[len(prompt), 0.5, -1.0] for prompt in prompts], dtype=np.float32)


@pytest.fixture
def embed() -> Embedder:
    return Embedder()


def test_a_second_start_reads_the_cache(embed: Embedder, tmp_path: Path) -> None:
    first, second = (
        cached_embeddings(PROMPTS, embed, folder=tmp_path / "cache", encoder_key="clip fp32") for _ in range(2)
    )
    assert len(embed.calls) == 1
    assert np.array_equal(first, second)
    assert second.dtype == np.float32


def test_each_checkpoint_and_each_vocabulary_has_its_own_file(embed: Embedder, tmp_path: Path) -> None:
    for prompts, encoder_key in ((PROMPTS, "one"), (PROMPTS, "two"), (PROMPTS[:2], "one"), (PROMPTS[::-1], "one")):
        cached_embeddings(prompts, embed, folder=tmp_path, encoder_key=encoder_key)
    assert len(embed.calls) == 4
    assert len(list(tmp_path.iterdir())) == 4


def test_without_a_folder_embeddings_are_computed_each_time(embed: Embedder) -> None:
    for _ in range(2):
        cached_embeddings(PROMPTS, embed, folder=None, encoder_key="clip")
    assert len(embed.calls) == 2


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(np.float32(-1.0).tobytes())
    data[place] ^= 1
    path.write_bytes(data)


def _replace_by(**arrays: Embeddings) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no archive"),
        _truncate,
        _flip_a_bit,
        _replace_by(other=np.zeros((3, 3), dtype=np.float32)),
        _replace_by(vectors=np.zeros((2, 3), dtype=np.float32)),
        _replace_by(vectors=np.zeros(3, dtype=np.float32)),
        _replace_by(vectors=np.full((3, 3), np.nan, dtype=np.float32)),
        _replace_by(vectors=np.zeros((3, 3), dtype=np.float64)),
    ],
)
def test_a_damaged_file_is_replaced(damage: Callable[[Path], None], embed: Embedder, tmp_path: Path) -> None:
    expected = cached_embeddings(PROMPTS, embed, folder=tmp_path, encoder_key="clip")
    [file] = tmp_path.iterdir()
    damage(file)
    assert np.array_equal(cached_embeddings(PROMPTS, embed, folder=tmp_path, encoder_key="clip"), expected)
    assert len(embed.calls) == 2
    cached_embeddings(PROMPTS, embed, folder=tmp_path, encoder_key="clip")
    assert len(embed.calls) == 2


def test_a_write_error_is_logged_as_a_warning(
    embed: Embedder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    for _ in range(2):
        assert len(cached_embeddings(PROMPTS, embed, folder=tmp_path / "file", encoder_key="clip")) == 3
    assert "not kept" in caplog.text


def test_concurrent_writers_are_safe(embed: Embedder, tmp_path: Path) -> None:
    code = """
import sys, pathlib, numpy as np
from workers.models.clip.embedding_cache import cached_embeddings
folder = pathlib.Path(sys.argv[1])
def embed(prompts):
    print("computed", flush=True)
    sys.stdin.readline()
    return np.ones((len(prompts), 64), dtype=np.float32)
for place in range(20):
    first = embed if place == 0 else lambda p: np.ones((len(p), 64), dtype=np.float32)
    assert cached_embeddings([f"prompt {place}"] * 500, first, folder=folder, encoder_key="clip").sum() == 32000
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    # Both have found no file, and both write one.
    assert [process.stdout.readline() for process in processes] == ["computed\n", "computed\n"]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(list(tmp_path.glob("*.npz"))) == len(list(tmp_path.iterdir())) == 20
