"""Try a vision server: whether it responds, lists the model, answers about an image and keeps to the schema."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workers.models.check import Check, fail, ok, warn
from workers.models.options import Options
from workers.models.prompting import template
from workers.models.prompting.answer import BadAnswer, parse
from workers.models.prompting.repair import Completion
from workers.models.vision_server import client
from workers.models.vision_server.jpeg import encode
from workers.models.vision_server.writer import MAX_TOKENS

_RED = np.full((256, 384, 3), (220, 20, 30), np.uint8)
_SHOWN = 12


def checks(options: Mapping[str, Any]) -> Iterator[Check]:
    """Yield the outcome of each check, until one fails. Options as of workers.models.vision_server.create."""
    chat = client.ChatClient(options["url"], options["key"], connections=1)
    try:
        responds = _responds(chat, options["url"])
        yield responds
        if responds.status != "fail":
            yield _lists(chat, options["model"])
            yield from _answers(chat, options)
    finally:
        chat.close()


def _responds(chat: client.ChatClient, url: str) -> Check:
    try:
        chat.probe()
    except client.Refused as error:
        return fail(
            f"The vision server at {url} responds, but {error}.", "Set FORGE_VISION_KEY to a key of the server."
        )
    except client.RequestError as error:
        return fail(
            f"The vision server at {url}: {error}.",
            "Start it, or correct FORGE_VISION_URL: the address up to the version, such as http://localhost:11434/v1.",
        )
    return ok(f"The vision server at {url} responds.")


def _lists(chat: client.ChatClient, model: str) -> Check:
    names = chat.models()
    if names is None:
        return warn(
            "The vision server does not list its models.",
            "Nothing, if the next line has an answer; else check the name.",
        )
    # Ollama lists "qwen2.5vl:latest" and accepts "qwen2.5vl".
    if model in names or f"{model}:latest" in names:
        return ok(f"It lists {model}.")
    shown = ", ".join(names[:_SHOWN]) or "none"
    return warn(
        f"It does not list {model}; it lists {shown}.",
        "Set FORGE_VISION_MODEL to one of these that takes images, or load the model in the server.",
    )


def _answers(chat: client.ChatClient, options: Mapping[str, Any]) -> Iterator[Check]:
    """Send a red image with the schema, and without where it is refused."""
    started = time.monotonic()
    deadline = started + options["timeout_s"]
    body: dict[str, Any] = {
        "model": options["model"], "messages": template.messages(encode(_RED), Options()), "max_tokens": MAX_TOKENS,
        "temperature": 0,
    }  # fmt: skip
    accepts_schema = True
    try:
        try:
            completion = chat.complete({**body, "response_format": template.response_format(Options())}, deadline)
        except client.NotAccepted:
            accepts_schema = False
            completion = chat.complete(body, deadline)
    except client.RequestError as error:
        yield _failed(error, options)
        return
    seconds = time.monotonic() - started
    yield _answer(completion, seconds, options)
    if not completion.is_cut_off:
        yield _structured(completion, accepts_schema=accepts_schema)


def _failed(error: client.RequestError, options: Mapping[str, Any]) -> Check:
    remedies = {
        client.Slow: "Raise FORGE_VISION_TIMEOUT_S, lower FORGE_VISION_CONCURRENCY, or take a smaller model.",
        client.Refused: "Set FORGE_VISION_MODEL to a model of the server, and FORGE_VISION_KEY where it asks for one.",
        client.NotAccepted: "Set FORGE_VISION_MODEL to a model that takes images; llama.cpp needs its projector, too.",
        client.TooLarge: "Raise the server's limit for images or its context: it refuses one of 384 by 256 pixels.",
    }
    remedy = remedies.get(type(error), "Read the server's own log: it failed while it worked on the image.")
    return fail(f"It does not answer about an image with {options['model']}: {error}.", remedy)


def _answer(completion: Completion, seconds: float, options: Mapping[str, Any]) -> Check:
    remedy = "Set FORGE_VISION_MODEL to a model that follows instructions and takes images."
    try:
        if completion.is_refusal:
            raise BadAnswer("it is a refusal")
        written = parse(completion.text)
    except BadAnswer as error:
        cut_off = f", cut off at {MAX_TOKENS:,} tokens" if completion.is_cut_off else ""
        return fail(f"Its answer about an image cannot be used: {error}{cut_off}.", remedy)
    answered = f'It answered about a red image in {seconds:.1f} s: "{written.alt[:120]}"'
    if "red" not in f"{written.alt} {written.caption} {written.description}".lower():
        return warn(f"{answered}, which does not name the colour: it may not see the image.", remedy)
    if seconds > options["timeout_s"] / 2:
        return warn(
            f"{answered}; FORGE_VISION_TIMEOUT_S is {options['timeout_s']:g}.",
            "Raise FORGE_VISION_TIMEOUT_S: with several requests at a time each takes longer.",
        )
    return ok(f"{answered}.")


def _structured(completion: Completion, *, accepts_schema: bool) -> Check:
    remedy = "Nothing has to be done; a newer server, or one that supports json_schema, has fewer answers to repair."
    if not accepts_schema:
        return warn("It does not accept a JSON schema; answers are parsed from their text.", remedy)
    required = template.response_format(Options())["json_schema"]["schema"]["required"]
    try:
        found = json.loads(completion.text)
    except ValueError:
        found = None
    if isinstance(found, dict) and set(required) <= set(found):
        return ok("Its answer has the form of the JSON schema.")
    return warn("It accepts a JSON schema and does not keep to it; answers are parsed from their text.", remedy)
