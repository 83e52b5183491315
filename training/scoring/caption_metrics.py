"""Caption metrics on the validation images: pycocoevalcap, which needs Java, and nats a token."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from training.caption_model import CaptionModel
from training.datasets.image_batches import Example, ImageBatches
from training.progress import progress
from training.stages.images import caption_loss
from workers.models.embedded.beam_rerank import rerank
from workers.models.embedded.decoder_input import BOS, GENERATION
from workers.models.text_decoder.generation import generate

BATCH = 32


@torch.no_grad()
def predict_captions(model: CaptionModel, batches: ImageBatches, views: NDArray[np.int64]) -> list[tuple[str, float]]:
    """Return each view's sentence as at inference, and the mean log-probability of its tokens."""
    model.eval()
    decoder = model.decoder_for_inference()
    word_index = {token: index for index, token in enumerate(batches.vocabulary.content)}
    captions: list[tuple[str, float]] = []
    for at in progress(range(0, len(views), BATCH), total=-(-len(views) // BATCH), label="captions"):
        part = views[at : at + BATCH]
        decoder_input = batches.decoder_input([batches.inference_example(view) for view in part.tolist()])
        embeddings = model.bridge(decoder_input, model.word_embeddings)
        found = generate(decoder, decoder.encode_cross_attention(embeddings), [[BOS]], GENERATION)
        for (beams,), words in zip(found, batches.words[part], strict=True):
            best = rerank(beams, words, word_index)[0]
            captions.append((batches.vocabulary.decode(best.ids), best.score))
    return captions


def caption_scores(captions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return BLEU-1, BLEU-4, METEOR, ROUGE-L and CIDEr, all times 100."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    predicted = tokenizer.tokenize({n: [{"caption": text}] for n, text in enumerate(captions)})
    actual = tokenizer.tokenize({n: [{"caption": text} for text in row] for n, row in enumerate(references)})
    bleu = Bleu(4).compute_score(actual, predicted, verbose=0)[0]
    scores = {"BLEU-1": bleu[0], "BLEU-4": bleu[3]}
    scores["METEOR"] = Meteor().compute_score(actual, predicted)[0]
    scores["ROUGE-L"] = Rouge().compute_score(actual, predicted)[0]
    scores["CIDEr"] = Cider().compute_score(actual, predicted)[0]
    return {name: round(100 * float(value), 1) for name, value in scores.items()}


@torch.no_grad()
def nats_per_token(
    model: CaptionModel,
    batches: ImageBatches,
    views: NDArray[np.int64],
    change: Callable[[Example], Example] = lambda example: example,
) -> float:
    """Return the cross-entropy of the views' own captions; `change` may ablate the concepts."""
    model.eval()
    losses = []
    for at in range(0, len(views), BATCH):
        examples = []
        for view in views[at : at + BATCH].tolist():
            sentences = batches.captions[batches.features.views[view].row][:2]
            examples.append(change(Example(view, batches.concepts(view), batches.nouns(view), sentences)))
        losses.append(float(caption_loss(model, batches, examples, smoothing=0.0, word_dropout=False)))
    return float(np.mean(losses))


def without_concepts(example: Example) -> Example:
    return replace(example, concepts=(np.zeros_like(example.concepts[0]), example.concepts[1]))
