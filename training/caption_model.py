"""Bridge and text decoder as they are trained: the decoder is transformers' own, and `generate` gives its beams.

The product runs the same weights by workers.models.text_decoder; tests/training compares the two.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import BlipTextConfig
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel

from workers.models.embedded.decoder_input import BOS, EOS, HEADS, LAYERS, PAD, WIDTH, Bridge
from workers.models.text_decoder.decoder import DecoderShape, TextDecoder


def decoder_config(vocabulary: int) -> BlipTextConfig:
    return BlipTextConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        encoder_hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=48,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        sep_token_id=EOS,
        label_smoothing=0.0,
    )


class Speaker(nn.Module):
    """Bridge and decoder."""

    def __init__(self, config: BlipTextConfig) -> None:
        super().__init__()
        self.bridge = Bridge(config.hidden_size)
        self.decoder = BlipTextLMHeadModel(config)

    @property
    def words(self) -> Tensor:
        """(vocabulary, width)."""
        embeddings: Any = self.decoder.bert.embeddings
        weight: Tensor = embeddings.word_embeddings.weight
        return weight

    def decoder_for_inference(self) -> TextDecoder:
        """The product's, of these weights."""
        return TextDecoder(
            self.decoder.state_dict(), DecoderShape(HEADS, LAYERS), lambda layer: layer, lambda layer: layer
        )

    def _read(self, tokens: Tensor, number: int) -> EncoderDecoderCache:
        """Keys and values of the row, computed once and not once for each of `number` sentences."""
        cross = DynamicCache()
        cache = EncoderDecoderCache(DynamicCache(), cross)
        layers: Any = self.decoder.bert.encoder.layer
        for place, layer in enumerate(layers):
            attention = layer.crossattention.self
            shape = (*tokens.shape[:2], -1, attention.attention_head_size)
            keys, values = (part(tokens).view(shape).transpose(1, 2) for part in (attention.key, attention.value))
            cross.update(keys.repeat_interleave(number, 0), values.repeat_interleave(number, 0), place)
            cache.is_updated[place] = True
        return cache

    def sampled(self, tokens: Tensor, number: int, longest: int) -> list[list[int]]:
        """`number` captions of each row, drawn by chance, for training."""
        drawn = {"do_sample": True, "top_k": 0, "num_return_sequences": number}
        read = self._read(tokens, number)
        ids: list[list[int]] = self._generate(tokens, max_length=longest, past_key_values=read, **drawn).tolist()
        return ids

    def _generate(self, tokens: Tensor, **how: Any) -> Any:
        # Its own annotation of `self` does not know this class.
        generate: Any = getattr(self.decoder, "generate")  # noqa: B009
        begun = torch.full((len(tokens), 1), BOS)
        return generate(begun, eos_token_id=EOS, pad_token_id=PAD, encoder_hidden_states=tokens, **how)
