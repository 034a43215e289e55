"""How to train: steps, rates, accumulation, precision, seed."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from turnwise.errors import InputError
from turnwise.precision import Precision

Schedule = Literal["linear", "cosine", "constant"]
OptimizerName = Literal["adamw", "adadelta"]
_EXPECTED = {
    "epochs": "a positive number",
    "min_steps": "at least 1",
    "steps": "at least 1, or none",
    "learning_rate": "a positive number",
    "head_learning_rate": "a positive number, or none",
    "warmup": "a share of the steps from 0 to 1",
    "schedule": "one of " + ", ".join(get_args(Schedule)),
    "optimizer": "one of " + ", ".join(get_args(OptimizerName)),
    "rho": "a number above 0 and below 1",
    "weight_decay": "0 or more",
    "layer_decay": "a number above 0 and at most 1",
    "average": "a number above 0 and below 1, or none",
    "attention_dropout": "a share from 0 to less than 1, or none",
    "clip": "a positive number",
    "accumulation": "at least 1",
    "precision": "one of " + ", ".join(get_args(Precision)),
    "seed": "0 or more",
}


@dataclass(frozen=True)
class Settings:
    """How to train. ``steps`` wins over ``epochs`` with at least ``min_steps``; ``warmup`` is a fraction of the steps.

    After the warm-up the rate falls in a line or a half cosine to 0, or stays.
    ``rho`` is Adadelta's decay of its means. ``frozen``: only the heads learn, and the encoder drops nothing.
    ``layer_decay`` d gives layer l of L the rate ``learning_rate * d ** (L - l)`` (embeddings count as layer 0).
    ``average`` b keeps an exponential moving average of the weights, ``a <- b' a + (1 - b') w`` after step i with
    b' = min(b, i / (i + 9)), so that the untrained weights are soon forgotten; the average is what remains at the
    end. ``attention_dropout`` replaces the encoder's own while it is trained (BERT has 0.1); with 0, attention needs no
    random numbers and takes a fused operator, which is faster. ``accumulation`` cuts each batch into so many
    micro-batches. Defaults: ConvFiT, section 3
    (AdamW, 2e-5, warm-up 0.1, linear decay, weight decay 0.01).
    """

    epochs: float = 1.0
    min_steps: int = 1
    steps: int | None = None
    learning_rate: float = 2e-5
    head_learning_rate: float | None = None
    warmup: float = 0.1
    schedule: Schedule = "linear"
    optimizer: OptimizerName = "adamw"
    rho: float = 0.9
    frozen: bool = False
    weight_decay: float = 0.01
    layer_decay: float = 1.0
    clip: float = 1.0
    average: float | None = None
    attention_dropout: float | None = None
    accumulation: int = 1
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
            "optimizer": self.optimizer in get_args(OptimizerName),
            "rho": 0 < self.rho < 1,
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "layer_decay": 0 < self.layer_decay <= 1,
            "average": self.average is None or 0 < self.average < 1,
            "clip": self.clip > 0,
            "attention_dropout": self.attention_dropout is None or 0 <= self.attention_dropout < 1,
            "accumulation": self.accumulation > 0,
            "precision": self.precision in get_args(Precision),
            "seed": self.seed >= 0,
        }
        for name, good in checks.items():
            if not good:
                raise InputError(f"{name} is {getattr(self, name)!r}, expected {_EXPECTED[name]}")
