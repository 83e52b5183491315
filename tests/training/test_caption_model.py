"""The product runs by its own decoder what was trained as transformers' BlipTextLMHeadModel: the same sentences."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.workers.images import SAMPLES


@pytest.fixture(scope="module")
def row() -> Any:
    """What the samples tell: (n, 101, 384)."""
    import torch

    from workers.models.embedded.network import Network

    network = Network()
    looks = [network.look(np.asarray(Image.open(path).convert("RGB"))) for path in sorted(SAMPLES.glob("*.jpg"))]
    return torch.cat([look.tokens for look in looks]).clone()


def beams(speaker: Any, tokens: Any, penalty: float) -> tuple[list[list[int]], list[float]]:
    """By transformers' own `generate`: the best sentence of each row, and its score by the length and the penalty."""
    from workers.models.embedded.decoder_input import LONGEST

    found = {"num_beams": 3, "do_sample": False, "length_penalty": penalty, "early_stopping": True}
    answer = speaker._generate(tokens, max_length=LONGEST, output_scores=True, return_dict_in_generate=True, **found)
    return answer.sequences.tolist(), answer.sequences_scores.tolist()


@pytest.mark.parametrize("penalty", [0.5, 1.0, 2.0])
def test_the_sentences_are_those_of_generate(row: Any, penalty: float) -> None:
    import torch
    from safetensors.torch import load_file

    from training.caption_model import Speaker, decoder_config
    from workers.models.embedded.decoder_input import BOS, EOS, LONGEST, PAD
    from workers.models.embedded.weights import FOLDER, MODEL, read_config
    from workers.models.text_decoder.beam_search import GenerationConfig
    from workers.models.text_decoder.generation import generate

    tensors = {name: t.float() for name, t in load_file(FOLDER / MODEL).items() if name.startswith("speaker.")}
    speaker = Speaker(decoder_config(read_config().vocabulary)).eval()
    speaker.load_state_dict({name.removeprefix("speaker."): t for name, t in tensors.items()}, strict=False)
    decoder = speaker.decoder_for_inference()
    config = GenerationConfig(3, LONGEST - 1, no_repeat_ngram_size=0, eos_token_id=EOS, length_penalty=penalty)

    with torch.inference_mode():
        ids, scores = beams(speaker, row, penalty)
        best = [searches[0][0] for searches in generate(decoder, decoder.encode_cross_attention(row), [[BOS]], config)]

    assert [[n for n in told if n not in (PAD, EOS)] for told in ids] == [list(sentence.ids) for sentence in best]
    assert [sentence.rank for sentence in best] == pytest.approx(scores, abs=1e-3)
