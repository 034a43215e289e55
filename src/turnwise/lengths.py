"""Texts of like length encoded together, so that padding costs next to nothing."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from turnwise.codec import Encoding


def length_batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Row numbers in batches of like length, longest first: padding is computed like text.

    A batch's padded size stays within ``batch_tokens``, and its shortest text has at least three quarters of the
    longest one's length, except that the first eight texts of a batch may be of any length.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        longest = lengths[batches[-1][0]] if batches else 0
        fits = batches and longest * (len(batches[-1]) + 1) <= batch_tokens
        if fits and (len(batches[-1]) < 8 or lengths[row] >= 0.75 * longest):
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def states_by_length(encode: Callable[[Encoding], Tensor], encoding: Encoding, batch_tokens: int = 2048) -> Tensor:
    """What ``encode(encoding)`` gives, (batch, tokens, dim), from passes of at most ``batch_tokens`` padded tokens.

    The states of padding are 0 where a row's pass is shorter than the batch.
    """
    ids, mask, segments = encoding.ids, encoding.mask, encoding.segments
    lengths: list[int] = (mask * torch.arange(1, mask.shape[1] + 1)).amax(1).clamp(min=1).tolist()
    groups = length_batches(lengths, batch_tokens)
    if len(groups) == 1:
        return encode(encoding)
    parts = []
    for rows in groups:
        longest = lengths[rows[0]]
        cut = None if segments is None else segments[rows, :longest]
        states = encode(Encoding(ids[rows, :longest], mask[rows, :longest], cut))
        parts.append(nn.functional.pad(states, (0, 0, 0, mask.shape[1] - longest)))
    order = torch.tensor([row for rows in groups for row in rows])
    return torch.cat(parts)[order.argsort()]
