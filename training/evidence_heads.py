"""The evidence heads with dropout, as they are trained."""

from torch import Tensor
from torch.nn import functional

from workers.models.embedded import evidence_heads

INPUT_DROPOUT, HIDDEN_DROPOUT = 0.3, 0.4


class TrainedHeads(evidence_heads.EvidenceHeads):
    """The embedded model's heads, with names for their logits."""

    def logits(self, vectors: Tensor) -> dict[str, Tensor]:
        """Return logits of (n, 3800): `kind` (n, 14), `people` (n, 4), `text` (n,), `main`, `present` (n, nouns)."""
        inputs = functional.dropout((vectors - self.mean) / self.scale, INPUT_DROPOUT, self.training)
        hidden = functional.dropout(functional.gelu(self.hidden(inputs)), HIDDEN_DROPOUT, self.training)
        return {
            "kind": self.kind(hidden),
            "people": self.people(hidden),
            "text": self.text(hidden)[:, 0],
            "main": self.main(hidden),
            "present": self.present(hidden),
        }
