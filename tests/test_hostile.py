"""Each hostile picture ends in words or in a coded error: in time, in bounds, without a crash.

This is the short form. `bin/bench hostile` reads the whole corpus, a few thousand files.
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
from tests.hostile.mutations import good_pictures, mutated
from tests.hostile.runner import CODES, Outcome, read_all

MEGABYTES = 700  # the largest picture that is allowed takes 4 bytes a pixel, once or twice


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    cases = [(name, build) for name, build in CASES.items() if name not in HEAVY]
    good = [(name, lambda data=data: data) for name, data in good_pictures().items()]
    environment = {"FORGE_DATA": str(tmp_path_factory.mktemp("hostile"))}
    return {outcome.name: outcome for outcome in read_all([*cases, *good, *mutated(5)], environment)}


def test_each_ends_in_a_picture_or_in_a_coded_error(outcomes: dict[str, Outcome]) -> None:
    assert len(outcomes) > 240
    assert [outcome.fault for outcome in outcomes.values() if outcome.fault] == []


def test_what_is_good_is_read(outcomes: dict[str, Outcome]) -> None:
    """Else all the rest could be refused for no reason at all."""
    assert {(outcomes[name].checked, outcomes[name].decoded) for name in good_pictures()} == {("read", "read")}


def test_the_memory_for_one_is_bounded(outcomes: dict[str, Outcome]) -> None:
    assert [outcome for outcome in outcomes.values() if outcome.megabytes > MEGABYTES] == []


def test_what_only_has_an_images_name_is_no_image(outcomes: dict[str, Outcome]) -> None:
    for name in ("svg", "svg: a bomb of entities", "pdf", "page", "postscript", "zip", "mp4", "tga", "ico", "ppm"):
        assert (outcomes[name].checked, outcomes[name].decoded) == ("unsupported_image", "unsupported_image"), name


@pytest.mark.parametrize("name", [
    "png: 60,000²", "jpeg: 65,535²", "png: one column of 49 megapixels", "tiff: a tile of 46,336² of nothing",
])  # fmt: skip
def test_absurd_sizes_are_refused_by_the_header(outcomes: dict[str, Outcome], name: str) -> None:
    assert (outcomes[name].checked, outcomes[name].decoded) == ("payload_too_large", "payload_too_large")
    assert outcomes[name].megabytes < 50


@pytest.mark.parametrize("name", ["jpeg: 20,000 scans of 50 megapixels", "png: 1,600,000 chunks"])
def test_a_picture_that_takes_too_long_is_given_up(name: str) -> None:
    """Each of them keeps a decoder busy for many seconds; a good one of that size needs one or two."""
    limits = decoding.Limits(pixels=50_000_000, seconds=0.2)
    data = CASES[name]()

    with (
        pytest.raises(decoding.Damaged) as caught,
        decoding.opened(SimpleUploadedFile("a", data), limits) as it,
    ):
        it.load()

    assert isinstance(caught.value.__cause__, decoding.limits.OutOfTimeError)


def test_no_more_pixels_than_the_limit_are_decoded_at_once() -> None:
    limits = decoding.Limits(pixels=10_000, pixels_at_once=10_000)
    data = images.jpeg(size=(80, 80))
    inside, most = [], []

    def read() -> None:
        with decoding.opened(SimpleUploadedFile("a", data), limits) as picture:
            inside.append(picture)
            most.append(len(inside))
            picture.load()
            inside.remove(picture)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 8


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


def test_the_codes_are_the_contracts() -> None:
    contract = {"payload_too_large", "unsupported_image", "unreadable_image"}
    assert contract == CODES
