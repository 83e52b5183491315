"""Which tokens of a tokenizer may stand in a JSON string, and which end it."""

from collections.abc import Sequence
from typing import Any

from workers.models.base import ModelUnavailable


class TokenTable:
    """The vocabulary of a tokenizer. `text`: ids that go on with a string; `ends`: ids that begin with its quote."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.special = tuple(sorted(tokenizer.get_added_vocab(), key=len, reverse=True))
        special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
        ids = [i for i in range(len(tokenizer)) if i not in special]
        texts = tokenizer.batch_decode([[i] for i in ids], clean_up_tokenization_spaces=False)
        self.text = [i for i, text in zip(ids, texts, strict=True) if _is_text(text)]
        self.ends = [i for i, text in zip(ids, texts, strict=True) if _is_end(text)]
        quote = self.encode('"')
        if len(quote) != 1 or not self.text:
            raise ModelUnavailable("The tokenizer of the checkpoint has no token for a quotation mark.")
        self.quote = quote[0]

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text).replace('\\"', '"').replace("\ufffd", "")  # bytes of a character that was not completed

    def without_special(self, text: str) -> str:
        """Remove the names of special tokens, which would be read as such: a caller's "<image>" or end of a turn."""
        before = ""
        while before != text:  # "<im<image>age>"
            before = text
            for token in self.special:
                if token.strip():
                    text = text.replace(token, " ")
        return text


def _is_text(text: str) -> bool:
    plain = text.replace('\\"', "")
    return bool(plain) and not any(char in '"\\' or ord(char) < 32 for char in plain)


def _is_end(text: str) -> bool:
    """Return whether a string ends with the token: `"`, `",` or `."`; a space before the quote opens an inner one."""
    before, quote, _ = text.partition('"')
    return bool(quote) and all(char in ".!?" for char in before)
