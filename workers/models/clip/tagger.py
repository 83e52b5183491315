"""The zero-shot CLIP tagger: tags and evidence from the shipped vocabulary, tags from accounts' own terms."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.models.base import Hint, Pixels, Tag, Tagger
from workers.models.clip.embedding_cache import Embeddings, cached_embeddings
from workers.models.clip.encoder import COSINE_ROUNDING, Clip
from workers.models.clip.evidence_heads import EvidenceHeads
from workers.models.clip.evidence_prompts import ClassPrompt, read_evidence_prompts
from workers.models.clip.image_embeddings import ImageEmbeddings
from workers.models.clip.tag_selection import Logits, is_rounding_sensitive, select_tags, singular_words
from workers.models.clip.vocabulary import Term, account_terms, fingerprint, read_vocabulary
from workers.models.clip.zero_shot import BLANK
from workers.models.evidence import Evidence

# 400 KB each at most.
_CACHED_ACCOUNTS = 64


@dataclass(frozen=True, slots=True)
class _EmbeddingTable:
    """`embeddings` (m, d), a row per term."""

    terms: tuple[Term, ...]
    embeddings: Embeddings


class ClipTagger(Tagger):
    """`cache`: a folder for the embeddings of vocabulary and prompts, else computed at each load."""

    def __init__(
        self,
        clip: Clip,
        *,
        cache: Path | None = None,
        terms: Sequence[Term] | None = None,
        prompts: Sequence[ClassPrompt] | None = None,
    ) -> None:
        self._clip, self._cache, self._terms, self._prompts = clip, cache, terms, prompts
        self._images = ImageEmbeddings(clip)
        self._vocabulary: _EmbeddingTable | None = None
        self._heads: EvidenceHeads | None = None
        self._account_tables: OrderedDict[tuple[str, ...], _EmbeddingTable] = OrderedDict()

    @property
    def name(self) -> str:
        return self._clip.name

    @property
    def revision(self) -> str:
        """The checkpoint's revision, and a fingerprint of vocabulary and prompts."""
        if self._vocabulary is None or self._heads is None:
            return ""
        prompts = [*(term.prompt for term in self._vocabulary.terms), *self._heads.prompt_rows]
        return f"{self._clip.revision}+{fingerprint(prompts)}"

    def load(self) -> None:
        self._clip.load()
        if self._vocabulary is not None:
            return
        terms = read_vocabulary() if self._terms is None else tuple(self._terms)
        prompts = read_evidence_prompts() if self._prompts is None else tuple(self._prompts)
        # Files of their own: other prompts do not cost the minute that the vocabulary takes.
        self._heads = EvidenceHeads.of(prompts, self._cached([row.prompt for row in prompts]), terms)
        self._vocabulary = _EmbeddingTable(terms, self._cached([term.prompt for term in terms]))

    def unload(self) -> None:
        """Unload CLIP and keep the texts' embeddings: a hundredth of the memory, and the slowest to compute."""
        self._clip.unload()
        self._images.clear()

    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        return self.tag(batch, [Hint()] * len(batch))

    def tag(self, batch: Sequence[Pixels], hints: Sequence[Hint]) -> list[list[Tag]]:
        assert self._vocabulary is not None, "load() comes first"
        size = len(self._vocabulary.terms)
        is_sensitive = partial(is_rounding_sensitive, vocabulary_size=size)
        tags: list[list[Tag]] = []
        for place, (hint, detailed) in enumerate(zip(hints, self._images.of(batch).detailed, strict=True)):
            own = self._account_table(hint.terms, self._vocabulary)
            logits = self._independent_logits(batch, place, (self._vocabulary.embeddings, own.embeddings), is_sensitive)
            terms = (*self._vocabulary.terms, *own.terms)
            selected = select_tags(terms, logits, vocabulary_size=size, caption=hint.caption)
            tags.append(selected if detailed else [])
        return tags

    def evidence(self, batch: Sequence[Pixels]) -> list[Evidence]:
        """As Tagger.evidence. The probabilities are not calibrated: see zero_shot.py and noun_evidence.py."""
        assert self._vocabulary is not None, "load() comes first"
        assert self._heads is not None
        texts, is_sensitive = (self._heads.classes, self._vocabulary.embeddings), self._heads.is_rounding_sensitive
        return [
            self._heads.evidence(self._independent_logits(batch, place, texts, is_sensitive)) if detailed else BLANK
            for place, detailed in enumerate(self._images.of(batch).detailed)
        ]

    def _independent_logits(
        self,
        batch: Sequence[Pixels],
        place: int,
        texts: Sequence[Embeddings],
        is_sensitive: Callable[..., bool],
    ) -> Logits:
        """Return an image's logits. Where the batch's rounding could change the result, it is encoded again alone."""
        logits = self._logits(texts, self._images.of(batch).together[place])
        rounding = COSINE_ROUNDING * self._clip.logit_scale
        if len(batch) > 1 and self._clip.dtype == "fp32" and is_sensitive(logits, rounding=rounding):
            return self._logits(texts, self._images.alone(batch, place))
        return logits

    def _logits(self, texts: Sequence[Embeddings], image: NDArray[np.float32]) -> Logits:
        # By image: the rounding of a matrix product depends on its shape.
        cosines = np.concatenate([embeddings @ image for embeddings in texts])
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

    def _cached(self, prompts: Sequence[str]) -> Embeddings:
        encoder_key = f"{self._clip.revision} {self._clip.dtype}"
        return cached_embeddings(prompts, self._embed, folder=self._cache, encoder_key=encoder_key)
