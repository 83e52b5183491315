"""Each hostile file ends in an image or in an error code: within time and memory, without a crash.

This is the short form; `bin/bench hostile` decodes the whole corpus, a few thousand files.
"""

import threading

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

import decoding
from forge.errors import PayloadTooLarge, UnreadableImage
from forge.sessions import validation
from tests import images
from tests.hostile.corpus import CASES, HEAVY
from tests.hostile.mutations import mutated, valid_images
from tests.hostile.runner import ERROR_CODES, ReadOutcome, read_all

MEGABYTES = 700  # the largest image allowed takes 4 bytes per pixel, once or twice


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReadOutcome]:
    cases = [(name, build) for name, build in CASES.items() if name not in HEAVY]
    valid = [(name, lambda data=data: data) for name, data in valid_images().items()]
    environment = {"FORGE_DATA": str(tmp_path_factory.mktemp("hostile"))}
    return {outcome.name: outcome for outcome in read_all([*cases, *valid, *mutated(5)], environment)}


def test_each_file_ends_in_an_image_or_an_error_code(outcomes: dict[str, ReadOutcome]) -> None:
    assert len(outcomes) > 240
    assert [outcome.fault for outcome in outcomes.values() if outcome.fault] == []


def test_upload_and_worker_judge_alike(outcomes: dict[str, ReadOutcome]) -> None:
    assert [outcome for outcome in outcomes.values() if outcome.checked != outcome.decoded] == []


def test_valid_images_are_decoded(outcomes: dict[str, ReadOutcome]) -> None:
    """Otherwise the other files could all be refused for no reason."""
    assert {(outcomes[name].checked, outcomes[name].decoded) for name in valid_images()} == {("read", "read")}


def test_the_memory_for_one_file_is_bounded(outcomes: dict[str, ReadOutcome]) -> None:
    assert [outcome for outcome in outcomes.values() if outcome.megabytes > MEGABYTES] == []


def test_other_file_types_are_unsupported(outcomes: dict[str, ReadOutcome]) -> None:
    for name in ("svg", "svg: a bomb of entities", "pdf", "page", "postscript", "zip", "mp4", "tga", "ico", "ppm"):
        assert (outcomes[name].checked, outcomes[name].decoded) == ("unsupported_image", "unsupported_image"), name


@pytest.mark.parametrize("name", [
    "png: 60,000²", "jpeg: 65,535²", "png: one column of 49 megapixels", "tiff: a tile of 46,336² of nothing",
])  # fmt: skip
def test_excessive_sizes_are_refused_by_the_header(outcomes: dict[str, ReadOutcome], name: str) -> None:
    assert (outcomes[name].checked, outcomes[name].decoded) == ("payload_too_large", "payload_too_large")
    assert outcomes[name].megabytes < 50


@pytest.mark.parametrize("name", ["jpeg: 20,000 scans of 50 megapixels", "png: 1,600,000 chunks"])
def test_decoding_that_takes_too_long_is_aborted(name: str) -> None:
    """Each keeps a decoder busy for many seconds; a valid image of that size takes one or two."""
    limits = decoding.Limits(pixels=50_000_000, seconds=0.2)
    data = CASES[name]()

    with (
        pytest.raises(decoding.Damaged) as caught,
        decoding.opened(SimpleUploadedFile("a", data), limits) as image,
    ):
        image.load()

    assert isinstance(caught.value.__cause__, decoding.limits.OutOfTimeError)


def test_concurrent_decoding_stays_within_the_pixel_limit() -> None:
    limits = decoding.Limits(pixels=10_000, pixels_at_once=10_000)
    data = images.jpeg(size=(80, 80))
    decoding_now, concurrent = [], []

    def read() -> None:
        with decoding.opened(SimpleUploadedFile("a", data), limits) as image:
            decoding_now.append(image)
            concurrent.append(len(decoding_now))
            image.load()
            decoding_now.remove(image)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert concurrent == [1] * 8


def test_the_limits_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    file = SimpleUploadedFile("a.jpg", images.jpeg(size=(80, 40)))
    monkeypatch.setattr(settings, "FORGE_MAX_IMAGE_SIDE", 79)
    with pytest.raises(PayloadTooLarge) as caught:
        validation.image_check(file)
    assert caught.value.members == {"limit": 79, "actual": 80}

    monkeypatch.setattr(settings, "FORGE_MAX_IMAGE_SIDE", 80)
    monkeypatch.setattr(settings, "FORGE_DECODE_SECONDS", -1.0)
    with pytest.raises(UnreadableImage):
        validation.image_check(file)


def test_the_error_codes_are_those_of_the_contract() -> None:
    contract = {"payload_too_large", "unsupported_image", "unreadable_image"}
    assert contract == ERROR_CODES
