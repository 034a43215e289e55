"""What objectives that tell classes apart share: a linear head, cross-entropy, accuracy."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.objectives.objective import Hidden, Pooling


def class_loss(hidden: Hidden, head: nn.Module, labels: Tensor, pooling: Pooling) -> Tensor:
    """Mean cross-entropy of head(pooled states), (batch, classes), with ``labels`` (batch,)."""
    return functional.cross_entropy(head(hidden.pooled(pooling)), labels)


def class_score(hidden: Hidden, head: nn.Module, labels: Tensor, pooling: Pooling) -> dict[str, Tensor]:
    """``accuracy`` of each row."""
    return {"accuracy": (head(hidden.pooled(pooling)).argmax(1) == labels).float()}


def class_head(dim: int, classes: int) -> nn.Linear:
    """W (classes, dim) and a bias; small at the start, so that the first predictions are even."""
    head = nn.Linear(dim, classes)
    with torch.no_grad():
        nn.init.normal_(head.weight, std=0.02)
        head.bias.zero_()
    return head
