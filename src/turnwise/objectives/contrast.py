"""The contrast of contexts and responses that response ranking and response matching share."""

from typing import Literal

import torch
import torch.distributed as distributed
from torch import Tensor
from torch.distributed.nn.functional import all_gather
from torch.nn import functional

Similarity = Literal["cosine", "dot"]


def contrast_loss(
    contexts: Tensor,
    responses: Tensor,
    *,
    same: Tensor,
    scale: float,
    similarity: Similarity = "cosine",
    include_positive: bool = True,
) -> Tensor:
    """Cross-entropy of each context's true response among all responses of the batch.

    ``contexts`` and ``responses`` (B, dim), row i of both belong together; ``same`` (B, B) marks responses that are
    equal to the true one and so no negatives. With several processes, the responses of all are the negatives:
    ``same`` is then about the own ones and is extended by ``gathered``. A row whose sum would be empty (no positive
    in it, no negative in the batch) counts for nothing.
    """
    scores = scale * similarities(contexts, responses, similarity)
    diagonal = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    dropped = same & ~diagonal if include_positive else same
    ranked = ~dropped.all(1)
    others = torch.logsumexp(scores.masked_fill(dropped, -torch.inf), dim=1)
    loss = (others - scores.diagonal())[ranked]
    return loss.sum() / ranked.sum().clamp(min=1)


def neighbour_loss(vectors: Tensor, *, same: Tensor, scale: float) -> Tensor:
    """Neighbourhood components analysis of a batch: rows of one class are to be each other's nearest.

    With the cosines of ``vectors`` (B, dim) and the classes ``same`` (B, B)::

        L = - 1/B sum_i log [ sum_{j != i, same} exp(scale cos_ij) / sum_{j != i} exp(scale cos_ij) ]

    A row that has no other of its class counts for nothing.

    Source: Goldberger et al. 2004, "Neighbourhood Components Analysis", its log form; Frosst et al. 2019, equation 1.
    """
    scores = scale * similarities(vectors, vectors, "cosine")
    diagonal = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    twins = same & ~diagonal
    paired = twins.any(1)
    everyone = torch.logsumexp(scores.masked_fill(diagonal, -torch.inf)[paired], dim=1)
    own = torch.logsumexp(scores.masked_fill(~twins, -torch.inf)[paired], dim=1)
    return (everyone - own).sum() / len(scores)


def similarities(contexts: Tensor, responses: Tensor, similarity: Similarity) -> Tensor:
    """(contexts, responses) cosines or dot products."""
    if similarity == "cosine":
        contexts, responses = functional.normalize(contexts, dim=-1), functional.normalize(responses, dim=-1)
    return contexts @ responses.T


def gathered(tensor: Tensor) -> Tensor:
    """Rows of all processes, with gradients; the tensor itself where there is one process.

    Every process must hold as many rows. Without gradients nothing is gathered: each process measures whole batches.
    """
    if not torch.is_grad_enabled() or not (distributed.is_available() and distributed.is_initialized()):
        return tensor
    if distributed.get_world_size() == 1:
        return tensor
    if tensor.is_floating_point() and tensor.requires_grad:
        return torch.cat(list(all_gather(tensor)))
    parts = [torch.zeros_like(tensor) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def equal_rows(keys: Tensor) -> Tensor:
    """(rows, rows) where the keys (rows,) are equal."""
    return keys[:, None] == keys[None, :]


def first_place(scores: Tensor, same: Tensor) -> Tensor:
    """1 for each row (B,) whose own column scores highest, another response with the same text not counted."""
    diagonal = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    rivals = scores.masked_fill(same & ~diagonal, -torch.inf)
    return (rivals.argmax(1) == torch.arange(len(scores), device=scores.device)).float()
