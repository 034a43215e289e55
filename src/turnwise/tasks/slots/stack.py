"""Many span decoders as one: their weights lie stacked, and a batch passes through all of them in one computation."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.crf import Scores
from turnwise.span_decoder import TAGS, SpanDecoder

_PROJECTIONS = ("input_projection", "template_projection")


@dataclass(frozen=True)
class Packed:
    """Sentences with their tokens one behind the other, so that nothing is computed for padding.

    ``mask`` (batch, tokens) is 1 where a padded batch has a token; ``at`` (batch * tokens,) says which packed token
    stands there (any one behind the end), and ``back`` (packed,) where in the padded batch a packed token stands.
    """

    mask: Tensor
    at: Tensor
    back: Tensor

    @classmethod
    def of(cls, lengths: Tensor) -> "Packed":
        """For sentences of so many tokens, (batch,)."""
        tokens = int(lengths.max())
        place = torch.arange(tokens, device=lengths.device)
        mask = place < lengths.unsqueeze(1)
        first = lengths.cumsum(0) - lengths
        at = torch.where(mask, first.unsqueeze(1) + place, 0)
        return cls(mask, at.flatten(), mask.flatten().nonzero().squeeze(1))

    def pad(self, values: Tensor) -> Tensor:
        """(decoders, packed, width) to (decoders, batch, tokens, width)."""
        return values.index_select(1, self.at).unflatten(1, self.mask.shape)

    def pack(self, values: Tensor) -> Tensor:
        """The way back."""
        return values.flatten(1, 2).index_select(1, self.back)


class Stack(nn.Module):
    """``decoders`` span decoders of one shape. What they share is kept once.

    Their input are states (packed, dim) of sentences that all of them read, and ``features`` (decoders, packed, n)
    that each has its own of: a residual layer adds ``W_2 gelu(W_1 [h; f])`` to what is read (ConVEx, section 2.3). It
    begins at zero. In ``whole`` decoders it adds to the encoder's states, as published, and each has projections of its
    own; else all share the two projections, so that they are computed once for a sentence, and it adds to the
    projected states. The template is the sentence itself.
    """

    def __init__(self, base: SpanDecoder, decoders: int, features: int, *, hidden: int, whole: bool) -> None:
        super().__init__()
        self.decoders, self.whole, self.features = decoders, whole, features
        self.shape = shape_of(base)
        dim = int(base.state_dict()["input_projection.0.weight"].shape[1]) if whole else self.shape["width"]
        self.shared = nn.ParameterDict()
        self.own = nn.ParameterDict()
        for name, value in base.state_dict().items():
            shared = not whole and name.startswith(_PROJECTIONS)
            kept = value.detach().clone().unsqueeze(0)
            kept = kept if shared else kept.repeat(decoders, *[1] * value.dim())
            (self.shared if shared else self.own)[_key(name)] = nn.Parameter(kept)
        bound = 1 / math.sqrt(dim + features)
        self.own["residual_0_weight"] = nn.Parameter(
            torch.empty(decoders, hidden, dim + features).uniform_(-bound, bound)
        )
        self.own["residual_0_bias"] = nn.Parameter(torch.zeros(decoders, hidden))
        self.own["residual_2_weight"] = nn.Parameter(torch.zeros(decoders, dim, hidden))
        self.own["residual_2_bias"] = nn.Parameter(torch.zeros(decoders, dim))

    def projected(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Of states (packed, dim) what the shared projections give, input's and template's: (1, packed, width) each."""
        found = [self._feed_forward(name, states.unsqueeze(0)) for name in _PROJECTIONS]
        return found[0], found[1]

    def forward(self, read: tuple[Tensor, Tensor], features: Tensor, packed: Packed) -> Scores:
        """Unary potentials (decoders * batch, tokens, 4) and transitions, as ``SpanDecoder`` gives for each.

        ``read`` is what ``projected`` gives; of ``whole`` decoders the states twice, (1, packed, dim).
        """
        first, second = read
        term = self._residual(first, features)
        if self.whole:
            both = first + term
            states, template = (self._feed_forward(name, both) for name in _PROJECTIONS)
        else:
            states, template = first + term, second + term
        bias = packed.mask[None, :, None, :].expand(self.decoders, -1, -1, -1)
        for number in range(self.shape["blocks"]):
            block = f"blocks.{number}"
            states = self._norm(
                f"{block}.norms.0", states + self._attention(f"{block}.own", states, states, packed, bias)
            )
            over = self._attention(f"{block}.across", states, template, packed, bias)
            states = self._norm(f"{block}.norms.1", states + over)
            states = self._norm(f"{block}.norms.2", states + self._feed_forward(f"{block}.wide", states))
        found = packed.pad(self._linear("potentials", states)).flatten(0, 1)
        return found[..., :TAGS], found[:, :-1, TAGS:].unflatten(2, (TAGS, TAGS))

    def _residual(self, states: Tensor, features: Tensor) -> Tensor:
        """The first layer over states and features apart: the states are often the same for all decoders."""
        weight = self.own["residual_0_weight"]
        dim = weight.shape[2] - self.features
        hidden = states @ weight[..., :dim].mT + torch.baddbmm(
            self.own["residual_0_bias"].unsqueeze(1), features, weight[..., dim:].mT
        )
        return self._linear("residual.2", functional.gelu(hidden, approximate="tanh"))

    def _attention(self, name: str, states: Tensor, others: Tensor, packed: Packed, mask: Tensor) -> Tensor:
        query = packed.pad(self._linear(f"{name}.query", states))
        key, value = (packed.pad(self._linear(f"{name}.{part}", others)) for part in ("key", "value"))
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self._linear(f"{name}.out", packed.pack(found))

    def _feed_forward(self, name: str, states: Tensor) -> Tensor:
        return self._linear(f"{name}.2", functional.gelu(self._linear(f"{name}.0", states), approximate="tanh"))

    def _linear(self, name: str, states: Tensor) -> Tensor:
        weight, bias = self._get(f"{name}.weight"), self._get(f"{name}.bias")
        if len(weight) == 1:
            return functional.linear(states, weight[0], bias[0])
        return torch.baddbmm(bias.unsqueeze(1), states.expand(len(weight), -1, -1), weight.mT)

    def _norm(self, name: str, states: Tensor) -> Tensor:
        scaled = functional.layer_norm(states, states.shape[-1:])
        return torch.addcmul(self._get(f"{name}.bias").unsqueeze(1), scaled, self._get(f"{name}.weight").unsqueeze(1))

    def _get(self, name: str) -> Tensor:
        key = _key(name)
        found: Tensor = self.shared[key] if key in self.shared else self.own[key]
        return found


def joined_stacks(stacks: Sequence[Stack], members: int) -> Stack:
    """One stack of the decoders of several, member by member; what is shared is the first one's."""
    first = stacks[0]
    if len(stacks) == 1:
        return first
    found = copy.deepcopy(first)
    found.decoders = sum(stack.decoders for stack in stacks)
    for name in first.own:
        parts = [stack.own[name].detach().unflatten(0, (members, -1)) for stack in stacks]
        found.own[name] = nn.Parameter(torch.cat(parts, dim=1).flatten(0, 1))
    return found


def shape_of(decoder: SpanDecoder) -> dict[str, int]:
    """The arguments that make a decoder of the same sizes."""
    weights = {name: value.shape for name, value in decoder.state_dict().items()}
    return {
        "hidden": weights["input_projection.0.weight"][0],
        "width": weights["input_projection.2.weight"][0],
        "wide": weights["blocks.0.wide.0.weight"][0],
        "attention": weights["blocks.0.own.query.weight"][0],
        "blocks": len(decoder.blocks),
    }


def _key(name: str) -> str:
    return name.replace(".", "_")
