"""Names of things that contain words for people: "granny smith", "lady's slipper", "lazy susan"."""

import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("fixed_names.txt")
# "Two men wear a hat", "a girl guides the horse": what ends like a name is a verb.
_NO_VERB = r"(?! (?:an?|the|his|her|their|its|him|them|it|some)\b)"
_PLACEHOLDER = re.compile("\x00(\\d+)\x00")


class Protected:
    """Text whose fixed names are placeholders; `keep` adds one, `restored` puts all back."""

    def __init__(self, phrase: str) -> None:
        self.names: list[str] = []
        # Placeholders of the input would be taken for ours.
        self.text = _pattern().sub(self.keep, phrase.replace("\x00", ""))

    def keep(self, found: re.Match[str]) -> str:
        """Return the placeholder of the matched text, for re.sub."""
        self.names.append(found[0])
        return f"\x00{len(self.names) - 1}\x00"

    def restored(self, text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: self.names[int(found[1])], text)


@cache
def _pattern() -> re.Pattern[str]:
    """Return one pattern of all names, longest first."""
    lines = _FILE.read_text(encoding="ascii").splitlines()
    names = sorted({line.strip() for line in lines if line.strip() and not line.startswith("#")}, key=len, reverse=True)
    return re.compile(rf"(?<![\w'\u2019-])(?:{'|'.join(map(_expression, names))})(?!\w){_NO_VERB}", re.IGNORECASE)


def _expression(name: str) -> str:
    """Return the regular expression of a line of fixed_names.txt."""
    expression = name.replace("(", "(?:").replace("'s", "<s>").replace("'", "['\u2019]?").replace(" ", "[ -]?")
    expression = re.sub(r"man\b", "m[ae]n", expression)
    return expression.replace("<s>", "\\s?['\u2019]?\\s?s") + "(?:e?s)?"
