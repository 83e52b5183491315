"""Generation options of the BLIP captioner."""

from dataclasses import dataclass

# Unconditional, and the prompt that BLIP's captioning checkpoints were trained with, which makes them describe the
# image as a whole (configs/caption_coco.yaml in BLIP's repository).
PROMPTS = ("", "a picture of")


@dataclass(frozen=True, slots=True)
class BlipOptions:
    """Named as transformers' generation parameters; `max_new_tokens` counts tokens after the prompt."""

    prompts: tuple[str, ...] = PROMPTS
    num_beams: int = 3
    max_new_tokens: int = 24
    no_repeat_ngram_size: int = 3
