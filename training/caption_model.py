"""Projector and text decoder in training: transformers' own decoder, so that `generate` can sample from it.

Inference runs the same weights in workers.models.text_decoder; tests/training compares the two.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import BlipTextConfig
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel

from workers.models.embedded.decoder_input import BOS, EOS, HEADS, HIDDEN_SIZE, LAYERS, PAD, Projector
from workers.models.text_decoder.decoder import DecoderShape, TextDecoder


def decoder_config(vocabulary: int) -> BlipTextConfig:
    return BlipTextConfig(
        vocab_size=vocabulary,
        hidden_size=HIDDEN_SIZE,
        encoder_hidden_size=HIDDEN_SIZE,
        intermediate_size=4 * HIDDEN_SIZE,
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


class CaptionModel(nn.Module):
    """Projector and text decoder. The attributes are key names of checkpoints and of model.safetensors."""

    def __init__(self, config: BlipTextConfig) -> None:
        super().__init__()
        self.bridge = Projector(config.hidden_size)
        self.decoder = BlipTextLMHeadModel(config)

    @property
    def word_embeddings(self) -> Tensor:
        """(vocabulary, hidden size)."""
        embeddings: Any = self.decoder.bert.embeddings
        weight: Tensor = embeddings.word_embeddings.weight
        return weight

    def decoder_for_inference(self) -> TextDecoder:
        """Return the inference decoder with these weights, unpacked."""
        return TextDecoder(
            self.decoder.state_dict(), DecoderShape(HEADS, LAYERS), lambda layer: layer, lambda layer: layer
        )

    def _cross_attention_cache(self, embeddings: Tensor, copies: int) -> EncoderDecoderCache:
        """Compute the cross-attention keys and values once for all `copies` of a row."""
        cross = DynamicCache()
        cache = EncoderDecoderCache(DynamicCache(), cross)
        layers: Any = self.decoder.bert.encoder.layer
        for number, layer in enumerate(layers):
            attention = layer.crossattention.self
            shape = (*embeddings.shape[:2], -1, attention.attention_head_size)
            keys, values = (part(embeddings).view(shape).transpose(1, 2) for part in (attention.key, attention.value))
            cross.update(keys.repeat_interleave(copies, 0), values.repeat_interleave(copies, 0), number)
            cache.is_updated[number] = True
        return cache

    def sample(self, embeddings: Tensor, samples: int, max_tokens: int) -> list[list[int]]:
        """Sample captions at temperature 1: `samples` of each row."""
        sampling = {"do_sample": True, "top_k": 0, "num_return_sequences": samples}
        cache = self._cross_attention_cache(embeddings, samples)
        ids: list[list[int]] = self._generate(
            embeddings, max_length=max_tokens, past_key_values=cache, **sampling
        ).tolist()
        return ids

    def _generate(self, embeddings: Tensor, **options: Any) -> Any:
        # The annotation of its `self` does not match this class.
        generate: Any = getattr(self.decoder, "generate")  # noqa: B009
        prompt = torch.full((len(embeddings), 1), BOS)
        return generate(prompt, eos_token_id=EOS, pad_token_id=PAD, encoder_hidden_states=embeddings, **options)
