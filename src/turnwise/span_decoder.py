"""ConVEx's decoder: from the states of a sentence and its template to the potentials of a tagging of one span."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from turnwise.crf import Scores, constrained

BEFORE, BEGIN, INSIDE, AFTER = range(4)
TAGS = 4
_FIRST = torch.tensor([True, True, False, False])
_ALLOWED = torch.tensor(
    [
        [True, False, False, False],  # before comes after before alone
        [True, False, False, False],
        [False, True, True, False],
        [False, True, True, True],
    ]
)
"""(next tag, tag): what one value, or none, can look like."""


class SpanDecoder(nn.Module):
    """Potentials of the tags of an input sentence, given a template sentence.

    States of ``dim`` are projected, the template's and the input's each by a feed-forward network of their own, to
    ``width``. Two blocks of self-attention, attention over the template, and a feed-forward network follow, each with a
    residual and layer normalisation; a linear layer gives for every token a 4 x 4 matrix of transitions W_t and four
    unary potentials u_t. The sizes are those of the paper's Table 3, 0.8 million parameters.

    Source: ConVEx, section 2.3.
    """

    def __init__(
        self, dim: int, *, hidden: int = 512, width: int = 128, wide: int = 256, attention: int = 16, blocks: int = 2
    ) -> None:
        super().__init__()
        self.input_projection = _feed_forward(dim, hidden, width)
        self.template_projection = _feed_forward(dim, hidden, width)
        self.blocks = nn.ModuleList(_Block(width, wide, attention) for _ in range(blocks))
        self.potentials = nn.Linear(width, TAGS + TAGS * TAGS)

    def forward(self, inputs: Tensor, input_mask: Tensor, templates: Tensor, template_mask: Tensor) -> Scores:
        """(batch, tokens, dim) and (batch, tokens), twice, to unary potentials (batch, tokens, 4) and transitions
        (batch, tokens - 1, next tag, tag); what no single span can be has no probability."""
        states = self.input_projection(inputs)
        template = self.template_projection(templates)
        for block in self.blocks:
            states = block(states, input_mask, template, template_mask)
        found = self.potentials(states)
        unary = found[..., :TAGS]
        transitions = found[:, :-1, TAGS:].unflatten(2, (TAGS, TAGS))
        return constrained((unary, transitions), _FIRST.to(unary.device), _ALLOWED.to(unary.device))


def sizes_of(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """The arguments beside ``dim`` that make a decoder with weights of these shapes. Raises KeyError when some lack."""
    return {
        "hidden": weights["input_projection.0.weight"].shape[0],
        "width": weights["input_projection.2.weight"].shape[0],
        "wide": weights["blocks.0.wide.0.weight"].shape[0],
        "attention": weights["blocks.0.own.query.weight"].shape[0],
        "blocks": 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks.")),
    }


def tags_of(start: Tensor, end: Tensor, tokens: int) -> Tensor:
    """Tags (batch, tokens) of spans from token ``start`` up to ``end``, (batch,) each; none where both are 0."""
    place = torch.arange(tokens, device=start.device).unsqueeze(0)
    start, end = start.unsqueeze(1), end.unsqueeze(1)
    tags = torch.where(
        place < start, BEFORE, torch.where(place == start, BEGIN, torch.where(place < end, INSIDE, AFTER))
    )
    return torch.where(end == 0, BEFORE, tags)


def spans_of(tags: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Starts and ends of the spans that tags (batch, tokens) mark, both 0 where there is none: (batch,) each."""
    valued = ((tags == BEGIN) | (tags == INSIDE)) & mask.bool()
    length = valued.sum(1)
    start = valued.long().argmax(1)
    return torch.where(length > 0, start, 0), torch.where(length > 0, start + length, 0)


class _Block(nn.Module):
    def __init__(self, width: int, wide: int, attention: int) -> None:
        super().__init__()
        self.own = _Attention(width, attention)
        self.across = _Attention(width, attention)
        self.wide = _feed_forward(width, wide, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(self, states: Tensor, mask: Tensor, template: Tensor, template_mask: Tensor) -> Tensor:
        states = self.norms[0](states + self.own(states, states, mask))
        states = self.norms[1](states + self.across(states, template, template_mask))
        found: Tensor = self.norms[2](states + self.wide(states))
        return found


class _Attention(nn.Module):
    """One head: softmax(q k' / sqrt(d)) v, in ``size`` dimensions."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, size) for _ in range(3))
        self.out = nn.Linear(size, width)

    def forward(self, states: Tensor, others: Tensor, mask: Tensor) -> Tensor:
        found: Tensor = self.out(
            nn.functional.scaled_dot_product_attention(
                self.query(states), self.key(others), self.value(others), attn_mask=mask.bool().unsqueeze(1)
            )
        )
        return found


def _feed_forward(dim: int, hidden: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, width))
