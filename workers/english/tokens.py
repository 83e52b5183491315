"""Split a sentence into words."""

import re
from dataclasses import dataclass, replace

_TOKEN = re.compile(r"([a-z0-9]+)(['\u2019]s\b|['\u2019](?!\w))?", re.IGNORECASE | re.ASCII)
_PUNCTUATION = re.compile(r"[,.;:!?()]")


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is lower case, without possessive ending; `start` and `end` are offsets."""

    text: str
    start: int
    end: int
    after_punctuation: bool
    possessive: bool


def normalized(text: str) -> str:
    return " ".join(token.text for token in tokenize(text))


def tokenize(sentence: str) -> list[Token]:
    tokens: list[Token] = []
    for match in _TOKEN.finditer(sentence):
        if match[0] == "s" and tokens:
            # The training captions have "a man s face".
            tokens[-1] = replace(tokens[-1], end=match.end(), possessive=True)
            continue
        after_punctuation = bool(tokens and _PUNCTUATION.search(sentence, tokens[-1].end, match.start()))
        tokens.append(Token(match[1].lower(), match.start(), match.end(), after_punctuation, match[2] is not None))
    return tokens
