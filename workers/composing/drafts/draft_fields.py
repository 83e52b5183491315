"""The six fields of a draft, within the contract's limits."""

import re

from workers.composing.drafts.draft import Draft
from workers.composing.drafts.sentence_support import ACTIVITIES
from workers.composing.drafts.subject import tag_of
from workers.composing.filename import BASE_LIMIT, append_words, slugify
from workers.composing.noun_phrase import is_bare
from workers.composing.tags import MIN_TAGS, distinct_tags
from workers.composing.title import TITLE_LIMIT, TITLE_WORDS
from workers.english.grammar import (
    DANGLING_WORDS,
    PREPOSITIONS,
    as_sentence,
    capitalize_first,
    headline,
    strip_dangling_words,
    telegraphic,
    title_case,
    truncate,
    truncate_words,
    without_article,
)
from workers.english.lexicon import lexicon
from workers.english.nouns import ADJECTIVES

ALT_LIMIT = 250
_MAX_TAGS = 10
# Of a sentence that was cut behind them.
_VERBS = frozenset((
    "gazes", "holds", "jumps", "kneels", "leans", "lies", "looks", "plays", "points", "poses", "rests", "rides", "runs",
    "sits", "smiles", "stand", "stands", "stares", "uses", "walks", "watches", "wears", "works",
))  # fmt: skip


def draft_alt(draft: Draft) -> str:
    phrase = f'{draft.phrase}, with the text "{draft.printed}"' if draft.printed else draft.phrase
    return capitalize_first(truncate(phrase, ALT_LIMIT))


def draft_title(draft: Draft) -> str:
    """Return 3 to 9 words, never cut inside a phrase where a shorter one is whole."""
    # A name keeps its article: "The Small Garden".
    is_name = draft.kind and draft.title != draft.plain
    words = (draft.title if is_name else without_article(headline(draft.title))).replace('"', "").split()
    if is_name and len(words) > TITLE_WORDS.stop - 1:
        words = words[: -len(draft.kind.split())]
    if len(words) > TITLE_WORDS.stop - 1 or len(" ".join(words)) > TITLE_LIMIT:
        words = telegraphic(" ".join(words)).split()
        kept = truncate_words(words, TITLE_WORDS.stop - 1, TITLE_WORDS.start)
        words = _cut_behind_noun(kept, words[len(kept) :])
    if len(words) < TITLE_WORDS.start:
        words = _lengthened(words, draft)
    title = " ".join(words[: TITLE_WORDS.stop - 1])
    if is_name and not draft.title.isascii() and title.endswith(draft.kind):
        # Other languages have no title case: "Jacques le fataliste".
        named = title.removesuffix(draft.kind)
        return capitalize_first(named + title_case(title[len(named) :]))
    return title_case(title)


def _cut_behind_noun(words: list[str], rest: list[str]) -> list[str]:
    """Return a cut phrase without what needs the rest: the verb of "dog looks", the adjectives of "in front of red"."""
    if not rest or len(words) <= TITLE_WORDS.start:
        return words
    last = words[-1].lower()
    reading = lexicon().read(" ".join(words))
    is_noun = bool(reading.mentions) and reading.mentions[-1].last >= len(reading.tokens) - 1
    is_alive = bool(reading.things) and reading.things[0].noun.kind in {"animal", "person"}
    is_verb = last in _VERBS or (last.endswith("ing") and not (is_alive and last in ACTIVITIES))
    following = next((word for word in rest if word != "and"), "")
    is_adjective = bool(following) and last in ADJECTIVES and following not in DANGLING_WORDS | PREPOSITIONS
    if is_adjective or (is_verb and not is_noun):
        return _cut_behind_noun(strip_dangling_words(words[:-1]).split(), rest)
    return words


def _lengthened(words: list[str], draft: Draft) -> list[str]:
    """Lengthen by the phrase's words, else to "Photograph of a Beach"."""
    phrase = draft.phrase.replace('"', "")
    bare = without_article(phrase).split()
    if draft.kind and draft.title != draft.plain:
        return [*draft.kind.split(), "reading", *words[: -len(draft.kind.split())]]
    if TITLE_WORDS.start <= len(bare) <= TITLE_WORDS.stop - 1:
        return bare
    named = phrase.split() if len(bare) < TITLE_WORDS.start else words
    return ["picture" if draft.kind else "photograph", "of", *named]


def draft_description(draft: Draft) -> str:
    """Return two or more sentences that add to the phrase."""
    sentences = list(dict.fromkeys(as_sentence(sentence) for sentence in draft.sentences))
    if len(sentences) < 2:
        phrase = draft.phrase.removesuffix(" in black and white")
        opening = f"this picture shows {phrase}" if is_bare(phrase) else phrase
        if opening != phrase:
            sentences = [re.sub("^The picture is", "It is", sentence) for sentence in sentences]
        sentences = [as_sentence(opening), *sentences]
    return " ".join(sentences)


def draft_filenames(draft: Draft) -> tuple[str, ...]:
    """Return names, best first; later ones append a further thing that was seen."""
    title = headline(without_article(draft.file or draft.title))
    if sum(letter.isalpha() for letter in title if not letter.isascii()) * 2 > sum(map(str.isalpha, title)):
        # "7-poster" would be left of a title in another script.
        title = draft.plain or without_article(draft.phrase)
    short = truncate(title, BASE_LIMIT).split()
    base = slugify(" ".join(_cut_behind_noun(short, title.split()[len(short) :]))) or slugify(draft.phrase) or "picture"
    return tuple(dict.fromkeys([base, *(append_words(base, tag) for tag in draft.tags)]))


def draft_tags(draft: Draft) -> tuple[str, ...]:
    """Return 3 to 10 distinct tags, best first."""
    found = distinct_tags(map(tag_of, draft.tags))
    for filler in (*map(tag_of, draft.filler_tags), "photography", "photograph", "picture"):
        if len(found) < MIN_TAGS:
            found = distinct_tags([*found, filler])
    return tuple(found[:_MAX_TAGS])
