"""Tags by CLIP over the shipped vocabulary and an account's own terms."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.models.base import Hint, Pixels, Tag, Tagger
from workers.models.blank_image import has_detail
from workers.models.clip.embedding_cache import Vectors, kept
from workers.models.clip.encoder import ROUNDING, Clip
from workers.models.clip.tag_selection import hangs_on_rounding, tags_of, words_of
from workers.models.clip.vocabulary import Term, fingerprint, own_terms, read_vocabulary

# Accounts whose own terms are held as vectors: 400 KB each at most.
_ACCOUNTS = 64


@dataclass(frozen=True, slots=True)
class _Glossary:
    """`vectors` (m, d), one row a term."""

    terms: tuple[Term, ...]
    vectors: Vectors


class ClipTagger(Tagger):
    """`cache`: a folder for the vectors of the vocabulary, which else are made at each load."""

    def __init__(self, clip: Clip, *, cache: Path | None = None, terms: Sequence[Term] | None = None) -> None:
        self._clip, self._cache, self._given = clip, cache, terms
        self._shipped: _Glossary | None = None
        self._own: OrderedDict[tuple[str, ...], _Glossary] = OrderedDict()

    @property
    def name(self) -> str:  # type: ignore[override]
        return self._clip.name

    @property
    def revision(self) -> str:  # type: ignore[override]
        """The checkpoint's and the vocabulary's."""
        return "" if self._shipped is None else f"{self._clip.revision}+{fingerprint(self._shipped.terms)}"

    def load(self) -> None:
        self._clip.load()
        if self._shipped is not None:
            return
        terms = read_vocabulary() if self._given is None else tuple(self._given)
        made_by = f"{self._clip.revision} {self._clip.dtype}"
        vectors = kept([term.prompt for term in terms], self._embed, folder=self._cache, made_by=made_by)
        self._shipped = _Glossary(terms, vectors)

    def unload(self) -> None:
        """The vectors stay: they are a hundredth of the model, and took the longest to make."""
        self._clip.unload()

    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        return self.tag(batch, [Hint()] * len(batch))

    def tag(self, batch: Sequence[Pixels], hints: Sequence[Hint]) -> list[list[Tag]]:
        assert self._shipped is not None, "load() comes first"
        seen = self._clip.images(batch).numpy()
        # Where the batch could change the tags, which is seldom, the picture is looked at again without it.
        watched = len(batch) > 1 and self._clip.dtype == "fp32"
        tagged: list[list[Tag]] = []
        for pixels, vector, hint in zip(batch, seen, hints, strict=True):
            glossaries = (self._shipped, self._glossary(hint.terms, self._shipped))
            shipped = len(self._shipped.terms)
            fits = self._fits(glossaries, vector)
            if watched and hangs_on_rounding(fits, shipped=shipped, rounding=ROUNDING * self._clip.scale):
                fits = self._fits(glossaries, self._clip.images([pixels]).numpy()[0])
            terms = (*glossaries[0].terms, *glossaries[1].terms)
            tagged.append(tags_of(terms, fits, shipped=shipped, said=hint.said) if has_detail(pixels) else [])
        return tagged

    def _fits(self, glossaries: Sequence[_Glossary], vector: NDArray[np.float32]) -> NDArray[np.float64]:
        # Picture by picture: a product of matrices rounds by its shape.
        cosines = np.concatenate([glossary.vectors @ vector for glossary in glossaries])
        return cosines.astype(np.float64) * self._clip.scale

    def _glossary(self, texts: tuple[str, ...], shipped: _Glossary) -> _Glossary:
        """An account's own terms, less those that the vocabulary has."""
        if texts not in self._own:
            known = {words_of(term.text) for term in shipped.terms}
            own = tuple(term for term in own_terms(texts) if words_of(term.text) not in known)
            self._own[texts] = _Glossary(own, self._embed([term.prompt for term in own]))
        self._own.move_to_end(texts)
        while len(self._own) > _ACCOUNTS:
            self._own.popitem(last=False)
        return self._own[texts]

    def _embed(self, prompts: Sequence[str]) -> Vectors:
        vectors: Vectors = self._clip.texts(prompts).numpy()
        return vectors
