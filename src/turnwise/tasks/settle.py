"""Learn a linear head to the end on states that stay, once the encoder has learned."""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from turnwise.tasks.answers.kind import Kind, Scores, Target

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
"""Values of C that are tried: how much an example weighs against the size of the weights."""
_ROUNDS = 200


def settled_heads(
    kind: Kind, head: nn.Linear, states: NDArray[np.float32], targets: Target
) -> Iterator[tuple[float, nn.Linear]]:
    """For each C the head with the least ``loss(W h / s + b, y) + |W|^2 / (2 C n k)``; ``head`` itself stays.

    ``states`` (n, dim) are what the head reads, s their mean length, ``targets`` (n, k); the loss is the mean of the
    kind. This is convex, so that the answer is one whatever ``head`` was. A few epochs of joint training leave a head
    far from it where yes is rare: the states tell such turns apart before the head does. Learning a head anew on
    states that stay is the second stage of Kang et al. (2020), Decoupling Representation and Classifier for
    Long-Tailed Recognition (section 4.1); all examples count alike here, so that probabilities stay those of the
    training data.
    """
    given = torch.from_numpy(states).double()
    scale = given.norm(dim=1).mean().clamp(min=1e-12)
    given, wanted = given / scale, torch.from_numpy(targets).double()
    weight = (head.weight.detach().double().cpu() * scale).requires_grad_(True)
    bias = head.bias.detach().double().cpu().requires_grad_(True)
    for strength in STRENGTHS:
        _least(kind, weight, bias, given, wanted, strength)
        found = copy.deepcopy(head)
        with torch.no_grad():
            found.weight.copy_(weight / scale)
            found.bias.copy_(bias)
        yield strength, found


def answers_of(kind: Kind, head: nn.Linear, states: NDArray[np.float32]) -> Scores:
    """Probabilities (examples, width) from what the head reads, (examples, dim)."""
    with torch.inference_mode():
        found: Scores = kind.probabilities(head(torch.from_numpy(states).to(head.weight))).double().cpu().numpy()
    return found


def _least(kind: Kind, weight: Tensor, bias: Tensor, states: Tensor, targets: Tensor, strength: float) -> None:
    """Change weight and bias, in place, to what has the least loss."""
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_ROUNDS, history_size=20, line_search_fn="strong_wolfe")
    scale = 2 * strength * targets.numel()

    def total() -> Tensor:
        optimizer.zero_grad()
        loss = kind.loss(nn.functional.linear(states, weight, bias), targets) + weight.square().sum() / scale
        loss.backward()
        return loss

    optimizer.step(total)
