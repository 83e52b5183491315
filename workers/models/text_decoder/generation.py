"""Batched generation: one decoder call per token for the beams of all images and prompts."""

from collections.abc import Sequence

import torch
from torch import Tensor

from workers.models.text_decoder.beam_search import BeamSearch, GenerationConfig, Hypothesis
from workers.models.text_decoder.decoder import CrossAttentionCache, TextDecoder


@torch.inference_mode()
def generate(
    decoder: TextDecoder,
    cross_attention: CrossAttentionCache,
    prompts: Sequence[Sequence[int]],
    config: GenerationConfig,
    suppressed: Tensor | None = None,
) -> list[list[list[Hypothesis]]]:
    """Return `num_beams` hypotheses by image and prompt (token ids, start token included), best first.

    `suppressed` (images, vocabulary): true for the tokens that an image's hypotheses must not have.
    """
    batch = _BatchedBeamSearch(decoder, cross_attention, prompts, config, suppressed)
    while batch.running:
        batch.step()
    return [[search.finished for search in searches] for searches in batch.searches]


class _BatchedBeamSearch:
    """Advances all searches by a token per step. Shorter prompts are padded on the left and masked."""

    def __init__(
        self,
        decoder: TextDecoder,
        cross_attention: CrossAttentionCache,
        prompts: Sequence[Sequence[int]],
        config: GenerationConfig,
        suppressed: Tensor | None,
    ) -> None:
        self._decoder, self._cross_attention, self._config = decoder, cross_attention, config
        self._suppressed = suppressed
        self._device = cross_attention.layers[0][0].device
        images, width = len(cross_attention.layers[0][0]), max(map(len, prompts))
        self.searches = [[BeamSearch(tuple(prompt), config) for prompt in prompts] for _ in range(images)]
        self._active_images = list(self.searches)
        self._padding = [width - len(prompt) for prompt in prompts]
        rows = [
            [config.eos_token_id] * padding + list(prompt)
            for padding, prompt in zip(self._padding, prompts, strict=True)
        ]
        self._ids = torch.tensor(rows * images, device=self._device)
        self._cache = decoder.empty_cache(len(self._ids), width + config.max_new_tokens, cross_attention)

    @property
    def running(self) -> bool:
        return any(not search.done for search in self._active)

    @property
    def _active(self) -> list[BeamSearch]:
        return [search for searches in self._active_images for search in searches]

    def step(self) -> None:
        scores = self._decoder(self._ids, self._positions(), self._cache, self._mask(), self._cross_attention)
        searches = self._active
        self._ban_repetition(scores, searches)
        if self._suppressed is not None:
            scores.view(len(self._suppressed), -1, scores.shape[1]).masked_fill_(self._suppressed[:, None], -torch.inf)
        beams = len(scores) // len(searches)
        sums = torch.tensor([beam.score for search in searches for beam in search.beams], device=self._device)
        totals = (scores + sums[:, None]).view(len(searches), -1)
        best = totals.topk(min(2 * self._config.num_beams, totals.shape[1]))
        vocabulary = scores.shape[1]
        parents: list[int] = []
        for at, (search, places, values) in enumerate(
            zip(searches, best.indices.tolist(), best.values.tolist(), strict=True)
        ):
            if search.done:
                # Its rows continue unused until its image is removed.
                parents += [at * beams + number % beams for number in range(self._config.num_beams)]
                continue
            candidates = [(*divmod(place, vocabulary), value) for place, value in zip(places, values, strict=True)]
            parents += [at * beams + beam for beam in search.advance(candidates)]
        self._continue_from(parents)

    def _continue_from(self, parents: list[int]) -> None:
        rows = len(self._padding) * self._config.num_beams
        images = self._active_images
        left = [place for place, searches in enumerate(images) if not all(search.done for search in searches)]
        # The copy costs about a step's time, so it waits until half of the images are done.
        if left and 2 * len(left) <= len(images):
            parents = [parents[place * rows + number] for place in left for number in range(rows)]
            self._active_images = [images[place] for place in left]
            self._cross_attention = self._cross_attention.select(left)
            self._suppressed = None if self._suppressed is None else self._suppressed[left]
        self._cache.reorder(torch.tensor(parents, device=self._device))
        last = [beam.ids[-1] for search in self._active for beam in search.beams]
        self._ids = torch.tensor(last, device=self._device)[:, None]

    def _ban_repetition(self, scores: Tensor, searches: Sequence[BeamSearch]) -> None:
        banned = [tokens for search in searches for tokens in search.banned_tokens()]
        places = [(row, token) for row, tokens in enumerate(banned) for token in tokens]
        if places:
            rows, tokens = zip(*places, strict=True)
            scores[torch.tensor(rows, device=self._device), torch.tensor(tokens, device=self._device)] = -torch.inf

    def _row_padding(self) -> Tensor:
        rows = len(self._ids) // (len(self._active_images) * len(self._padding))
        padding = [padding for padding in self._padding for _ in range(rows)]
        return torch.tensor(padding * len(self._active_images), device=self._device)

    def _positions(self) -> Tensor:
        length = self._cache.length
        positions = torch.arange(length, length + self._ids.shape[1], device=self._device)
        return (positions - self._row_padding()[:, None]).clamp_min(0)

    def _mask(self) -> Tensor | None:
        length, new = self._cache.length + self._ids.shape[1], self._ids.shape[1]
        if new == 1 and not any(self._padding):
            return None
        keys = torch.arange(length, device=self._device)
        queries = keys[length - new :, None]
        real = keys >= self._row_padding()[:, None, None]
        # Padding attends to itself: a softmax over nothing is NaN.
        return ((keys <= queries) & (real | (keys == queries)))[:, None]
