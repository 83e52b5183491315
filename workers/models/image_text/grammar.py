"""Constrained decoding: the members of the answer's JSON object are given, and the model fills in their values.

A model of a few hundred million parameters seldom writes eleven members without a fault; here it cannot fail to. Each
value has a limit in tokens, so that generation is bounded, too. (Willard, Louf: Efficient Guided Generation for Large
Language Models, 2023, has the general method; one fixed object needs no automaton.)
"""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.models.evidence import KINDS
from workers.models.options import Options
from workers.models.prompting.template import DEFAULT_ALT, DEFAULT_TAGS

# Tokens of a language other than those that most tokenizers are made for.
_OTHER_LANGUAGES = 3
_CHARACTERS_OF_A_TOKEN = 2
_LEAST_TAGS = 3
# No run of so many tokens comes twice in a string: weak models repeat themselves to the limit.
_NO_REPEAT = 6
# A string goes on with any token of text, or ends if it has a word. Other steps name the tokens of which one is next.
TEXT, TEXT_WITHOUT_END = "text", "text without end"
Step = str | tuple[int, ...]
Steps = Generator[Step, int, None]


class Codec(Protocol):
    """The part of a tokenizer that a grammar needs."""

    quote: int

    def encode(self, text: str) -> list[int]: ...
    def decode(self, ids: Sequence[int]) -> str: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `limit` tokens."""

    limit: int


@dataclass(frozen=True, slots=True)
class TextList:
    """At most `most` strings of at most `limit` tokens each."""

    most: int
    limit: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these texts; none is the beginning of another."""

    texts: tuple[str, ...]
    quoted: bool = True


Field = Text | TextList | Choice


def fields_of(options: Options) -> dict[str, Field]:
    """Return the members of workers.models.prompting.template in its order, with limits for the language."""
    factor = 1 if options.is_english else _OTHER_LANGUAGES
    alt = (options.alt_max_length or DEFAULT_ALT) // _CHARACTERS_OF_A_TOKEN
    fields: dict[str, Field] = {
        "title": Text(24 * factor),
        "alt": Text(alt * factor),
        "caption": Text(60 * factor),
        "description": Text(160 * factor),
        "filename": Text(24),
        "seoTags": TextList(options.tag_count or DEFAULT_TAGS, 10 * factor),
        "kind": Choice(KINDS),
        "text": Text(60 * factor),
        "confidence": Choice(tuple(f"{tenth / 10:.1f}" for tenth in range(11)), quoted=False),
        "people": Choice(tuple(map(str, range(10))), quoted=False),
        "subject": Text(10),
    }
    return fields | ({"decorative": Choice(("false", "true"), quoted=False)} if options.decorative else {})


class AnswerGrammar:
    """One answer as it is decoded. `next_step` after each token; `answer` is JSON once `complete`."""

    def __init__(self, fields: dict[str, Field], codec: Codec) -> None:
        self._fields, self._codec = fields, codec
        self._values: dict[str, object] = {}
        self._string_ids: list[int] = []
        self._steps = self._object()
        self.complete = self.is_cut_off = False

    def next_step(self, chosen: int | None) -> Step:
        """Return what may come after the token `chosen`, None at the start; () once the object is complete."""
        try:
            return next(self._steps) if chosen is None else self._steps.send(chosen)
        except StopIteration:
            self.complete = True
            return ()

    @property
    def answer(self) -> str:
        return json.dumps(self._values, ensure_ascii=False)

    @property
    def repeating(self) -> list[int]:
        """Return the tokens that would repeat a run of the string under way."""
        ids, before = self._string_ids, _NO_REPEAT - 1
        last = ids[-before:]
        starts = range(len(ids) - before) if len(ids) >= before else ()
        return [ids[start + before] for start in starts if ids[start : start + before] == last]

    def _object(self) -> Steps:
        before = "{"
        for name, field in self._fields.items():
            yield from self._given(f'{before}"{name}": ')
            yield from _SHAPES[type(field)](self, name, field)
            before = ", "
        yield from self._given("}")

    def _text(self, name: str, field: Text) -> Steps:
        yield from self._given('"')
        self._values[name] = yield from self._string(field.limit)

    def _list(self, name: str, field: TextList) -> Steps:
        found: list[str] = []
        yield from self._given('["')
        while True:
            found.append((yield from self._string(field.limit)))
            if len(found) >= field.most:
                break
            ends = ("]",) if len(found) >= min(_LEAST_TAGS, field.most) else ()
            if (yield from self._one_of((", ", *ends))) == "]":
                self._values[name] = found
                return
            yield from self._given('"')
        yield from self._given("]")
        self._values[name] = found

    def _choice(self, name: str, field: Choice) -> Steps:
        if field.quoted:
            yield from self._given('"')
        chosen = yield from self._one_of(field.texts)
        if field.quoted:
            yield from self._given('"')
        self._values[name] = chosen if field.quoted else json.loads(chosen)

    def _given(self, text: str) -> Steps:
        for token in self._codec.encode(text):
            yield (token,)

    def _string(self, limit: int) -> Generator[Step, int, str]:
        """Return the text of a string whose opening quote is there, and end it."""
        ids = self._string_ids = []
        has_word = False
        while len(ids) < limit:
            chosen = yield TEXT if has_word else TEXT_WITHOUT_END
            if chosen == self._codec.quote:
                return self._codec.decode(ids).strip()
            ids.append(chosen)
            has_word = has_word or any(map(str.isalnum, self._codec.decode(ids)))
        self.is_cut_off = True
        yield (self._codec.quote,)
        text = self._codec.decode(ids).strip()
        return text.rsplit(" ", 1)[0] if " " in text else text

    def _one_of(self, texts: Sequence[str]) -> Generator[Step, int, str]:
        left = {text: self._codec.encode(text) for text in texts}
        at = 0
        while True:
            done = [text for text, ids in left.items() if len(ids) == at]
            if done:
                return done[0]
            chosen = yield tuple(dict.fromkeys(ids[at] for ids in left.values()))
            left = {text: ids for text, ids in left.items() if ids[at] == chosen}
            at += 1


_SHAPES: dict[type, Callable[..., Steps]] = {
    Text: AnswerGrammar._text,
    TextList: AnswerGrammar._list,
    Choice: AnswerGrammar._choice,
}


def most_tokens(fields: dict[str, Field], codec: Codec) -> int:
    """Return the length of the longest answer in tokens."""
    total = 2 * len(codec.encode("{}"))
    for name, field in fields.items():
        total += len(codec.encode(f', "{name}": ')) + 2 * len(codec.encode('""'))
        if isinstance(field, Text):
            total += field.limit
        elif isinstance(field, TextList):
            total += field.most * (field.limit + len(codec.encode('", "')) + 2) + len(codec.encode('"]'))
        else:
            total += max(len(codec.encode(text)) for text in field.texts)
    return total
