"""How BLIP is asked."""

from dataclasses import dataclass

# The first view is unprompted. BLIP's captioning checkpoints were trained with the second prompt, which makes them tell
# of the picture as a whole (configs/caption_coco.yaml in BLIP's own repository).
PROMPTS = ("", "a picture of")


@dataclass(frozen=True, slots=True)
class Style:
    """`longest`: tokens after the prompt; `unrepeated`: no run of so many tokens comes twice in a sentence."""

    prompts: tuple[str, ...] = PROMPTS
    beams: int = 3
    longest: int = 24
    unrepeated: int = 3
