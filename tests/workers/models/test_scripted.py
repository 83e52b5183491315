import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.workers.images import solid
from workers.models import create
from workers.models.scripted import ScriptedFailure


def test_output_does_not_depend_on_the_batch() -> None:
    captioner, tagger = create("scripted")
    images = [solid((shade, 40, 200)) for shade in range(0, 240, 30)]
    alone = [(captioner.predict([p])[0], tagger.predict([p])[0]) for p in images]
    together = list(zip(captioner.predict(images), tagger.predict(images), strict=True))
    assert alone == together


def test_different_images_get_different_captions() -> None:
    captioner, _ = create("scripted")
    images = [np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8) for seed in range(100)]
    texts = {captions[0].text for captions in captioner.predict(images)}
    assert len(texts) == 100


def test_the_caption_names_the_image_s_color() -> None:
    captioner, _ = create("scripted")
    assert " red " in captioner.predict([solid("red")])[0][0].text
    assert " light blue " in captioner.predict([solid("skyblue")])[0][0].text


def test_an_image_of_the_fail_color_fails() -> None:
    captioner, _ = create("scripted", fail_color="#ff00ff")
    captioner.predict([solid("#dd00ff"), solid("green")])
    with pytest.raises(ScriptedFailure):
        captioner.predict([solid("green"), solid("#fa04fb")])


def test_an_image_of_the_crash_color_kills_the_process() -> None:
    code = (
        "import numpy as np; from workers.models import create\n"
        "c, _ = create('scripted', crash_color='#000000')\n"
        "c.predict([np.full((4, 4, 3), 99, np.uint8)]); print('alive', flush=True)\n"
        "c.predict([np.zeros((4, 4, 3), np.uint8)]); print('still alive', flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (70, "alive\n")


def test_delays_are_per_batch_and_per_image(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    captioner, tagger = create("scripted", delay_ms=100, delay_ms_per_image=20)
    captioner.predict([solid("red")] * 3)
    tagger.predict([solid("red")] * 3)
    assert slept == [pytest.approx(0.16)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"delay": 5},
            "unknown option 'delay'.*accepted: load_ms, delay_ms, delay_ms_per_image, fail_color, silent_color, crash_",
        ),
        ({"delay_ms": -1}, "delay_ms is -1"),
        ({"delay_ms": "5"}, "delay_ms is '5'"),
        ({"delay_ms_per_image": float("nan")}, "delay_ms_per_image is nan"),
        ({"fail_color": "red"}, "fail_color is 'red'"),
        ({"crash_color": "#ff00"}, "crash_color is '#ff00'"),
    ],
)
def test_a_bad_option_is_named_in_the_error(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create("scripted", **options)


def test_an_unknown_name_lists_the_accepted_ones() -> None:
    with pytest.raises(ValueError, match="'blip2'; accepted: auto, blip-clip, embedded, scripted"):
        create("blip2")


def test_the_scripted_models_do_not_import_torch() -> None:
    code = "import sys; from workers import models, pipeline; models.create('scripted'); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
