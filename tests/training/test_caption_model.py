"""The inference decoder and transformers' BlipTextLMHeadModel, as which it was trained, give the same sentences."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.workers.images import SAMPLES


@pytest.fixture(scope="module")
def embeddings() -> Any:
    """The decoder's input for the samples: (n, 123, 384)."""
    import torch

    from workers.models.embedded.network import Network

    network = Network()
    images = [network.encode(np.asarray(Image.open(path).convert("RGB"))) for path in sorted(SAMPLES.glob("*.jpg"))]
    return torch.cat([image.embeddings for image in images]).clone()


def beams(model: Any, embeddings: Any, penalty: float, **more: Any) -> tuple[list[list[int]], list[float]]:
    """Return each row's best sentence by transformers' `generate`, and its length-penalized score."""
    from workers.models.embedded.decoder_input import MAX_TOKENS

    options = {"num_beams": 3, "do_sample": False, "length_penalty": penalty, "early_stopping": True, **more}
    output = model._generate(
        embeddings, max_length=MAX_TOKENS, output_scores=True, return_dict_in_generate=True, **options
    )
    return output.sequences.tolist(), output.sequences_scores.tolist()


@pytest.fixture(scope="module")
def model() -> Any:
    """The model as it is trained, with the shipped weights."""
    from safetensors.torch import load_file

    from training.caption_model import CaptionModel, decoder_config
    from workers.models.embedded.weights import FOLDER, MODEL, read_config

    tensors = {name: t.float() for name, t in load_file(FOLDER / MODEL).items() if name.startswith("speaker.")}
    model = CaptionModel(decoder_config(read_config().vocabulary)).eval()
    model.load_state_dict({name.removeprefix("speaker."): t for name, t in tensors.items()}, strict=False)
    return model


@pytest.mark.parametrize("penalty", [0.5, 1.0, 2.0])
def test_beam_search_matches_generate(model: Any, embeddings: Any, penalty: float) -> None:
    import torch

    from workers.models.embedded.decoder_input import BOS, EOS, MAX_TOKENS, PAD
    from workers.models.text_decoder.beam_search import GenerationConfig
    from workers.models.text_decoder.generation import generate

    decoder = model.decoder_for_inference()
    config = GenerationConfig(3, MAX_TOKENS - 1, no_repeat_ngram_size=0, eos_token_id=EOS, length_penalty=penalty)

    with torch.inference_mode():
        ids, scores = beams(model, embeddings, penalty)
        best = [
            sentences[0][0]
            for sentences in generate(decoder, decoder.encode_cross_attention(embeddings), [[BOS]], config)
        ]

    assert [[n for n in row_ids if n not in (PAD, EOS)] for row_ids in ids] == [list(sentence.ids) for sentence in best]
    assert [sentence.rank for sentence in best] == pytest.approx(scores, abs=1e-3)


def test_suppressed_tokens_are_those_of_generate_for_each_image(model: Any, embeddings: Any) -> None:
    import torch

    from workers.models.embedded.decoder_input import BOS, EOS, GENERATION, PAD
    from workers.models.text_decoder.generation import generate

    decoder = model.decoder_for_inference()
    cross_attention = decoder.encode_cross_attention(embeddings)
    with torch.inference_mode():
        free = [beams[0].ids[1:] for (beams,) in generate(decoder, cross_attention, [[BOS]], GENERATION)]
        suppressed = torch.zeros(len(free), decoder.word_embeddings.shape[0], dtype=torch.bool)
        for row, ids in enumerate(free):
            suppressed[row, sorted({*ids} - {PAD, EOS})] = True
        found = [beams[0].ids for (beams,) in generate(decoder, cross_attention, [[BOS]], GENERATION, suppressed)]
        for row, ids in enumerate(found):
            options = {"num_beams": GENERATION.num_beams, "suppress_tokens": suppressed[row].nonzero()[:, 0].tolist()}
            expected, _ = beams(model, embeddings[row : row + 1], GENERATION.length_penalty, **options)
            assert [n for n in expected[0] if n not in (PAD, EOS)] == list(ids)
            assert not {*free[row]} & {*ids[1:]}
