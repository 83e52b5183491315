"""Small image-text-to-text checkpoints with random weights, written by transformers: of three architectures."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_IDEFICS3_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% for part in message['content'] %}{{ part['text'] if part['type'] == 'text' else '<image>' }}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
# As some templates do, it refuses the role of the system.
_QWEN2_VL_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{{ part['text'] if part['type'] == 'text' else '<|vision_start|><|image_pad|><|vision_end|>' }}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_idefics3(folder: Path, *, seed: int = 0, text: dict[str, Any] | None = None, **options: Any) -> Path:
    """Save the architecture of SmolVLM."""
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3ImageProcessorPil
    from transformers import Idefics3Processor as Processor

    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    marks = ["<|im_start|>", "<end_of_utterance>", "<pad>", "<fake_token_around_image>", "<image>", "<global-img>"]
    corpus = options.get("corpus", ())
    tokenizer = _tokenizer([*marks, *tiles], corpus, bos_token=marks[0], eos_token=marks[1], pad_token=marks[2])
    side, patch = options.get("side", 32), options.get("patch", 8)
    scale = options.get("scale", 2)
    vision = options.get("vision", {}) | {"image_size": side, "patch_size": patch}
    config_class: Any = Idefics3Config
    config = config_class(
        text_config={
            "model_type": "llama",
            **_sizes(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            **(text or {}),
        },
        vision_config={"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
        | vision,
        scale_factor=scale,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    model = _random(Idefics3ForConditionalGeneration, config, tokenizer, seed)
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": side * options.get("tiles", 2)}, max_image_size={"longest_edge": side}
    )
    of_tile = (side // patch // scale) ** 2
    processor = Processor(images, tokenizer, image_seq_len=of_tile, chat_template=_IDEFICS3_TEMPLATE)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_smolvlm_256m(folder: Path, corpus: Sequence[str]) -> Path:
    """Save a checkpoint of SmolVLM-256M's size; its tokenizer is trained on the corpus."""
    text = {
        "vocab_size": 49_280, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64,
    }  # fmt: skip
    vision = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    sizes = {"side": 512, "patch": 16, "scale": 4, "tiles": 4}
    return save_idefics3(folder, text=text, vision=vision, corpus=corpus, **sizes)


def save_qwen2_vl(folder: Path, *, seed: int = 0) -> Path:
    """Save with the files of a published Qwen2-VL, whose processor has a part for videos."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil

    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
    tokenizer = _tokenizer([*marks, "<|video_pad|>"], eos_token=marks[2], pad_token=marks[0])
    ids = tokenizer.convert_tokens_to_ids
    rope = {"rope_type": "default", "type": "mrope", "mrope_section": [2, 1, 1], "rope_theta": 10_000.0}
    ends = {"bos_token_id": ids(marks[0]), "eos_token_id": ids(marks[2]), "pad_token_id": ids(marks[0])}
    config = Qwen2VLConfig(
        text_config={**_sizes(tokenizer), "rope_parameters": rope, **ends},
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2, "patch_size": 8},
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    _random(Qwen2VLForConditionalGeneration, config, tokenizer, seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil(patch_size=8, size={"shortest_edge": 256, "longest_edge": 2**20}).save_pretrained(folder)
    _set(folder / "preprocessor_config.json", processor_class="Qwen2VLProcessor")
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": _QWEN2_VL_TEMPLATE}))
    return folder


def save_florence2(folder: Path, *, seed: int = 0) -> Path:
    from transformers import CLIPImageProcessorPil, Florence2Config, Florence2ForConditionalGeneration
    from transformers import Florence2Processor as Processor

    marks = ["<s>", "<pad>", "</s>", "<unk>", "<image>"]
    named = {"bos_token": marks[0], "pad_token": marks[1], "eos_token": marks[2], "unk_token": marks[3]}
    tokenizer = _tokenizer(marks, **named, extra_special_tokens={"image_token": "<image>"})
    ends = {
        f"{name}_id": tokenizer.convert_tokens_to_ids(token) for name, token in named.items() if name != "unk_token"
    }
    text = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_position_embeddings": 512}
    four = {"embed_dim": [16] * 4, "num_heads": [2] * 4, "num_groups": [2] * 4, "depths": [1] * 4}
    config = Florence2Config(
        text_config={
            "model_type": "bart", "vocab_size": len(tokenizer), **text, **heads, **ends,
            "decoder_start_token_id": ends["eos_token_id"], "forced_eos_token_id": ends["eos_token_id"],
        },
        vision_config={**four, "window_size": 4, "projection_dim": 32, "max_temporal_embeddings": 10,
                       "max_position_embeddings": 10},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=False,
        **ends,
    )  # fmt: skip
    model = _random(Florence2ForConditionalGeneration, config, tokenizer, seed)
    images = CLIPImageProcessorPil(size={"height": 64, "width": 64}, do_center_crop=False)
    setattr(images, "image_seq_length", 5)  # noqa: B010 (mypy knows no such attribute)
    model.save_pretrained(folder)
    Processor(images, tokenizer).save_pretrained(folder)
    return folder


def _tokenizer(marks: list[str], corpus: Sequence[str] = (), **named: Any) -> Any:
    """Return a byte-level BPE tokenizer, without merges where there is no corpus."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={char: number for number, char in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if corpus:
        from tokenizers import trainers

        trainer: Any = trainers.BpeTrainer
        tokenizer.train_from_iterator(
            corpus, trainer(vocab_size=40_000, initial_alphabet=alphabet, show_progress=False)
        )
    tokenizer.add_special_tokens(marks)
    fast: Any = PreTrainedTokenizerFast
    return fast(tokenizer_object=tokenizer, **named)


def _sizes(tokenizer: Any) -> dict[str, int]:
    heads = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    return {"vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, **heads,
            "max_position_embeddings": 8192}  # fmt: skip


def _random(model_class: Any, config: Any, tokenizer: Any, seed: int) -> Any:
    """Return a model that writes letters and blanks: of other tokens only the given ones come."""
    import torch

    torch.manual_seed(seed)
    model = model_class(config)
    written = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(f"{_LETTERS} "))
    head = model.get_output_embeddings().weight
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6.0)  # with the default, the image would change no word
        head[written] *= 7.0
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    # As published: to sample, which would give other words each time.
    model.generation_config.do_sample, model.generation_config.temperature = True, 2.0
    return model


def _set(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
