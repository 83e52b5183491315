"""How probable a noun of the lexicon is by the evidence, under its own name, a narrower or a wider one."""

from collections.abc import Collection

from workers.english.nouns import Noun
from workers.models.evidence import Evidence

# Of the evidence that a thing of a sentence needs, at the least. Of the things named at a confidence above 0.6, in
# images of COCO and Flickr8k, 80 % with evidence above 0.3 were there, 62 % of those above 0.1, 36 % of the others.
LEAST_PRESENT = 0.1
# Of the evidence for its wider noun: what a thing has without evidence of its own.
PARENT_SHARE = 0.5


def names_of(noun: Noun) -> set[str]:
    """Return the noun and its last word: "dog" of "guide dog"."""
    return {noun.text, noun.text.split()[-1]}


class NounSupport:
    """The evidence of one image by word: of each noun with its narrower ones, and of each noun alone."""

    def __init__(self, evidence: Evidence) -> None:
        self._own = {noun.noun: (noun.main, noun.present) for noun in evidence.nouns}
        self._named: dict[str, tuple[float, float]] = {}
        for noun in evidence.nouns:
            for word in (noun.noun, *noun.wider):
                main, present = self._named.get(word, (0.0, 0.0))
                self._named[word] = (max(main, noun.main), max(present, noun.present))

    def of(self, names: Collection[str], parent: str, share: float = PARENT_SHARE) -> tuple[float, float]:
        """Return `main` and `present`: the highest of the names, or `share` of the wider noun `parent`'s."""
        found = [self._named[name] for name in names if name in self._named]
        main, present = self._own.get(parent, (0.0, 0.0))
        found.append((main * share, present * share))
        return max(main for main, _ in found), max(max(pair) for pair in found)
