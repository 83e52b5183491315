"""The training loop of all stages: warm-up and cosine decay, averaged weights (EMA), checkpoints to resume from."""

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
class Schedule:
    """`learning_rates`: the peak of each group of parameters, by name prefix, "" for the rest. `min_rate`: the last
    learning rate, as a share of the peak.
    """

    steps: int
    learning_rates: dict[str, float]
    warm_up: int = 100
    weight_decay: float = 0.02
    ema_decay: float = 0.998
    min_rate: float = 0.05


def fit(
    model: nn.Module, loss_of: Callable[[int], Tensor], schedule: Schedule, checkpoint: Path, label: str
) -> nn.Module:
    """Train in place on `loss_of(step)`, resuming from `checkpoint`, and return the averaged copy."""
    optimizer, averaged = _optimizer(model, schedule), deepcopy(model)
    first = _resume(checkpoint, model, averaged, optimizer)
    model.train()
    losses: list[float] = []
    saved_at = time.monotonic()
    for step in progress(range(first, schedule.steps), total=schedule.steps - first, label=label):
        _set_rates(optimizer, schedule, step)
        loss = loss_of(step)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
        optimizer.step()
        _average(averaged, model, min(schedule.ema_decay, (step + 1) / (step + 10)))
        losses.append(float(loss.detach()))
        if len(losses) == 50:
            print(f"{label} {step + 1}: loss {sum(losses) / 50:.3f}", flush=True)
            losses.clear()
        if time.monotonic() - saved_at > SAVE_EVERY_S:
            saved_at = time.monotonic()
            _save(checkpoint, step + 1, model, averaged, optimizer)
    _save(checkpoint, schedule.steps, model, averaged, optimizer)
    return averaged.eval()


def _optimizer(model: nn.Module, schedule: Schedule) -> torch.optim.AdamW:
    """Return AdamW with weight decay on matrices alone."""
    rates = schedule.learning_rates
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            prefix = next(prefix for prefix in [*filter(None, rates), ""] if name.startswith(prefix))
            groups.setdefault((prefix, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak": rates[prefix],
                "weight_decay": schedule.weight_decay if is_matrix else 0.0,
            }
            for (prefix, is_matrix), parameters in groups.items()
            if rates[prefix] > 0
        ],
        lr=1e-3,
        betas=(0.9, 0.98),
    )


def _set_rates(optimizer: torch.optim.AdamW, schedule: Schedule, step: int) -> None:
    share = min(1.0, (step + 1) / schedule.warm_up)
    done = max(0.0, step - schedule.warm_up) / max(1, schedule.steps - schedule.warm_up)
    share *= schedule.min_rate + (1 - schedule.min_rate) * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    for old, new in _float_tensors(averaged, model):
        old.lerp_(new, 1 - decay)


def _float_tensors(one: nn.Module, two: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return ((a, b) for a, b in pairs if a.is_floating_point())


def _save(path: Path, step: int, model: nn.Module, averaged: nn.Module, optimizer: torch.optim.AdamW) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    states = {"model": model.state_dict(), "averaged": averaged.state_dict(), "optimizer": optimizer.state_dict()}
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "chance": torch.get_rng_state(), **states}, partial)
    partial.replace(path)


def _resume(path: Path, model: nn.Module, averaged: nn.Module, optimizer: torch.optim.AdamW) -> int:
    """Load the checkpoint, if there is one, and return the next step."""
    if not path.exists():
        return 0
    # load_state_dict() copies to the parameters' device.
    saved = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(saved["model"])
    averaged.load_state_dict(saved["averaged"])
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["chance"])
    return int(saved["step"])
