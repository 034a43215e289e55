"""The optimizer: which parameter learns at which rate, and which weights decay."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from turnwise.encoder import Encoder
from turnwise.settings import Settings


def optimizer_groups(encoder: Encoder, heads: Sequence[nn.Module], settings: Settings) -> list[dict[str, Any]]:
    """Optimizer groups: no weight decay on vectors; rates by layer; the heads' own rate."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    layers = int(getattr(encoder.backbone.config, "num_hidden_layers", 0))
    for name, parameter in encoder.backbone.named_parameters():
        if parameter.requires_grad and not name.startswith("pooler."):
            rate = settings.learning_rate * settings.layer_decay ** (layers - _layer(name, layers))
            decay = settings.weight_decay if parameter.dim() > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    rate = settings.head_learning_rate or settings.learning_rate
    known = {id(parameter) for parameter in encoder.backbone.parameters()}
    for head in heads:
        fresh = [parameter for parameter in head.parameters() if id(parameter) not in known]
        groups.setdefault((rate, 0.0), []).extend(fresh)
        known |= {id(parameter) for parameter in fresh}
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


def optimizer(
    encoder: Encoder, heads: Sequence[nn.Module], settings: Settings, device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer that ``settings`` names, over the groups of ``optimizer_groups``."""
    groups = optimizer_groups(encoder, heads, settings)
    if settings.optimizer == "adadelta":
        return torch.optim.Adadelta(groups, rho=settings.rho)
    return torch.optim.AdamW(groups, fused=device.type in {"cpu", "cuda"}, betas=(0.9, 0.999))


def _layer(name: str, layers: int) -> int:
    """0 for embeddings, 1 to ``layers`` for transformer layers."""
    for before, number in zip(name.split("."), name.split(".")[1:], strict=False):
        if before in {"layer", "layers", "block"} and number.isdigit():
            return int(number) + 1
    return 0 if "embedding" in name else layers
