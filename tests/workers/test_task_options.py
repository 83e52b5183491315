"""A worker whose models cannot do what a job's options ask for, though they could when the job was accepted."""

from typing import Any

import pytest

from forge.errors import OptionUnsupported
from forge.jobs.claims import Claim
from workers import tasks


def claim(options: dict[str, Any]) -> Claim:
    return Claim(1, "worker", 1, "job_1", "img_1", "sessions/1.jpg", "a.jpg", "", options=options)


@pytest.mark.parametrize(
    ("options", "option"),
    [({"language": "de"}, "language"), ({"languages": ["en", "de"]}, "languages"), ({"context": "A mug"}, "context")],
)
def test_an_image_that_the_models_cannot_do_fails_refunded(options: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionUnsupported, match="Its credit was given back") as raised:
        tasks._require_supported(claim(options), "embedded")

    assert raised.value.members["option"] == option
    tasks._require_supported(claim(options), "vision-server")


def test_options_that_every_family_can_do_are_done_by_all() -> None:
    options = {"keywords": ["mug"], "tagCount": 3, "decorative": "auto", "useEmbedded": True, "language": "en"}

    for family in ("embedded", "blip-clip", "vision-server", "scripted"):
        tasks._require_supported(claim(options), family)
