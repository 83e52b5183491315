"""Check a captioner's sentence against the evidence: how probable each of its things is."""

from dataclasses import dataclass

from workers.composing.drafts.subject import people_count
from workers.english.grammar import strip_dangling_words
from workers.english.lexicon import lexicon
from workers.english.nouns import Mention
from workers.models.evidence import Evidence

_YOUNG = frozenset(("child", "boy", "girl", "kid", "baby", "toddler", "infant"))


@dataclass(frozen=True, slots=True)
class Support:
    """`main`: of the sentence's first thing as the main subject; `present`: of the first thing; `least`: of its least
    supported thing, all 0..1. `head`: the words for the first thing, wider ones included.
    """

    main: float = 0.0
    present: float = 0.0
    least: float = 0.0
    head: frozenset[str] = frozenset()

    def names(self, noun: str) -> bool:
        """Return whether the first thing is the noun, narrower or its wider one."""
        return noun in self.head


def support_of(sentence: str, evidence: Evidence) -> Support:
    things = [thing for thing in lexicon().read(sentence).things if thing.noun.kind not in {"group", "part"}]
    if not things:
        return Support()
    supports = [_of_thing(thing, evidence) for thing in things]
    main, present = supports[0]
    return Support(main, present, min(found for _, found in supports), _head_words(things[0], evidence))


def supported_part(sentence: str, evidence: Evidence, least: float) -> str:
    """Return the sentence up to its first thing, after the subject, with less evidence than `least`; "" without any."""
    reading = lexicon().read(sentence)
    things = [thing for thing in reading.things if thing.noun.kind not in {"group", "part"}]
    if not things or _of_thing(things[0], evidence)[1] < least:
        return ""
    for thing in things[1:]:
        if _of_thing(thing, evidence)[1] < least:
            article = reading.article_of(thing)
            first = reading.tokens[thing.first if article is None else article]
            return _if_complete(strip_dangling_words(sentence[: first.start].split(), first.text))
    return sentence


def _if_complete(part: str) -> str:
    """Return the part where it ends in a noun or a participle, else "": "a person in a dress looks" is cut wrongly."""
    mentions = lexicon().read(part).mentions
    ends_in_noun = bool(mentions) and part.lower().endswith(mentions[-1].noun.text)
    return part if ends_in_noun or part.endswith("ing") else ""


def _of_thing(thing: Mention, evidence: Evidence) -> tuple[float, float]:
    """Return the thing's `main` and `present`, the higher of its own and half of its wider noun's."""
    if thing.noun.kind == "person":
        main = max((noun.main for noun in evidence.nouns if noun.noun in {"person", thing.noun.text}), default=0.0)
        some = people_count(evidence)[1]
        return main, min(some, _child(evidence)) if thing.noun.text in _YOUNG else some
    names = _names(thing)
    exact = [noun for noun in evidence.nouns if noun.noun in names or names & set(noun.wider)]
    wider = [noun for noun in evidence.nouns if noun.noun == thing.noun.parent]
    main = max([noun.main for noun in exact] + [noun.main / 2 for noun in wider], default=0.0)
    present = max([noun.present for noun in exact] + [noun.present / 2 for noun in wider], default=0.0)
    return main, max(main, present)


def _child(evidence: Evidence) -> float:
    return max((noun.main for noun in evidence.nouns if noun.noun in _YOUNG), default=0.0)


def _names(thing: Mention) -> set[str]:
    return {thing.noun.text, thing.noun.text.split()[-1]}


def _head_words(thing: Mention, evidence: Evidence) -> frozenset[str]:
    if thing.noun.kind == "person":
        return frozenset(("person", thing.noun.text))
    names = _names(thing)
    narrower = {noun.noun for noun in evidence.nouns if names & set(noun.wider)}
    return frozenset({*names, thing.noun.parent, *narrower})
