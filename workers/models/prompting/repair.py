"""Make fields of a model's answer, with one repair of an answer that cannot be used."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from workers.models.options import Options
from workers.models.prompting import template
from workers.models.prompting.answer import BadAnswer, parse
from workers.models.prompting.contents import problem_of
from workers.models.writer import NoUsableAnswer, Written

logger = logging.getLogger(__name__)

# Characters of an unusable answer that the repair request repeats.
_REPEATED = 2_000
Messages = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Completion:
    """The model's `text`; `is_cut_off`: at the token limit; `is_refusal`: the model's server says so itself."""

    text: str
    is_cut_off: bool = False
    is_refusal: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    """The model's text; its fields, if they can be used; what the repair request names as the problem."""

    text: str
    written: Written | None
    problem: str


def written_or_repaired(
    complete: Callable[[Messages], Completion], first: Messages, options: Options, *, model: str
) -> Written:
    """Return the fields of the first answer that can be used, or of the repaired one. Raises NoUsableAnswer."""
    answer = _answer(complete(first), options)
    if answer.written is not None and not answer.problem:
        return answer.written
    logger.info("%s: an answer is repaired: %s.", model, answer.problem)
    repaired = _answer(complete(template.repair_messages(first, answer.text, answer.problem)), options)
    written = repaired.written or answer.written
    if written is None:
        raise NoUsableAnswer(f"The answer of {model} cannot be used: {repaired.problem}.")
    return replace(written, doubts=(*written.doubts, repaired.problem)) if repaired.problem else written


def _answer(completion: Completion, options: Options) -> _Answer:
    try:
        if completion.is_refusal:
            raise BadAnswer("it is a refusal")
        written = parse(completion.text, may_be_decorative=options.decorative)
    except BadAnswer as error:
        cut_off = "; it was cut off at the token limit" if completion.is_cut_off else ""
        return _Answer(completion.text[:_REPEATED], None, f"{error}{cut_off}")
    return _Answer(completion.text[:_REPEATED], written, problem_of(written, options))
