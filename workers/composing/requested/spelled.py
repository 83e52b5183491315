"""Composed words in the spelling of a region of English."""

import re
from collections.abc import Iterable
from dataclasses import replace

from workers.composing.filename import slugify
from workers.composing.metadata import ComposedMetadata
from workers.composing.tags import distinct_tags
from workers.english.spelling.respell import respell


def spelled(composed: ComposedMetadata, language: str, given: Iterable[str]) -> ComposedMetadata:
    """Return the words in the spelling of an English language tag, but those of `given`, which others spelled."""
    kept = frozenset(word for text in given for word in re.findall(r"\w+", text.lower()))

    def spell(text: str) -> str:
        return respell(text, language, kept)

    # A longer spelling may need a cut.
    found = ((name, spell(name)) for name in composed.filename_candidates)
    names = tuple(dict.fromkeys(name if name == other else slugify(other) for name, other in found))
    return replace(
        composed,
        title=spell(composed.title),
        alt=spell(composed.alt),
        caption=spell(composed.caption),
        description=spell(composed.description),
        filename=names[0],
        filename_candidates=names,
        seo_tags=tuple(distinct_tags(map(spell, composed.seo_tags))),
    )
