"""A loaded checkpoint with a chat template: the prompt of all vision models, and an answer that fits its schema."""

import time
from typing import Any

from jinja2 import TemplateError
from PIL import Image

from workers.models.base import ModelUnavailable, Pixels
from workers.models.image_text.generation import GrammarProcessor, generate
from workers.models.image_text.grammar import AnswerGrammar, Field, fields_of, most_tokens
from workers.models.image_text.loading import Loaded
from workers.models.image_text.tokens import TokenTable
from workers.models.options import Options
from workers.models.prompting.repair import Completion, Messages, written_or_repaired
from workers.models.prompting.template import instructions, requester_data
from workers.models.writer import Written


class ChatCheckpoint:
    """Not thread-safe."""

    family = "transformers"

    def __init__(self, loaded: Loaded, name: str) -> None:
        """Raises ModelUnavailable for a tokenizer or chat template that cannot be used."""
        self._loaded, self._name = loaded, name
        self._tokens = TokenTable(loaded.tokenizer)
        self._template = loaded.processor.chat_template or loaded.tokenizer.chat_template
        if not self._template:
            raise ModelUnavailable(
                f"{name} has no chat template: its model does not follow instructions. Take its -Instruct variant."
            )
        self._end = int(loaded.tokenizer.eos_token_id)
        # Some templates refuse the role of the system.
        self._has_system = self._accepts_system()

    def write(self, pixels: Pixels, options: Options, deadline: float, *, tiles: bool) -> Written:
        """Write the fields of an image. Raises NoUsableAnswer and WriterTimeout."""
        fields = fields_of(options)

        def complete(messages: Messages) -> Completion:
            return self._complete(messages, pixels, fields, deadline, tiles=tiles)

        first: Messages = [
            _turn("system", instructions(options)),
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": requester_data(options)}]},
        ]
        return written_or_repaired(complete, first, options, model=self._name)

    def warm_up(self, pixels: Pixels) -> None:
        """Generate a few tokens of an answer."""
        self._complete([_turn("user", "", image=True)], pixels, {}, time.monotonic() + 600.0, tiles=True)

    def _complete(
        self, messages: Messages, pixels: Pixels, fields: dict[str, Field], deadline: float, *, tiles: bool
    ) -> Completion:
        inputs = self._inputs(messages, pixels, tiles=tiles)
        grammar = AnswerGrammar(fields, self._tokens)
        generate(
            self._loaded.model,
            inputs,
            most=most_tokens(fields, self._tokens),
            end=self._end,
            deadline=deadline,
            processor=GrammarProcessor(grammar, self._tokens, self._end),
            grammar=grammar,
        )
        return Completion(grammar.answer, is_cut_off=grammar.is_cut_off)

    def _inputs(self, messages: Messages, pixels: Pixels, *, tiles: bool) -> dict[str, Any]:
        more = {"return_tensors": "pt", "add_special_tokens": False}
        if not tiles and hasattr(self._loaded.processor.image_processor, "do_image_splitting"):
            more["do_image_splitting"] = False
        found = self._loaded.processor(images=[Image.fromarray(pixels)], text=[self.prompt(messages)], **more)
        model = self._loaded.model
        return {
            name: value.to(model.device, model.dtype if value.is_floating_point() else None)
            for name, value in found.items()
        }

    def prompt(self, messages: Messages) -> str:
        """Return the text of a conversation, with the placeholder of its image."""
        turns = [self._plain(message) for message in messages]
        if not self._has_system and turns[0]["role"] == "system":
            (system, user, *rest) = turns
            turns = [{"role": "user", "content": [*user["content"], *system["content"]]}, *rest]
        return self._render(turns)

    def _plain(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return a turn in parts, whose texts name no special tokens."""
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        kept = [
            {**part, "text": self._tokens.without_special(part["text"])} if part["type"] == "text" else part
            for part in parts
        ]
        return {"role": message["role"], "content": kept}

    def _render(self, turns: Messages) -> str:
        text: str = self._loaded.tokenizer.apply_chat_template(
            turns, chat_template=self._template, add_generation_prompt=True, tokenize=False
        )
        return text

    def _accepts_system(self) -> bool:
        try:
            text = self._render([_turn("system", "instructions"), _turn("user", "data", image=True)])
        except TemplateError:
            return False
        return "instructions" in text


def _turn(role: str, text: str, *, image: bool = False) -> dict[str, Any]:
    return {"role": role, "content": [*([{"type": "image"}] if image else []), {"type": "text", "text": text}]}
