"""CLIP checkpoints with random weights, written by transformers."""

from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

SIDE = 32


def save_clip(folder: Path, *, seed: int = 0, side: int = SIDE) -> Path:
    """Save a small checkpoint, whose tokens are letters."""
    tokenizer = _letter_tokenizer()
    config = CLIPConfig(
        text_config=_transformer_config(vocab_size=len(tokenizer), max_position_embeddings=77)
        | _special_tokens(tokenizer),
        vision_config=_transformer_config(image_size=side, patch_size=8),
        projection_dim=24,
    )
    return _save(config, tokenizer, folder, seed=seed, side=side)


def save_clip_base(folder: Path) -> Path:
    """Save a checkpoint of ViT-B/32's size."""
    tokenizer = _letter_tokenizer()
    return _save(CLIPConfig(text_config=_special_tokens(tokenizer)), tokenizer, folder, seed=0, side=224)


def _save(config: CLIPConfig, tokenizer: CLIPTokenizer, folder: Path, *, seed: int, side: int) -> Path:
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"height": side, "width": side}
    CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size=size).save_pretrained(folder)
    return folder


def _transformer_config(**more: int) -> dict[str, int]:
    config = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    return {**config, "projection_dim": 24, **more}


def _letter_tokenizer() -> CLIPTokenizer:
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: place for place, token in enumerate(tokens)}, merges=[])


def _special_tokens(tokenizer: CLIPTokenizer) -> dict[str, int]:
    return {
        "bos_token_id": int(tokenizer.bos_token_id),
        "eos_token_id": int(tokenizer.eos_token_id),
        "pad_token_id": int(tokenizer.eos_token_id),
    }
