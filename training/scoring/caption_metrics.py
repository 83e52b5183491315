"""The usual scorer of captions, pycocoevalcap, on the validation pictures; it needs Java."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from training.caption_model import Speaker
from training.datasets.image_batches import Example, Pictures
from training.progress import progress
from training.stages.images import picture_loss
from workers.models.embedded.beam_rerank import chosen
from workers.models.embedded.decoder_input import BOS, RULES
from workers.models.text_decoder.generation import generate

BATCH = 32


def captions(speaker: Speaker, pictures: Pictures, views: NDArray[np.int64]) -> list[str]:
    return [text for text, _ in told_of(speaker, pictures, views)]


@torch.no_grad()
def told_of(speaker: Speaker, pictures: Pictures, views: NDArray[np.int64]) -> list[tuple[str, float]]:
    """What the product would say of each picture, and the mean log-probability of its tokens."""
    speaker.eval()
    decoder = speaker.decoder_for_inference()
    places = {token: place for place, token in enumerate(pictures.vocabulary.content)}
    answer: list[tuple[str, float]] = []
    for at in progress(range(0, len(views), BATCH), total=-(-len(views) // BATCH), label="captions"):
        some = views[at : at + BATCH]
        sight = pictures.sight([pictures.shown(view) for view in some.tolist()])
        found = generate(decoder, decoder.encode_cross_attention(speaker.bridge(sight, speaker.words)), [[BOS]], RULES)
        for (beams,), words in zip(found, pictures.words[some], strict=True):
            best = chosen(beams, words, places)
            answer.append((pictures.vocabulary.text(best.ids), best.score))
    return answer


def scores(told: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """In the order BLEU-1, BLEU-4, METEOR, ROUGE-L, CIDEr, all times 100."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    said = tokenizer.tokenize({n: [{"caption": text}] for n, text in enumerate(told)})
    true = tokenizer.tokenize({n: [{"caption": text} for text in row] for n, row in enumerate(references)})
    bleu = Bleu(4).compute_score(true, said, verbose=0)[0]
    answer = {"BLEU-1": bleu[0], "BLEU-4": bleu[3]}
    answer["METEOR"] = Meteor().compute_score(true, said)[0]
    answer["ROUGE-L"] = Rouge().compute_score(true, said)[0]
    answer["CIDEr"] = Cider().compute_score(true, said)[0]
    return {name: round(100 * float(value), 1) for name, value in answer.items()}


@torch.no_grad()
def likelihood(
    speaker: Speaker, pictures: Pictures, views: NDArray[np.int64], change: Callable[[Example], Example] = lambda e: e
) -> float:
    """Nats a token of the captions of unseen pictures; `change` may blank their concepts."""
    speaker.eval()
    losses = []
    for at in range(0, len(views), BATCH):
        examples = []
        for view in views[at : at + BATCH].tolist():
            sentences = pictures.captions[pictures.features.views[view].row][:2]
            examples.append(change(Example(view, pictures.concepts(view), sentences)))
        losses.append(float(picture_loss(speaker, pictures, examples, smoothing=0.0, noise=False)))
    return float(np.mean(losses))


def deaf(example: Example) -> Example:
    return Example(example.view, (np.zeros_like(example.concepts[0]), example.concepts[1]), example.sentences)
