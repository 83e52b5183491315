"""Greedy generation with bounds: a number of tokens, a deadline and, where there is one, a grammar."""

import time
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from workers.models.image_text.grammar import TEXT, TEXT_WITHOUT_END, AnswerGrammar
from workers.models.image_text.tokens import TokenTable
from workers.models.writer import WriterTimeout

# As Florence-2 was published.
_NO_REPEAT = 3


class GrammarProcessor(LogitsProcessor):
    """Leaves the tokens that the grammar allows next. For one sequence, without beams."""

    def __init__(self, grammar: AnswerGrammar, tokens: TokenTable, end: int) -> None:
        self._grammar, self._end = grammar, end
        self._text, self._ends, self._quote = tokens.text, tokens.ends, tokens.quote
        self._started = False

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        step = self._grammar.next_step(int(input_ids[0, -1]) if self._started else None)
        self._started = True
        # Weights in low precision may give NaN; then any allowed token is as good.
        known = torch.nan_to_num(scores, nan=-1e9, neginf=-1e9, posinf=1e9)
        allowed = torch.full_like(known, -torch.inf)
        if step in {TEXT, TEXT_WITHOUT_END}:
            allowed[:, self._text] = known[:, self._text]
            allowed[:, self._grammar.repeating] = -torch.inf
            if step == TEXT:
                allowed[:, self._quote] = known[:, self._ends].amax(dim=-1)
        else:
            ids = list(step) or [self._end]
            allowed[:, ids] = known[:, ids]  # type: ignore[index]
        return allowed


class _Stop(StoppingCriteria):
    def __init__(self, deadline: float, grammar: AnswerGrammar | None) -> None:
        self._deadline, self._grammar = deadline, grammar
        self.is_late = False

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        self.is_late = time.monotonic() > self._deadline
        done = self.is_late or (self._grammar is not None and self._grammar.complete)
        return torch.full((len(input_ids),), done, dtype=torch.bool, device=input_ids.device)


@torch.inference_mode()
def generate(
    model: Any,
    inputs: dict[str, Any],
    *,
    most: int,
    end: int,
    deadline: float,
    processor: GrammarProcessor | None = None,
    grammar: AnswerGrammar | None = None,
) -> list[int]:
    """Return the new tokens, at most `most`; `deadline` of time.monotonic. Raises WriterTimeout.

    Of the checkpoint's own generation settings, which may sample, only the ids of its tokens are used.
    """
    own = model.generation_config
    stop = _Stop(deadline, grammar)
    ends = {end, *([own.eos_token_id] if isinstance(own.eos_token_id, int) else own.eos_token_id or [])}
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=most,
        do_sample=False,
        num_beams=1,
        no_repeat_ngram_size=0 if grammar else _NO_REPEAT,
        bos_token_id=own.bos_token_id,
        eos_token_id=sorted(ends),
        pad_token_id=end if own.pad_token_id is None else own.pad_token_id,
        decoder_start_token_id=own.decoder_start_token_id,
    )
    model.generation_config = config
    try:
        found = model.generate(
            **inputs,
            generation_config=config,
            logits_processor=LogitsProcessorList([processor] if processor else []),
            stopping_criteria=StoppingCriteriaList([stop]),
        )
    finally:
        model.generation_config = own
    if stop.is_late:
        raise WriterTimeout(f"no answer in {found.shape[1]} tokens by the deadline")
    skipped = 1 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
    ids: list[int] = found[0, skipped:].tolist()
    return ids
