"""One loop for everything: it runs the encoder, owns the optimizer, and yields a Step at a time."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import Tensor, nn
from transformers import get_scheduler

from turnwise.checkpoint import load_checkpoint, save_checkpoint
from turnwise.dropout import attention_dropout
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.lengths import states_by_length
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.parts import Part, batches_of, loss_titles, total_steps
from turnwise.precision import mixed, resolve
from turnwise.rates import optimizer
from turnwise.settings import Settings

__all__ = ["Settings", "Step", "Training", "train"]


@dataclass(frozen=True)
class Step:
    """What one optimizer step did. ``index`` counts from 1 to ``total``; ``sentences`` were encoded in it.

    ``losses`` are unweighted, by the objective's name; of two parts with one objective the name has a number.
    ``tokens`` counts what was encoded without padding.
    """

    index: int
    total: int
    losses: Mapping[str, float]
    sentences: int
    seconds: float
    tokens: int = 0


def train(encoder: Encoder, parts: Sequence[Part], settings: Settings) -> Iterator[Step]:
    """Train the encoder and the heads in place; one batch of each part in an optimizer step.

    The generator of ``Training``, for callers that keep no checkpoints.
    """
    yield from Training(encoder, parts, settings)


class Training:
    """A run of the loop: iterate over it for its steps; ``save`` between two of them, ``load`` before the first.

    Deterministic for a seed on one machine: batches come from generators keyed by (seed, part, epoch), what is random
    in a batch from generators keyed by the example, dropout from torch's global seed, set at the start and kept in
    checkpoints. A run that goes on from a checkpoint ends with the same weights, bit for bit on one CPU. The encoder is
    in evaluation mode again when the iteration ends.

    With several processes each takes every n-th example of a batch; gradients are summed once a step, each loss in
    proportion to what it is a mean over. ``settings.accumulation`` cuts a batch into micro-batches in the same way,
    except for objectives that contrast the examples of a batch: these gather the vectors of all processes, and leave
    out the examples of a batch that cannot be shared out evenly.
    Raises InputError when there is nothing to train on.
    """

    def __init__(self, encoder: Encoder, parts: Sequence[Part], settings: Settings) -> None:
        self.total = total_steps(parts, settings)
        self.encoder = encoder
        self.parts = tuple(parts)
        self.settings = settings
        self.done = 0
        self.extra: dict[str, Any] = {}
        torch.manual_seed(settings.seed)
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available())
        device = self.accelerator.device
        if settings.frozen:
            encoder.requires_grad_(False)
        # On a GPU few large batches are faster, and processes may have to make as many passes as each other.
        by_length = device.type == "cpu" and self.accelerator.num_processes == 1
        trainee = _Trainee(encoder, parts, by_length).to(device)
        self.heads = [list(heads) for heads in trainee.part_heads]
        self.model: nn.Module = trainee
        self.optimizer = optimizer(encoder, [head for heads in self.heads for head in heads], settings, device)
        schedule = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
        self.scheduler = get_scheduler(schedule, self.optimizer, round(settings.warmup * self.total), self.total)
        self.precision = resolve(settings.precision, device)
        self.sharded = self.accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)
        if self.sharded:
            self.model, self.optimizer = self.accelerator.prepare(self.model, self.optimizer)
        self.kept: nn.Module = trainee.heads if settings.frozen and not self.sharded else self.model
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.average = [p.detach().clone() for p in self.trained] if settings.average is not None else []
        self.titles = loss_titles(parts)
        if self.accelerator.num_processes > 1:
            # Each process draws its own dropout; the weights start alike because they were made from one seed.
            torch.manual_seed(settings.seed + 1000 * self.accelerator.process_index)

    def __iter__(self) -> Iterator[Step]:
        return self.steps()

    def steps(self) -> Generator[Step, None, None]:
        """The steps that are left; close it to stop early."""
        streams = [batches_of(part, index, self.settings.seed) for index, part in enumerate(self.parts)]
        for part, stream in zip(self.parts, streams, strict=True):
            for _ in range(part.batches_in(self.done)):
                next(stream)
        self.model.train()
        if self.settings.frozen:
            self.encoder.eval()
        with attention_dropout(self.encoder, self.settings.attention_dropout):
            try:
                while self.done < self.total:
                    start = time.perf_counter()
                    losses: dict[str, float] = {}
                    sentences = tokens = 0
                    for index, stream in enumerate(streams):
                        if self.parts[index].batches_in(self.done + 1) == self.parts[index].batches_in(self.done):
                            continue
                        found = self._backward(index, *next(stream))
                        named = zip(self.titles[index], found.losses, strict=True)
                        losses |= {title: loss for title, loss in named if title}
                        sentences, tokens = sentences + found.sentences, tokens + found.tokens
                    self._average_gradients()
                    self.accelerator.clip_grad_norm_(self.trained, self.settings.clip)
                    self.optimizer.step()
                    self.scheduler.step()
                    self.optimizer.zero_grad(set_to_none=True)
                    self.done += 1
                    if self.settings.average is not None:
                        decay = min(self.settings.average, self.done / (self.done + 9))
                        torch._foreach_lerp_(self.average, [p.detach() for p in self.trained], 1 - decay)
                    yield Step(self.done, self.total, losses, sentences, time.perf_counter() - start, tokens)
            finally:
                if self.settings.average is not None:
                    with torch.no_grad():
                        for parameter, mean in zip(self.trained, self.average, strict=True):
                            parameter.copy_(mean)
                self.model.eval()

    def _backward(self, index: int, epoch: int, rows: Sequence[int]) -> "_Found":
        """Add the gradients of one batch of a part."""
        part, heads = self.parts[index], self.heads[index]
        prepared = [
            self._prepared(part, Draws(self.settings.seed, index, epoch, tuple(chunk)))
            for chunk in self._chunks(part, rows)
        ]
        weights = [part.weight, *(ride.weight for ride in part.rides)]
        counts = self._summed([float(sum(one.counts[at] for one in prepared)) for at in range(len(weights))])
        totals = [0.0] * len(weights)
        for one in prepared:
            with mixed(self.encoder.backbone, self.precision):
                states = self.model(one.batch)
            hidden = tuple(
                Hidden(state.float(), encoding.mask)
                for state, encoding in zip(states, one.batch.encodings, strict=True)
            )
            loss = torch.zeros((), device=self.accelerator.device)
            for at, (count, total) in enumerate(zip(one.counts, counts, strict=True)):
                if count == 0:
                    continue
                if at == 0:
                    value = part.objective.loss(hidden, heads[0], one.batch)
                else:
                    value = part.rides[at - 1].rider.loss(hidden, heads[at], one.targets[at - 1])
                loss = loss + weights[at] * (count / total) * value
                totals[at] += count / total * float(value.detach())
            if loss.requires_grad:
                self.accelerator.backward(loss * self.accelerator.num_processes if self.sharded else loss)
        encodings = [encoding for one in prepared for encoding in one.batch.encodings]
        sizes = [
            float(sum(len(encoding.ids) for encoding in encodings)),
            float(sum(int(encoding.mask.sum()) for encoding in encodings)),
        ]
        *losses, sentences, tokens = self._summed([*totals, *sizes])
        return _Found(losses, int(sentences), int(tokens))

    def _chunks(self, part: Part, rows: Sequence[int]) -> list[list[int]]:
        """This process's rows of a batch, cut into micro-batches."""
        own = list(rows[self.accelerator.process_index :: self.accelerator.num_processes])
        if not part.objective.splits:
            # A contrast gathers the rows of all processes: each must have as many.
            own = own[: len(rows) // self.accelerator.num_processes]
        number = min(self.settings.accumulation if part.objective.splits else 1, len(own))
        return [own[at::number] for at in range(number)]

    def _prepared(self, part: Part, draws: Draws) -> "_Prepared":
        codec = self.encoder.codec
        batch = part.objective.collate([part.examples[row] for row in draws.rows], codec, draws)
        encodings = batch.encodings
        targets: list[list[Mapping[str, Tensor]]] = []
        counts = [batch.number]
        for ride in part.rides:
            corrupted = [ride.rider.corrupt(encoding, codec, draws) for encoding in encodings]
            encodings = tuple(encoding for encoding, _ in corrupted)
            targets.append([found for _, found in corrupted])
            counts.append(ride.rider.count(targets[-1]))
        device = self.accelerator.device
        moved = tuple(encoding.to(device) for encoding in encodings)
        batch = Batch(moved, _moved(batch.targets, device), batch.count)
        return _Prepared(batch, [[_moved(target, device) for target in found] for found in targets], counts)

    def _summed(self, values: list[float]) -> list[float]:
        if self.accelerator.num_processes == 1:
            return values
        device = self.accelerator.device
        total = self.accelerator.reduce(torch.tensor(values, dtype=torch.float64, device=device), reduction="sum")
        return [float(value) for value in total]

    def _average_gradients(self) -> None:
        """Sum the gradients of all processes; each process's losses are weighted by its share already."""
        if self.accelerator.num_processes == 1 or self.sharded:
            return
        # The flags at the end tell parameters that no process has a gradient of: the optimizer leaves those alone.
        pieces = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.trained]
        flags = torch.tensor([float(p.grad is not None) for p in self.trained], device=self.accelerator.device)
        flat = self.accelerator.reduce(torch.cat([*(piece.flatten() for piece in pieces), flags]), reduction="sum")
        at = 0
        for parameter, flag in zip(self.trained, flat[-len(flags) :].tolist(), strict=True):
            found = flat[at : at + parameter.numel()].view_as(parameter)
            parameter.grad = found.clone() if flag else None
            at += parameter.numel()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside the block the weights are the averaged ones, where an average is kept; for measurements."""
        self._swap_average()
        try:
            yield
        finally:
            self._swap_average()

    def _swap_average(self) -> None:
        with torch.no_grad():
            for parameter, mean in zip(self.trained, self.average, strict=bool(self.average)):
                last = parameter.detach().clone()
                parameter.copy_(mean)
                mean.copy_(last)

    def save(self, folder: Path) -> None:
        """Write a checkpoint, atomically: safetensors and JSON.

        Raises StorageError when the disk refuses, InputError when the weights are sharded over processes.
        """
        if self.sharded:
            raise InputError(
                "checkpoints of sharded runs (FSDP, DeepSpeed) are not written; save the encoder at the end"
            )
        random = {name: self.accelerator.gather(value[None]).cpu() for name, value in self._random_state().items()}
        try:
            if self.accelerator.is_main_process:
                save_checkpoint(folder, self.kept, self.optimizer, self.average, random, self._state())
        finally:
            self.accelerator.wait_for_everyone()

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint. Raises ModelError when it is damaged or belongs to another run."""
        state, random = load_checkpoint(folder, self.kept, self.optimizer, self.average, self._state())
        own = {name: states[self.accelerator.process_index] for name, states in random.items()}
        torch.set_rng_state(own["cpu"])
        if "cuda" in own and torch.cuda.is_available():
            torch.cuda.set_rng_state(own["cuda"])
        self.done = int(state["done"])
        self.extra = state.get("extra", {})
        self.precision = state["precision"]
        self.scheduler.last_epoch = self.done
        self.scheduler._step_count = self.done + 1
        self.scheduler._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _random_state(self) -> dict[str, Tensor]:
        found = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            found["cuda"] = torch.cuda.get_rng_state()
        return {name: state.to(self.accelerator.device) for name, state in found.items()}

    def _state(self) -> dict[str, Any]:
        return {
            "done": self.done,
            "extra": self.extra,
            "precision": self.precision,
            "processes": self.accelerator.num_processes,
            "encoder": self.encoder.name,
            "layout": asdict(self.encoder.codec.layout),
            "max_tokens": self.encoder.codec.max_tokens,
            "settings": asdict(self.settings),
            "parts": [
                {
                    "objective": part.objective.name,
                    "weight": part.weight,
                    "share": part.share,
                    "examples": len(part.examples),
                    **asdict(part.objective),  # type: ignore[call-overload]
                    "rides": [
                        {"rider": ride.rider.name, "weight": ride.weight, **asdict(ride.rider)}  # type: ignore[call-overload]
                        for ride in part.rides
                    ],
                }
                for part in self.parts
            ],
        }


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A micro-batch, what its riders hid, and what each loss is a mean over."""

    batch: Batch
    targets: list[list[Mapping[str, Tensor]]]
    counts: list[int]


@dataclass(frozen=True, slots=True)
class _Found:
    losses: list[float]
    sentences: int
    tokens: int


class _Trainee(nn.Module):
    """Encoder and heads as one module, so that devices and processes see one parameter list."""

    def __init__(self, encoder: Encoder, parts: Sequence[Part], by_length: bool) -> None:
        super().__init__()
        self.encoder = encoder
        self.by_length = by_length
        self.part_heads = [nn.ModuleList([part.head, *(ride.head for ride in part.rides)]) for part in parts]
        self.heads = nn.ModuleList(self.part_heads)

    def forward(self, batch: Batch) -> list[Tensor]:
        if self.by_length:
            return [states_by_length(self.encoder, encoding) for encoding in batch.encodings]
        return [self.encoder(encoding) for encoding in batch.encodings]


def _moved(targets: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: target.to(device) for name, target in targets.items()}
