"""Names of files in an archive."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.sessions.archive.entry_names import EntryNames, stem_of


@pytest.mark.parametrize(
    ("original", "stem"),
    [
        ("photo.JPEG", "photo"),
        ("my.holiday", "my.holiday"),
        ("日本語 🙂.heic", "日本語 🙂"),
        ("../../etc/passwd.png", "_.._etc_passwd"),
        ("..\\..\\windows.jpg", "_.._windows"),
        ("C:evil.jpg", "C_evil"),
        (".hidden.jpg", "hidden"),
        ("con.jpg", "_con"),
        ("LPT1.tar.jpg", "_LPT1.tar"),
        ("gpj\u202e.exe.jpg", "gpj.exe"),
        ("a\x00\nb.jpg", "ab"),
        ("...", "img_1"),
        ("", "img_1"),
        ("e\u0301te\u0301.jpg", "été"),
    ],
)
def test_a_stem_is_safe_on_every_system(original: str, stem: str) -> None:
    assert stem_of(original, "img_1") == stem


@given(st.lists(st.text(max_size=300), max_size=12))
def test_names_are_unique_short_and_no_path(originals: list[str]) -> None:
    names = EntryNames("words.csv", "manifest.json")

    taken = [names.take(stem_of(original, "img_1"), "jpg") for original in originals]

    folded = [unicodedata.normalize("NFC", name.casefold()) for name in taken]
    assert len(set(folded)) == len(taken)
    for name in taken:
        assert os.path.basename(name) == name  # noqa: PTH119
        assert len(f"{name}.xmp".encode()) <= 255
        assert not name.startswith((".", " "))
        assert all(char.isprintable() or char == "\N{NO-BREAK SPACE}" or ord(char) > 127 for char in name)


def test_a_name_does_not_take_that_of_a_table_or_of_a_sidecar() -> None:
    names = EntryNames("words.csv")

    assert names.take("WORDS", "csv") == "WORDS-2.csv"
    assert [names.take("a", "jpg") for _ in range(3)] == ["a.jpg", "a-2.jpg", "a-3.jpg"]
    assert names.take("a.jpg", "xmp") == "a.jpg-2.xmp"
    assert names.take("a-2", "jpg") == "a-2-2.jpg"
