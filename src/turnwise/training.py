"""One loop for everything: it runs the encoder, owns the optimizer, and yields a Step at a time."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from transformers import get_scheduler

from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.objective import Batch, Hidden, Objective
from turnwise.precision import Precision, mixed, resolve

Schedule = Literal["linear", "cosine", "constant"]
_EXPECTED = {
    "epochs": "a positive number",
    "min_steps": "at least 1",
    "steps": "at least 1, or none",
    "learning_rate": "a positive number",
    "head_learning_rate": "a positive number, or none",
    "warmup": "a share of the steps from 0 to 1",
    "schedule": "one of " + ", ".join(get_args(Schedule)),
    "weight_decay": "0 or more",
    "layer_decay": "a number above 0 and at most 1",
    "average": "a number above 0 and below 1, or none",
    "clip": "a positive number",
    "precision": "one of " + ", ".join(get_args(Precision)),
    "seed": "0 or more",
}


@dataclass(frozen=True)
class Settings:
    """How to train. ``steps`` wins over ``epochs`` with at least ``min_steps``; ``warmup`` is a fraction of the steps.

    After the warm-up the rate falls in a line or a half cosine to 0, or stays.
    ``layer_decay`` d gives layer l of L the rate ``learning_rate * d ** (L - l)`` (embeddings count as layer 0).
    ``average`` b keeps an exponential moving average of the weights, ``a <- b' a + (1 - b') w`` after step i with
    b' = min(b, i / (i + 9)), so that the untrained weights are soon forgotten; the average is what remains at the
    end. Defaults: ConvFiT, section 3 (AdamW, 2e-5, warm-up 0.1, linear
    decay, weight decay 0.01).
    """

    epochs: float = 1.0
    min_steps: int = 1
    steps: int | None = None
    learning_rate: float = 2e-5
    head_learning_rate: float | None = None
    warmup: float = 0.1
    schedule: Schedule = "linear"
    weight_decay: float = 0.01
    layer_decay: float = 1.0
    clip: float = 1.0
    average: float | None = None
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "epochs": 0 < self.epochs < math.inf,
            "min_steps": self.min_steps > 0,
            "steps": self.steps is None or self.steps > 0,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "head_learning_rate": self.head_learning_rate is None or 0 < self.head_learning_rate < math.inf,
            "warmup": 0 <= self.warmup <= 1,
            "schedule": self.schedule in get_args(Schedule),
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "layer_decay": 0 < self.layer_decay <= 1,
            "average": self.average is None or 0 < self.average < 1,
            "clip": self.clip > 0,
            "precision": self.precision in get_args(Precision),
            "seed": self.seed >= 0,
        }
        for name, good in checks.items():
            if not good:
                raise InputError(f"{name} is {getattr(self, name)!r}, expected {_EXPECTED[name]}")


@dataclass(frozen=True)
class Part:
    """An objective with its examples, head and weight in the sum of losses."""

    objective: Objective
    examples: Sequence[Any]
    head: nn.Module
    weight: float = 1.0


@dataclass(frozen=True)
class Step:
    """What one optimizer step did. ``index`` counts from 1 to ``total``; ``sentences`` were encoded in it.

    ``losses`` are unweighted, by the objective's name; of two parts with one objective the name has a number.
    """

    index: int
    total: int
    losses: Mapping[str, float]
    sentences: int
    seconds: float


def train(encoder: Encoder, parts: Sequence[Part], settings: Settings) -> Iterator[Step]:
    """Train the encoder and the heads in place; one batch of each part in an optimizer step.

    Deterministic for a seed on one machine: batches come from generators keyed by (seed, part, epoch), and
    torch's global seed is set at the start. The encoder is in evaluation mode again when the generator ends.
    Raises InputError when there is nothing to train on.
    """
    total = total_steps(parts, settings)
    torch.manual_seed(settings.seed)
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    model = _Trainee(encoder, [part.head for part in parts])
    optimizer = torch.optim.AdamW(_groups(encoder, parts, settings), fused=accelerator.device.type in {"cpu", "cuda"})
    schedule = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    scheduler = get_scheduler(schedule, optimizer, round(settings.warmup * total), total)
    model, optimizer = accelerator.prepare(model, optimizer)
    precision = resolve(settings.precision, accelerator.device)
    trained = [p for p in model.parameters() if p.requires_grad]
    average = [p.detach().clone() for p in trained] if settings.average is not None else []
    titles = _titles([part.objective.name for part in parts])
    streams = [_stream(part, index, settings.seed) for index, part in enumerate(parts)]
    model.train()
    try:
        for index in range(1, total + 1):
            start = time.perf_counter()
            losses: dict[str, float] = {}
            sentences = 0
            for part_index, (part, stream) in enumerate(zip(parts, streams, strict=True)):
                rows = next(stream)
                batch = part.objective.collate([part.examples[row] for row in rows], encoder.codec)
                batch = _on_device(batch, accelerator.device)
                with mixed(encoder.backbone, precision):
                    states = model(batch)
                hidden = tuple(
                    Hidden(state.float(), encoding.mask)
                    for state, encoding in zip(states, batch.encodings, strict=True)
                )
                loss = part.objective.loss(hidden, model.get_submodule(f"heads.{part_index}"), batch)
                accelerator.backward(part.weight * loss)
                losses[titles[part_index]] = float(loss.detach())
                sentences += sum(len(encoding.ids) for encoding in batch.encodings)
            accelerator.clip_grad_norm_(trained, settings.clip)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
            if settings.average is not None:
                decay = min(settings.average, index / (index + 9))
                torch._foreach_lerp_(average, [p.detach() for p in trained], 1 - decay)
            yield Step(index, total, losses, sentences, time.perf_counter() - start)
    finally:
        if settings.average is not None:
            with torch.no_grad():
                for parameter, mean in zip(trained, average, strict=True):
                    parameter.copy_(mean)
        model.eval()


def total_steps(parts: Sequence[Part], settings: Settings) -> int:
    """Optimizer steps that ``train`` will make. Raises InputError when there is nothing to train on."""
    if not parts:
        raise InputError("there is no objective to train with")
    for part in parts:
        if len(part.examples) == 0:
            raise InputError(f"{part.objective.name} has no examples to train on")
    if settings.steps is not None:
        return settings.steps
    epoch = max(part.objective.epoch_steps(part.examples) for part in parts)
    return max(settings.min_steps, round(settings.epochs * epoch))


class _Trainee(nn.Module):
    """Encoder and heads as one module, so that devices and processes see one parameter list."""

    def __init__(self, encoder: Encoder, heads: Sequence[nn.Module]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleList(heads)

    def forward(self, batch: Batch) -> list[Tensor]:
        return [self.encoder(encoding) for encoding in batch.encodings]


def _titles(names: Sequence[str]) -> list[str]:
    """The names, with a number where one comes twice."""
    return [f"{name} {number}" if names.count(name) > 1 else name for number, name in enumerate(names, start=1)]


def _stream(part: Part, index: int, seed: int) -> Iterator[list[int]]:
    epoch = 0
    while True:
        yield from part.objective.batches(part.examples, np.random.default_rng([seed, index, epoch]))
        epoch += 1


def _on_device(batch: Batch, device: torch.device) -> Batch:
    return Batch(
        tuple(encoding.to(device) for encoding in batch.encodings),
        {name: target.to(device) for name, target in batch.targets.items()},
    )


def _groups(encoder: Encoder, parts: Sequence[Part], settings: Settings) -> list[dict[str, Any]]:
    """Optimizer groups: no weight decay on vectors; rates by layer; the heads' own rate."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    layers = int(getattr(encoder.backbone.config, "num_hidden_layers", 0))
    for name, parameter in encoder.backbone.named_parameters():
        if parameter.requires_grad and not name.startswith("pooler."):
            rate = settings.learning_rate * settings.layer_decay ** (layers - _layer(name, layers))
            decay = settings.weight_decay if parameter.dim() > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    rate = settings.head_learning_rate or settings.learning_rate
    for part in parts:
        groups.setdefault((rate, 0.0), []).extend(part.head.parameters())
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


def _layer(name: str, layers: int) -> int:
    """0 for embeddings, 1 to ``layers`` for transformer layers."""
    for before, number in zip(name.split("."), name.split(".")[1:], strict=False):
        if before in {"layer", "layers", "block"} and number.isdigit():
            return int(number) + 1
    return 0 if "embedding" in name else layers
