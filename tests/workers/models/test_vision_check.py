"""`models check` of a vision server: each fault is named in words, with what to do next."""

from typing import Any

import pytest

from forge.stack.ports import free_port
from tests.vision_server import Reply, answer, scripted_server
from workers.models.check import Check
from workers.models.vision_server.check import checks

NAME = "tiny-vision"
RED = answer(alt="A plain red rectangle")


def found(url: str, **options: Any) -> list[Check]:
    given = {"url": url, "model": NAME, "key": "sk-very-secret", "timeout_s": 5.0, **options}
    outcomes = list(checks(given))
    assert all(bool(outcome.remedy) == (outcome.status != "ok") for outcome in outcomes)
    assert not any("sk-very-secret" in outcome.sentence for outcome in outcomes)
    return outcomes


def of(*replies: Reply, models: tuple[str, ...] = (NAME,), status: int = 200, **options: Any) -> list[Check]:
    with scripted_server(lambda number: replies[min(number, len(replies) - 1)], 0, status, models) as server:
        return found(server.url, **options)


def test_a_server_without_faults() -> None:
    outcomes = of(Reply(RED), models=("other", f"{NAME}:latest"))
    assert [outcome.status for outcome in outcomes] == ["ok"] * 4, outcomes
    assert "A plain red rectangle" in outcomes[2].sentence
    assert "has the form of the JSON schema" in outcomes[3].sentence


def test_a_server_that_is_away() -> None:
    (outcome,) = found(f"http://127.0.0.1:{free_port()}/v1")
    assert outcome.status == "fail"
    assert "no connection" in outcome.sentence
    assert "correct FORGE_VISION_URL" in outcome.remedy


def test_a_key_that_is_refused() -> None:
    (outcome,) = of(Reply(RED), status=401)
    assert (outcome.status, "FORGE_VISION_KEY" in outcome.remedy) == ("fail", True)


def test_a_model_that_is_not_listed_is_shown_with_those_that_are() -> None:
    outcomes = of(Reply(status=404, body=b"{}"), models=("llava", "qwen2.5vl"))
    assert (outcomes[1].status, outcomes[2].status) == ("warn", "fail")
    assert "it lists llava, qwen2.5vl" in outcomes[1].sentence
    assert "FORGE_VISION_MODEL" in outcomes[2].remedy


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([Reply("I cannot see images.")], "it has no complete JSON object"),
        ([Reply("I'm sorry, I can't help with that.")], "it is a refusal"),
        ([Reply('{"alt": "A red', finish="cut")], "cut off at 1,500 tokens"),
        ([Reply(status=500, body=b"{}")], "it failed (500)"),
        ([Reply(status=400, body=b"{}")], "it does not accept the request (400)"),
    ],
)
def test_an_answer_that_cannot_be_used(replies: list[Reply], words: str) -> None:
    outcomes = of(*replies)
    assert outcomes[2].status == "fail"
    assert words in outcomes[2].sentence


def test_a_model_that_does_not_see_the_image() -> None:
    blue = answer(**dict.fromkeys(("alt", "caption", "description"), "A blue bicycle."))
    assert "does not name the colour" in of(Reply(blue))[2].sentence


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([Reply(status=400, body=b"{}"), Reply(RED)], "does not accept a JSON schema"),
        ([Reply(f"```json\n{RED}\n```")], "does not keep to it"),
        ([Reply(RED.replace('"text": "", ', ""))], "does not keep to it"),
    ],
)
def test_a_schema_that_is_not_honoured(replies: list[Reply], words: str) -> None:
    outcome = of(*replies)[3]
    assert (outcome.status, words in outcome.sentence) == ("warn", True)
