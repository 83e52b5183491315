"""Camera raw files: their JPEG preview is captioned, and their words go into a sidecar."""

import struct
from pathlib import Path

import pytest

import xmp
from tests.images import jpeg, noisy_jpeg
from tests.workers.cli.caption_run import COLORS, caption
from workers.cli.raw_preview import NoPreview, read_preview

LONG, SHORT = 4, 3
Tag = tuple[int, int, int]  # number, type, value
LOSSLESS = b"\xff\xd8\xff\xc3\0\x0b\x0c\0\x10\0\x10\1\1\x11\0\xff\xda" + bytes(90_000)


class RawFile:
    """A TIFF structure of directories and data, each placed as it is added."""

    def __init__(self, order: str = "<") -> None:
        self.order = order
        self.data = bytearray(b"II*\0" if order == "<" else b"MM\0*") + bytes(4)

    def place(self, content: bytes) -> int:
        self.data += bytes(len(self.data) % 2) + content
        return len(self.data) - len(content)

    def directory(self, *tags: Tag, following: int = 0) -> int:
        entries = [
            struct.pack(self.order + "HHI", number, kind, 1)
            + struct.pack(self.order + ("I" if kind == LONG else "Hxx"), value)
            for number, kind, value in sorted(tags)
        ]
        count = struct.pack(self.order + "H", len(entries))
        return self.place(count + b"".join(entries) + struct.pack(self.order + "I", following))

    def finished(self, first: int) -> bytes:
        struct.pack_into(self.order + "I", self.data, 4, first)
        return bytes(self.data)


def strip(at: int, length: int, compression: int, photometric: int = 6) -> tuple[Tag, ...]:
    return (259, SHORT, compression), (262, SHORT, photometric), (273, LONG, at), (279, LONG, length)


def cr2(preview: bytes, orientation: int = 1) -> bytes:
    """Canon: the preview is the strip of the first directory, the sensor's data a lossless JPEG of the last."""
    raw = RawFile()
    sensor = raw.directory((259, SHORT, 6), (273, LONG, raw.place(LOSSLESS)), (279, LONG, len(LOSSLESS)))
    first = strip(raw.place(preview), len(preview), 6)
    return raw.finished(raw.directory((274, SHORT, orientation), *first, following=sensor))


def nef(preview: bytes, orientation: int = 1) -> bytes:
    """Nikon: the preview is in a further directory of the first one, which has a small uncompressed image."""
    raw = RawFile(">")
    sub = raw.directory((513, LONG, raw.place(preview)), (514, LONG, len(preview)), (259, SHORT, 6))
    small = strip(raw.place(bytes(300)), 300, 1, 2)
    return raw.finished(raw.directory((274, SHORT, orientation), (330, LONG, sub), *small))


def arw(preview: bytes, orientation: int = 1) -> bytes:
    """Sony: a preview in the first directory, a thumbnail in the next."""
    raw, thumbnail = RawFile(), jpeg(size=(16, 12))
    second = raw.directory((513, LONG, raw.place(thumbnail)), (514, LONG, len(thumbnail)))
    place = raw.place(preview)
    first = ((274, SHORT, orientation), (513, LONG, place), (514, LONG, len(preview)))
    return raw.finished(raw.directory(*first, following=second))


def dng(preview: bytes, orientation: int = 1) -> bytes:
    """Adobe: the preview is a directory of the first one, beside that of the sensor, in a chain of them here."""
    raw = RawFile()
    sensor = raw.directory(*strip(raw.place(LOSSLESS), len(LOSSLESS), 7, 32803))
    place = raw.place(preview)
    sub = raw.directory((254, LONG, 1), *strip(place, len(preview), 7), following=sensor)
    return raw.finished(raw.directory((274, SHORT, orientation), (50706, LONG, 1), (330, LONG, sub)))


MAKERS = {"a.CR2": cr2, "b.nef": nef, "c.ARW": arw, "d.dng": dng}


@pytest.fixture
def raws(tmp_path: Path) -> Path:
    folder = tmp_path / "raws"
    folder.mkdir()
    for number, (name, make) in enumerate(MAKERS.items()):
        (folder / name).write_bytes(make(jpeg(COLORS[number], size=(96, 64))))
    return folder


def test_raw_files_of_a_folder_get_sidecars_from_their_previews(raws: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in raws.iterdir()}

    run = caption("--json", "--sidecar", "--skip-done", tmp_path / "done", raws)

    assert (run.code, [Path(path).name for path in run.paths]) == (0, sorted(MAKERS)), run.stderr
    for record in run.records:
        words = xmp.read_sidecar(Path(f"{record['path']}.xmp").read_bytes()).words
        assert words.text(xmp.Field.ALT) == record["metadata"]["alt"]
    assert len({record["metadata"]["alt"] for record in run.records}) == 4, "not of their previews"
    assert {name: (raws / name).read_bytes() for name in before} == before
    assert "0 done, 4 skipped" in caption("--sidecar", "--skip-done", tmp_path / "done", raws).stderr
    assert "0 done, 4 skipped" in caption("--sidecar", "--only-empty", raws).stderr
    assert caption("--show", raws / "b.nef").records[0]["sidecar"]["words"]["alt"]


def test_without_sidecars_raw_files_of_a_folder_are_left_out_and_named_ones_refused(raws: Path) -> None:
    (raws / "e.jpg").write_bytes(jpeg())

    assert [Path(path).name for path in caption("--json", "--write", raws).paths] == ["e.jpg"]
    run = caption("--write", raws / "d.dng")
    assert (run.code, "raw files; use a sidecar" in run.stderr) == (1, True)


@pytest.mark.parametrize("make", MAKERS.values())
def test_the_largest_preview_is_returned_with_the_orientation_of_the_raw_file(make: object, tmp_path: Path) -> None:
    preview, path = noisy_jpeg(), tmp_path / "a.raw"

    path.write_bytes(make(preview, 1))  # type: ignore[operator]
    assert read_preview(str(path), 10**6) == preview
    path.write_bytes(make(preview, 6))  # type: ignore[operator]
    oriented = read_preview(str(path), 10**6)

    assert oriented[:2] + oriented[4 + int.from_bytes(oriented[4:6]) :] == preview
    assert b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6" in oriented[:40]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0",
        b"FUJIFILMCCD-RAW ",
        cr2(b"no JPEG"),
        nef(LOSSLESS),
        arw(jpeg())[:200],
        cr2(noisy_jpeg())[:-90_000],
    ],
)
def test_a_raw_file_without_a_preview_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.nef"
    path.write_bytes(content)

    run = caption("--sidecar", tmp_path)

    assert (run.code, list(tmp_path.iterdir())) == (1, [path])
    assert f"{path}: " in run.stderr


def test_directories_that_refer_to_each_other_come_to_an_end(tmp_path: Path) -> None:
    raw = RawFile()
    first = raw.directory((330, LONG, len(raw.data)), following=len(raw.data))
    (tmp_path / "a.dng").write_bytes(raw.finished(first))

    with pytest.raises(NoPreview):
        read_preview(str(tmp_path / "a.dng"), 10**6)


def test_a_preview_over_the_limit_gives_way_to_a_smaller_one(tmp_path: Path) -> None:
    (tmp_path / "a.arw").write_bytes(arw(noisy_jpeg()))

    assert len(read_preview(str(tmp_path / "a.arw"), 5_000)) < 5_000
