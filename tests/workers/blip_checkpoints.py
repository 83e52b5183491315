"""Small BLIP checkpoints with random weights, written by transformers."""

from pathlib import Path
from typing import Any

WORDS = (
    "a", "the", "of", "on", "in", "with", "and", "red", "blue", "dog", "cat", "man", "woman", "hat", "table",
    "street", "car", "tree", "house", "boat", "picture", "photo", "standing", "sitting", "green", "field", "water",
    "two", "people", "small", "large", "near", "old", "white", "black", "bird", "bus", "sky", "beach", "food",
    "plate",
)  # fmt: skip
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[DEC]"]
SIDE = 32


def save_blip(folder: Path, *, seed: int = 0, **vision: Any) -> Path:
    from transformers import BlipConfig

    text = {
        "vocab_size": len(SPECIAL) + len(WORDS),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
        "sep_token_id": 3,
        "eos_token_id": 3,
        "bos_token_id": 4,
        # With random weights of the default size the decoder repeats one word.
        "initializer_range": 0.4,
    }
    vision_defaults = {
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": SIDE,
        "patch_size": 8,
        # With the default, 1e-10, all images would be encoded alike.
        "initializer_range": 0.2,
    }
    return _save(
        BlipConfig(text_config=text, vision_config={**vision_defaults, **vision}), folder, seed=seed, side=SIDE
    )


def save_blip_base(folder: Path) -> Path:
    """Save a checkpoint of BLIP-base's size; of its 30,524 tokens it generates those above."""
    from transformers import BlipConfig

    special = {"pad_token_id": 0, "sep_token_id": 3, "eos_token_id": 3, "bos_token_id": 4}
    text = {"num_attention_heads": 12, "initializer_range": 0.1, **special}
    return _save(BlipConfig(text_config=text, vision_config={"initializer_range": 0.05}), folder, seed=0, side=384)


def _save(config: Any, folder: Path, *, seed: int, side: int) -> Path:
    import torch
    from transformers import BlipForConditionalGeneration, BlipImageProcessorPil

    torch.manual_seed(seed)
    model = BlipForConditionalGeneration(config)
    with torch.no_grad():
        bias = model.text_decoder.cls.predictions.bias
        # Raises the end token's probability: untrained weights would never end a sentence.
        bias[3] += 4.5
        # Suppresses special tokens, and below, tokens without a word.
        bias[[0, 1, 2, 4]] -= 100.0
        bias[len(SPECIAL) + len(WORDS) :] -= 100.0
    model.save_pretrained(folder)
    BlipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
    save_vocabulary(folder)
    return folder


def save_vocabulary(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *WORDS]), encoding="utf-8")
