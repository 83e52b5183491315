"""llama.cpp's own server with a tiny vision model: `python -m tests.llama_server PORT FOLDER`.

It needs the packages xllamacpp (the server, as a library) and gguf, which no requirements file has.
"""

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME = "tiny-vision"
_WIDTH, _LAYERS, _HEADS = 64, 2, 4
_VISION, _SIDE, _PATCH, _SCALE = 32, 64, 8, 4
_LETTERS = "abcdefghijklmnopqrstuvwxyz\u0120"  # the last one is the blank of a byte-level tokenizer
_END, _PAD = "<|im_end|>", "<pad>"
_random = np.random.default_rng(0)


def main(port: int, folder: Path) -> None:
    import xllamacpp

    write_model(folder)
    given = xllamacpp.CommonParams()
    given.model.path, given.mmproj.path = str(folder / "model.gguf"), str(folder / "projector.gguf")
    given.hostnames, given.port, given.model_alias = ["127.0.0.1"], port, {NAME}
    given.n_ctx, given.n_parallel, given.cpuparams.n_threads, given.warmup = 32_768, 4, 1, False
    _server = xllamacpp.Server(given)
    threading.Event().wait()


def write_model(folder: Path) -> None:
    """Write a llama and an Idefics3 projector with random weights, whose strings are some letters long."""
    _write_text(folder / "model.gguf")
    _write_projector(folder / "projector.gguf")


def _write_text(path: Path) -> None:
    from gguf import GGUFWriter, TokenType
    from tokenizers.pre_tokenizers import ByteLevel

    letters = [*sorted(ByteLevel.alphabet()), "\u010a\u010a"]
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    marks = ["<|im_start|>", _END, _PAD, "<fake_token_around_image>", "<global-img>", *tiles]
    ids = {token: number for number, token in enumerate([*letters, *marks])}
    file = GGUFWriter(path, "llama")
    file.add_context_length(8192)
    file.add_embedding_length(_WIDTH)
    file.add_feed_forward_length(2 * _WIDTH)
    file.add_block_count(_LAYERS)
    file.add_head_count(_HEADS)
    file.add_head_count_kv(_HEADS)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(_WIDTH // _HEADS)
    file.add_vocab_size(len(ids))
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("smollm")
    file.add_token_list(list(ids))
    file.add_token_types([TokenType.NORMAL] * len(letters) + [TokenType.CONTROL] * len(marks))
    file.add_token_merges(["\u010a \u010a"])
    file.add_eos_token_id(ids[_END])
    file.add_pad_token_id(ids[_PAD])
    file.add_add_bos_token(False)
    file.add_chat_template(
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    # No layer writes dimensions 0 and 1. The first is the same everywhere, so that its outputs are the tokens' biases;
    # the second is of quotation marks alone, and keeps a string from ending where it begins.
    embedding, output = _weights(len(ids), _WIDTH, scale=1.0), _weights(len(ids), _WIDTH)
    embedding[:, 0], embedding[:, 1] = 4.0, 0.0
    embedding[ids['"'], 1] = 8.0
    output[[ids[char] for char in _LETTERS], 0] = 1.0
    output[ids['"'], :2] = 1.6, -1.0
    tensors: dict[str, NDArray[np.float32]] = {
        "token_embd.weight": embedding,
        "output_norm.weight": _ones(_WIDTH),
        "output.weight": output,
    }
    for number in range(_LAYERS):
        block = f"blk.{number}"
        tensors |= {f"{block}.{name}.weight": _ones(_WIDTH) for name in ("attn_norm", "ffn_norm")}
        tensors |= {f"{block}.attn_{name}.weight": _weights(_WIDTH, _WIDTH) for name in ("q", "k", "v")}
        tensors |= {f"{block}.ffn_{name}.weight": _weights(2 * _WIDTH, _WIDTH) for name in ("gate", "up")}
        tensors |= {
            f"{block}.attn_output.weight": _weights(_WIDTH, _WIDTH),
            f"{block}.ffn_down.weight": _weights(_WIDTH, 2 * _WIDTH),
        }
        for name in ("attn_output", "ffn_down"):
            tensors[f"{block}.{name}.weight"][:2] = 0.0
    _finish(file, tensors)


def _write_projector(path: Path) -> None:
    from gguf import GGUFWriter

    file = GGUFWriter(path, "clip")
    file.add_bool("clip.has_vision_encoder", True)
    file.add_string("clip.projector_type", "idefics3")
    file.add_bool("clip.use_gelu", True)
    sizes = {
        "image_size": _SIDE, "patch_size": _PATCH, "embedding_length": _VISION, "feed_forward_length": 2 * _VISION,
        "projection_dim": _WIDTH, "block_count": _LAYERS, "attention.head_count": _HEADS,
        "projector.scale_factor": _SCALE, "preproc_image_size": 2 * _SIDE,
    }  # fmt: skip
    for name, value in sizes.items():
        file.add_uint32(f"clip.vision.{name}", value)
    file.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    file.add_array("clip.vision.image_mean", [0.5] * 3)
    file.add_array("clip.vision.image_std", [0.5] * 3)
    tensors = {
        "v.patch_embd.weight": _weights(_VISION, 3, _PATCH, _PATCH), "v.patch_embd.bias": _weights(_VISION),
        "v.position_embd.weight": _weights((_SIDE // _PATCH) ** 2, _VISION), "v.post_ln.weight": _ones(_VISION),
        "v.post_ln.bias": _weights(_VISION), "mm.model.fc.weight": _weights(_WIDTH, _VISION * _SCALE**2),
    }  # fmt: skip
    for number in range(_LAYERS):
        block = f"v.blk.{number}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            tensors |= {f"{block}.{name}.weight": _weights(_VISION, _VISION), f"{block}.{name}.bias": _weights(_VISION)}
        for name in ("ln1", "ln2"):
            tensors |= {f"{block}.{name}.weight": _ones(_VISION), f"{block}.{name}.bias": _weights(_VISION)}
        tensors |= {
            f"{block}.ffn_up.weight": _weights(2 * _VISION, _VISION), f"{block}.ffn_up.bias": _weights(2 * _VISION),
            f"{block}.ffn_down.weight": _weights(_VISION, 2 * _VISION), f"{block}.ffn_down.bias": _weights(_VISION),
        }  # fmt: skip
    _finish(file, tensors)


def _weights(*shape: int, scale: float = 0.1) -> NDArray[np.float32]:
    return (_random.standard_normal(shape) * scale).astype(np.float32)


def _ones(length: int) -> NDArray[np.float32]:
    return np.ones(length, np.float32)


def _finish(file: Any, tensors: dict[str, NDArray[np.float32]]) -> None:
    for name, tensor in tensors.items():
        file.add_tensor(name, tensor)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
