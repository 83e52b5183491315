"""Constrained decoding: whatever the model prefers, the answer is the object, within its bounds."""

import json
import random
from collections.abc import Callable, Sequence

import pytest

from workers.models.image_text.grammar import TEXT, TEXT_WITHOUT_END, AnswerGrammar, Text, fields_of, most_tokens
from workers.models.options import Options
from workers.models.prompting.answer import parse
from workers.models.prompting.template import response_format

Choose = Callable[[Sequence[int]], int]


class Characters:
    """A tokenizer of single characters."""

    quote = ord('"')

    def encode(self, text: str) -> list[int]:
        return list(map(ord, text))

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))


CODEC = Characters()
LETTERS = CODEC.encode("abcdef xyz")


def decoded(grammar: AnswerGrammar, choose: Choose) -> str:
    """Return all tokens of an answer by a model that chooses like that."""
    found: list[int] = []
    step = grammar.next_step(None)
    while not grammar.complete:
        if step in {TEXT, TEXT_WITHOUT_END}:
            allowed = [*LETTERS, *([CODEC.quote] if step == TEXT else [])]
            allowed = [token for token in allowed if token not in grammar.repeating]
        else:
            allowed = [token for token in step if isinstance(token, int)]
        found.append(choose(allowed))
        step = grammar.next_step(found[-1])
    return CODEC.decode(found)


@pytest.mark.parametrize(
    "options", [Options(), Options(language="ja"), Options(tag_count=1, alt_max_length=40, decorative=True)]
)
def test_any_choice_makes_an_answer_that_parses(options: Options) -> None:
    fields = fields_of(options)
    for seed in range(30):
        grammar = AnswerGrammar(fields, CODEC)
        text = decoded(grammar, random.Random(seed).choice)

        assert len(text) <= most_tokens(fields, CODEC)
        assert list(json.loads(text)) == list(fields)
        written = parse(grammar.answer, may_be_decorative=options.decorative)
        assert written.decorative == json.loads(text).get("decorative", False)
        assert len(json.loads(text)["seoTags"]) <= (options.tag_count or 10)


def test_the_members_are_those_of_the_schema_for_servers() -> None:
    for options in (Options(), Options(decorative=True)):
        schema = response_format(options)["json_schema"]["schema"]
        assert list(fields_of(options)) == schema["required"]


def test_a_string_without_an_end_is_cut_at_its_limit_and_at_a_word() -> None:
    grammar = AnswerGrammar({"alt": Text(16)}, CODEC)
    words = iter("a red bicycle at a wall")
    decoded(grammar, lambda allowed: allowed[0] if len(allowed) == 1 else ord(next(words)))

    assert json.loads(grammar.answer) == {"alt": "a red bicycle"}
    assert grammar.is_cut_off


def test_a_run_of_tokens_does_not_come_twice() -> None:
    grammar = AnswerGrammar({"alt": Text(40)}, CODEC)
    prefer = "abcdef"
    at = 0

    def choose(allowed: Sequence[int]) -> int:
        nonlocal at
        if len(allowed) == 1:
            return allowed[0]
        wanted = ord(prefer[at % len(prefer)])
        at += 1
        return wanted if wanted in allowed else allowed[at % len(allowed)]

    decoded(grammar, choose)
    alt = json.loads(grammar.answer)["alt"]
    runs = [alt[start : start + 6] for start in range(len(alt) - 5)]
    assert len(alt) > 20
    assert len(runs) == len(set(runs))
