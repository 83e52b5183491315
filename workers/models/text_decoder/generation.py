"""Pictures' keys and values to sentences: the decoder and the searches in step."""

from collections.abc import Sequence

import torch
from torch import Tensor

from workers.models.text_decoder.beam_search import Rules, Search, Sentence
from workers.models.text_decoder.decoder import Decoder, Sight


@torch.inference_mode()
def tell(decoder: Decoder, sight: Sight, prompts: Sequence[Sequence[int]], rules: Rules) -> list[list[list[Sentence]]]:
    """For each picture and each prompt (token ids, the first one included) as many sentences as beams, best first."""
    run = _Run(decoder, sight, prompts, rules)
    while run.going:
        run.step()
    return [[search.ended for search in searches] for searches in run.all]


class _Run:
    """All searches advance by one token a step; the shorter prompts are padded on the left, which nobody looks at."""

    def __init__(self, decoder: Decoder, sight: Sight, prompts: Sequence[Sequence[int]], rules: Rules) -> None:
        self._decoder, self._sight, self._rules = decoder, sight, rules
        self._device = sight.layers[0][0].device
        pictures, self._width = len(sight.layers[0][0]), max(map(len, prompts))
        self.all = [[Search(tuple(prompt), rules) for prompt in prompts] for _ in range(pictures)]
        self._here = list(self.all)
        self._pads = [self._width - len(prompt) for prompt in prompts]
        rows = [[rules.end] * pad + list(prompt) for pad, prompt in zip(self._pads, prompts, strict=True)]
        self._ids = torch.tensor(rows * pictures, device=self._device)
        self._said = decoder.begin(len(self._ids), self._width + rules.longest, sight)

    @property
    def going(self) -> bool:
        return any(not search.done for search in self._searches)

    @property
    def _searches(self) -> list[Search]:
        return [search for searches in self._here for search in searches]

    def step(self) -> None:
        scores = self._decoder(self._ids, self._places(), self._said, self._mask(), self._sight)
        searches = self._searches
        self._forbid(scores, searches)
        beams = len(scores) // len(searches)
        sums = torch.tensor([beam.score for search in searches for beam in search.beams], device=self._device)
        totals = (scores + sums[:, None]).view(len(searches), -1)
        best = totals.topk(min(2 * self._rules.beams, totals.shape[1]))
        vocabulary = scores.shape[1]
        parents: list[int] = []
        for at, (search, places, values) in enumerate(
            zip(searches, best.indices.tolist(), best.values.tolist(), strict=True)
        ):
            if search.done:
                # Its rows go on unread until its picture leaves.
                parents += [at * beams + number % beams for number in range(self._rules.beams)]
                continue
            choices = [(*divmod(place, vocabulary), value) for place, value in zip(places, values, strict=True)]
            parents += [at * beams + beam for beam in search.advance(choices)]
        self._go_on(parents)

    def _go_on(self, parents: list[int]) -> None:
        each = len(self._pads) * self._rules.beams
        left = [place for place, searches in enumerate(self._here) if not all(search.done for search in searches)]
        # Copying what is seen costs about a step's time, so it waits until half of the pictures are done.
        if left and 2 * len(left) <= len(self._here):
            parents = [parents[place * each + number] for place in left for number in range(each)]
            self._here, self._sight = [self._here[place] for place in left], self._sight.only(left)
        self._said.only(torch.tensor(parents, device=self._device))
        last = [beam.ids[-1] for search in self._searches for beam in search.beams]
        self._ids = torch.tensor(last, device=self._device)[:, None]

    def _forbid(self, scores: Tensor, searches: Sequence[Search]) -> None:
        banned = [tokens for search in searches for tokens in search.banned()]
        places = [(row, token) for row, tokens in enumerate(banned) for token in tokens]
        if places:
            rows, tokens = zip(*places, strict=True)
            scores[torch.tensor(rows, device=self._device), torch.tensor(tokens, device=self._device)] = -torch.inf

    def _row_pads(self) -> Tensor:
        each = len(self._ids) // (len(self._here) * len(self._pads))
        pads = [pad for pad in self._pads for _ in range(each)]
        return torch.tensor(pads * len(self._here), device=self._device)

    def _places(self) -> Tensor:
        asked = torch.arange(self._said.length, self._said.length + self._ids.shape[1], device=self._device)
        return (asked - self._row_pads()[:, None]).clamp_min(0)

    def _mask(self) -> Tensor | None:
        length, new = self._said.length + self._ids.shape[1], self._ids.shape[1]
        if new == 1 and not any(self._pads):
            return None
        keys = torch.arange(length, device=self._device)
        asked = keys[length - new :, None]
        real = keys >= self._row_pads()[:, None, None]
        # Padding looks at itself: of nothing at all the mean is not a number.
        return ((keys <= asked) & (real | (keys == asked)))[:, None]
