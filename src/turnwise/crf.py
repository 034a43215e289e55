"""A linear-chain conditional random field whose transitions differ from step to step."""

import torch
from torch import Tensor

Scores = tuple[Tensor, Tensor]
"""Unary potentials (batch, steps, tags) and transitions (batch, steps - 1, next tag, tag)."""


def path_scores(scores: Scores, tags: Tensor, mask: Tensor) -> Tensor:
    """sum_t W_t[y_{t+1}, y_t] + sum_t u_t[y_t] of tag sequences (batch, steps), each as long as its mask: (batch,).

    ``mask`` (batch, steps) is 1 where a sequence has a step, and always at the first.
    """
    unary, transitions = scores
    kept = mask.to(unary.dtype)
    own = unary.gather(2, tags.unsqueeze(2)).squeeze(2) * kept
    into = transitions.gather(2, tags[:, 1:, None, None].expand(-1, -1, 1, transitions.shape[3])).squeeze(2)
    moved = into.gather(2, tags[:, :-1, None]).squeeze(2) * kept[:, 1:]
    return own.sum(1) + moved.sum(1)


def log_partition(scores: Scores, mask: Tensor) -> Tensor:
    """log sum_y exp(score(y)) over every tag sequence, by the forward algorithm: (batch,)."""
    unary, transitions = scores
    alpha = unary[:, 0]
    for step in range(1, unary.shape[1]):
        moved = torch.logsumexp(transitions[:, step - 1] + alpha.unsqueeze(1), dim=2) + unary[:, step]
        alpha = torch.where(mask[:, step, None].bool(), moved, alpha)
    return torch.logsumexp(alpha, dim=1)


def log_likelihood(scores: Scores, tags: Tensor, mask: Tensor) -> Tensor:
    """log p(y | v) of each sequence, (batch,); the loss is its negative.

    p(y | v) is proportional to prod_t exp(W_t[y_{t+1}, y_t]) prod_t exp(u_t[y_t]). Source: ConVEx, section 2.3.
    """
    return path_scores(scores, tags, mask) - log_partition(scores, mask)


def viterbi(scores: Scores, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The tag sequence with the highest score and that score: (batch, steps), 0 behind the mask, and (batch,)."""
    unary, transitions = scores
    best = unary[:, 0]
    came: list[Tensor] = []
    stay = torch.arange(unary.shape[2], device=unary.device).expand(len(unary), -1)
    for step in range(1, unary.shape[1]):
        high, origin = (transitions[:, step - 1] + best.unsqueeze(1)).max(dim=2)
        there = mask[:, step, None].bool()
        best = torch.where(there, high + unary[:, step], best)
        came.append(torch.where(there, origin, stay))
    found, tag = best.max(dim=1)
    path = [tag]
    for origin in reversed(came):
        path.append(origin.gather(1, path[-1].unsqueeze(1)).squeeze(1))
    return torch.stack(path[::-1], dim=1) * mask.long(), found


def constrained(scores: Scores, first: Tensor, allowed: Tensor) -> Scores:
    """The scores, so low where a sequence may not begin (tags,), or a tag not follow another (next tag, tag), that
    nothing is left of their probability; finite, so that gradients are too."""
    unary, transitions = scores
    low = torch.finfo(unary.dtype).min / 1e4
    begin = torch.where(first.bool(), 0.0, low).to(unary.dtype)
    start = torch.cat([(unary[:, :1] + begin), unary[:, 1:]], dim=1)
    return start, transitions.masked_fill(~allowed.bool(), low)
