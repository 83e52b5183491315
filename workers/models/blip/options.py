"""Generation options of the BLIP captioner."""

from dataclasses import dataclass

# Unconditional, and the prompt of BLIP's training, which yields captions of the whole image (configs/caption_coco.yaml
# in BLIP's repository).
PROMPTS = ("", "a picture of")


@dataclass(frozen=True, slots=True)
class BlipOptions:
    prompts: tuple[str, ...] = PROMPTS
    num_beams: int = 3
    max_new_tokens: int = 24
    no_repeat_ngram_size: int = 3
