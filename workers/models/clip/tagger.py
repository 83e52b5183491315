"""The zero-shot CLIP tagger: the shipped vocabulary and accounts' own terms."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.models.base import Hint, Pixels, Tag, Tagger
from workers.models.blank_image import has_detail
from workers.models.clip.embedding_cache import Embeddings, cached_embeddings
from workers.models.clip.encoder import COSINE_ROUNDING, Clip
from workers.models.clip.tag_selection import is_rounding_sensitive, select_tags, singular_words
from workers.models.clip.vocabulary import Term, account_terms, fingerprint, read_vocabulary

# 400 KB each at most.
_CACHED_ACCOUNTS = 64


@dataclass(frozen=True, slots=True)
class _EmbeddingTable:
    """`embeddings` (m, d), a row per term."""

    terms: tuple[Term, ...]
    embeddings: Embeddings


class ClipTagger(Tagger):
    """`cache`: a folder for the vocabulary's embeddings, else computed at each load."""

    def __init__(self, clip: Clip, *, cache: Path | None = None, terms: Sequence[Term] | None = None) -> None:
        self._clip, self._cache, self._terms = clip, cache, terms
        self._vocabulary: _EmbeddingTable | None = None
        self._account_tables: OrderedDict[tuple[str, ...], _EmbeddingTable] = OrderedDict()

    @property
    def name(self) -> str:
        return self._clip.name

    @property
    def revision(self) -> str:
        """The revisions of checkpoint and vocabulary."""
        return "" if self._vocabulary is None else f"{self._clip.revision}+{fingerprint(self._vocabulary.terms)}"

    def load(self) -> None:
        self._clip.load()
        if self._vocabulary is not None:
            return
        terms = read_vocabulary() if self._terms is None else tuple(self._terms)
        encoder_key = f"{self._clip.revision} {self._clip.dtype}"
        prompts = [term.prompt for term in terms]
        embeddings = cached_embeddings(prompts, self._embed, folder=self._cache, encoder_key=encoder_key)
        self._vocabulary = _EmbeddingTable(terms, embeddings)

    def unload(self) -> None:
        """Unload CLIP and keep the embeddings: a hundredth of the memory, and the slowest to compute."""
        self._clip.unload()

    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        return self.tag(batch, [Hint()] * len(batch))

    def tag(self, batch: Sequence[Pixels], hints: Sequence[Hint]) -> list[list[Tag]]:
        assert self._vocabulary is not None, "load() comes first"
        embeddings = self._clip.embed_images(batch).numpy()
        # Where the batch's rounding could change the tags, which is rare, the image is encoded again alone.
        check_rounding = len(batch) > 1 and self._clip.dtype == "fp32"
        rounding = COSINE_ROUNDING * self._clip.logit_scale
        size = len(self._vocabulary.terms)
        tags: list[list[Tag]] = []
        for image, embedding, hint in zip(batch, embeddings, hints, strict=True):
            own = self._account_table(hint.terms, self._vocabulary)
            tables = (self._vocabulary, own)
            logits = self._logits(tables, embedding)
            if check_rounding and is_rounding_sensitive(logits, vocabulary_size=size, rounding=rounding):
                logits = self._logits(tables, self._clip.embed_images([image]).numpy()[0])
            terms = (*self._vocabulary.terms, *own.terms)
            selected = select_tags(terms, logits, vocabulary_size=size, caption=hint.caption)
            tags.append(selected if has_detail(image) else [])
        return tags

    def _logits(self, tables: Sequence[_EmbeddingTable], image: NDArray[np.float32]) -> NDArray[np.float64]:
        # By image: the rounding of a matrix product depends on its shape.
        cosines = np.concatenate([table.embeddings @ image for table in tables])
        return cosines.astype(np.float64) * self._clip.logit_scale

    def _account_table(self, texts: tuple[str, ...], vocabulary: _EmbeddingTable) -> _EmbeddingTable:
        """Return the account's terms that the vocabulary lacks, from an LRU cache."""
        if texts not in self._account_tables:
            shipped = {singular_words(term.text) for term in vocabulary.terms}
            own = tuple(term for term in account_terms(texts) if singular_words(term.text) not in shipped)
            self._account_tables[texts] = _EmbeddingTable(own, self._embed([term.prompt for term in own]))
        self._account_tables.move_to_end(texts)
        while len(self._account_tables) > _CACHED_ACCOUNTS:
            self._account_tables.popitem(last=False)
        return self._account_tables[texts]

    def _embed(self, prompts: Sequence[str]) -> Embeddings:
        embeddings: Embeddings = self._clip.embed_texts(prompts).numpy()
        return embeddings
