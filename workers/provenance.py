"""How a result was made, as plain data for JSON."""

from collections.abc import Mapping

from workers.models.base import Caption
from workers.models.evidence import KINDS, Evidence
from workers.models.writer import Writer, Written
from workers.runtime.engine import Prediction


def provenance_of(
    models: Mapping[str, object], prediction: Prediction, assessment: Mapping[str, object], spent: Mapping[str, float]
) -> dict[str, object]:
    return {
        "assessment": assessment,
        "models": models,
        "captions": [_caption_record(caption) for caption in prediction.captions],
        "tags": [{"text": tag.text, "confidence": tag.confidence} for tag in prediction.tags],
        "evidence": _evidence_record(prediction.evidence),
        "milliseconds": {stage: round(milliseconds, 1) for stage, milliseconds in spent.items()},
    }


def _evidence_record(evidence: Evidence) -> dict[str, object]:
    """Return the probabilities of kinds over 0.05, people, text and the twelve surest nouns."""
    kinds = {kind: share for kind, share in zip(KINDS, evidence.kinds, strict=False) if share >= 0.05}
    nouns = [{"noun": noun.noun, "main": noun.main, "present": noun.present} for noun in evidence.nouns[:12]]
    return {"kinds": kinds, "people": list(evidence.people), "text": evidence.text, "nouns": nouns}


def _caption_record(caption: Caption) -> dict[str, object]:
    record: dict[str, object] = {"text": caption.text, "confidence": caption.confidence}
    return record if caption.similarity is None else {**record, "similarity": round(caption.similarity, 4)}


def writer_record(writer: Writer | None, written: Written | None, reason: str) -> dict[str, object]:
    """Return who wrote the words, for the provenance; the reason where it was the fallback."""
    if writer is None:
        return {}
    model = {"name": writer.name, "revision": writer.revision, "options": dict(writer.options)}
    if written is None:
        return {"writer": model, "fallback": reason}
    answer = {"confidence": written.confidence, "people": written.people, "doubts": list(written.doubts)}
    return {"writer": model, "answer": answer}
