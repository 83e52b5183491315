"""The loop that every stage shares: warm-up and cosine, averaged weights, a checkpoint to go on from."""

import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from training.progress import progress

SAVE_EVERY_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`rates`: the highest learning rate of each group of parameters, by name prefix; "" is the rest."""

    steps: int
    rates: dict[str, float]
    warm_up: int = 100
    decay: float = 0.02
    average: float = 0.998
    floor: float = 0.05


def fit(model: nn.Module, loss_of: Callable[[int], Tensor], plan: Plan, checkpoint: Path, label: str) -> nn.Module:
    """Trains in place by `loss_of(step)`, and returns the averaged copy; goes on where `checkpoint` stopped."""
    optimizer, averaged = _optimizer(model, plan), deepcopy(model)
    first = _resume(checkpoint, model, averaged, optimizer)
    model.train()
    losses: list[float] = []
    saved = time.monotonic()
    for step in progress(range(first, plan.steps), total=plan.steps - first, label=label):
        _set_rates(optimizer, plan, step)
        loss = loss_of(step)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
        optimizer.step()
        _average(averaged, model, min(plan.average, (step + 1) / (step + 10)))
        losses.append(float(loss.detach()))
        if len(losses) == 50:
            print(f"{label} {step + 1}: loss {sum(losses) / 50:.3f}", flush=True)
            losses.clear()
        if time.monotonic() - saved > SAVE_EVERY_S:
            saved = time.monotonic()
            _save(checkpoint, step + 1, model, averaged, optimizer)
    _save(checkpoint, plan.steps, model, averaged, optimizer)
    return averaged.eval()


def _optimizer(model: nn.Module, plan: Plan) -> torch.optim.AdamW:
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            prefix = next(prefix for prefix in [*filter(None, plan.rates), ""] if name.startswith(prefix))
            groups.setdefault((prefix, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": found, "peak": plan.rates[prefix], "weight_decay": plan.decay if wide else 0.0}
            for (prefix, wide), found in groups.items()
            if plan.rates[prefix] > 0
        ],
        lr=1e-3,
        betas=(0.9, 0.98),
    )


def _set_rates(optimizer: torch.optim.AdamW, plan: Plan, step: int) -> None:
    share = min(1.0, (step + 1) / plan.warm_up)
    done = max(0.0, step - plan.warm_up) / max(1, plan.steps - plan.warm_up)
    share *= plan.floor + (1 - plan.floor) * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, keep: float) -> None:
    for old, new in _floats(averaged, model):
        old.lerp_(new, 1 - keep)


def _floats(one: nn.Module, two: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return ((a, b) for a, b in pairs if a.is_floating_point())


def _save(path: Path, step: int, model: nn.Module, averaged: nn.Module, optimizer: torch.optim.AdamW) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    states = {"model": model.state_dict(), "averaged": averaged.state_dict(), "optimizer": optimizer.state_dict()}
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "chance": torch.get_rng_state(), **states}, partial)
    partial.replace(path)


def _resume(path: Path, model: nn.Module, averaged: nn.Module, optimizer: torch.optim.AdamW) -> int:
    if not path.exists():
        return 0
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    averaged.load_state_dict(saved["averaged"])
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["chance"])
    return int(saved["step"])
