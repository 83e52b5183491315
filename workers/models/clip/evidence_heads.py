"""From an image's logits to its Evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.models.clip import zero_shot
from workers.models.clip.embedding_cache import Embeddings
from workers.models.clip.evidence_prompts import ClassPrompt
from workers.models.clip.noun_evidence import NounHead, noun_head
from workers.models.clip.vocabulary import Term
from workers.models.clip.zero_shot import Logits
from workers.models.evidence import Evidence


@dataclass(frozen=True, slots=True)
class EvidenceHeads:
    """`classes`: (c, d), an embedding per class of zero_shot's heads. Logits are those of `classes`, then the
    vocabulary's.
    """

    prompts: tuple[ClassPrompt, ...]
    classes: Embeddings
    nouns: NounHead

    @classmethod
    def of(cls, prompts: Sequence[ClassPrompt], embeddings: Embeddings, vocabulary: Sequence[Term]) -> "EvidenceHeads":
        """`embeddings`: a row per prompt."""
        return cls(tuple(prompts), zero_shot.class_embeddings(prompts, embeddings), noun_head(vocabulary))

    @property
    def prompt_rows(self) -> list[str]:
        """The prompts with their classes, for a fingerprint."""
        return [f"{prompt.head} {prompt.name} {prompt.prompt}" for prompt in self.prompts]

    def evidence(self, logits: Logits) -> Evidence:
        count = len(self.classes)
        found = zero_shot.class_probabilities(logits[:count])
        return Evidence(found.kinds, found.people, self.nouns.evidence(logits[count:]), found.text)

    def is_rounding_sensitive(self, logits: Logits, *, rounding: float) -> bool:
        """Return whether an error of `rounding` per logit could change the evidence."""
        count = len(self.classes)
        if zero_shot.is_rounding_sensitive(logits[:count], rounding=rounding):
            return True
        return self.nouns.is_rounding_sensitive(logits[count:], rounding=rounding)
