"""Many span decoders as one: their weights lie stacked, and a batch passes through all of them in one computation."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.crf import Scores
from turnwise.span_decoder import TAGS, SpanDecoder, sizes_of

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
        wide: Tensor = values.index_select(1, self.at).unflatten(1, self.mask.shape)
        return wide

    def pack(self, values: Tensor) -> Tensor:
        """The way back."""
        flat: Tensor = values.flatten(1, 2).index_select(1, self.back)
        return flat


@dataclass(frozen=True)
class Names:
    """The states of the names of slots, (slots, tokens, dim), and where there is one, (slots, tokens)."""

    states: Tensor
    mask: Tensor

    def only(self, number: int) -> "Names":
        return Names(self.states[number : number + 1], self.mask[number : number + 1])

    def repeat(self, times: int) -> "Names":
        return Names(self.states.repeat(times, 1, 1), self.mask.repeat(times, 1))


class Stack(nn.Module):
    """``decoders`` span decoders of one shape. What they share is kept once.

    Their input are states (packed, dim) of sentences that all of them read, and ``features`` (decoders, packed, n)
    that each has its own of: a residual layer adds ``W_2 gelu(W_1 [h; f])`` to what is read (ConVEx, section 2.3). It
    begins at zero. In ``whole`` decoders it adds to the encoder's states, as published, and each has projections of its
    own; else all share the two projections, so that they are computed once for a sentence, and it adds to the projected
    states. The template is the sentence itself, and the slot's name behind it where there are ``Names``.

    A stack of one decoder may be asked for any number of slots, which then differ in features and names alone.
    """

    def __init__(self, base: SpanDecoder, decoders: int, features: int, *, hidden: int, whole: bool) -> None:
        super().__init__()
        self.decoders, self.whole, self.features = decoders, whole, features
        self.shape = sizes_of(base.state_dict())
        dim = int(base.state_dict()["input_projection.0.weight"].shape[1]) if whole else self.shape["width"]
        self.shared = nn.ParameterDict()
        self.own = nn.ParameterDict()
        for name, value in base.state_dict().items():
            shared = not whole and name.startswith(_PROJECTIONS)
            kept = value.detach().clone().unsqueeze(0)
            kept = kept.repeat(1 if shared else decoders, *[1] * value.dim())
            (self.shared if shared else self.own)[_key(name)] = nn.Parameter(kept)
        bound = 1 / math.sqrt(dim + features)
        self.own["residual_0_weight"] = nn.Parameter(
            torch.empty(decoders, hidden, dim + features).uniform_(-bound, bound)
        )
        self.own["residual_0_bias"] = nn.Parameter(torch.zeros(decoders, hidden))
        self.own["residual_2_weight"] = nn.Parameter(torch.zeros(decoders, dim, hidden))
        self.own["residual_2_bias"] = nn.Parameter(torch.zeros(decoders, dim))

    def projected(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Of states (packed, dim) what the shared projections give, input's and template's: (1, packed, width).

        The states may differ from member to member, (members, packed, dim); then so does what is given.
        """
        given = states if states.dim() == 3 else states.unsqueeze(0)
        found = [self._feed_forward(name, given) for name in _PROJECTIONS]
        return found[0], found[1]

    def forward(
        self, read: tuple[Tensor, Tensor], features: Tensor, packed: Packed, names: Names | None = None
    ) -> Scores:
        """Unary potentials (slots * batch, tokens, 4) and transitions, as ``SpanDecoder`` gives for each.

        ``read`` is what ``projected`` gives; of ``whole`` decoders the states twice, (1, packed, dim).
        """
        first, second = (_for_each(part, len(features)) for part in read)
        term = self._residual(first, features)
        if self.whole:
            both = first + term
            states, template = (self._feed_forward(name, both) for name in _PROJECTIONS)
        else:
            states, template = first + term, second + term
        mask = packed.mask[None, :, None, :].expand(len(features), -1, -1, -1)
        name, wider = None, mask
        if names is not None:
            name = self._feed_forward("template_projection", names.states)
            wider = torch.cat([mask, names.mask[:, None, None, :].expand(-1, mask.shape[1], -1, -1)], dim=3)
        for number in range(self.shape["blocks"]):
            block = f"blocks.{number}"
            own = self._attention(f"{block}.own", states, states, packed, mask)
            states = self._norm(f"{block}.norms.0", states + own)
            over = self._attention(f"{block}.across", states, template, packed, wider, name)
            states = self._norm(f"{block}.norms.1", states + over)
            states = self._norm(f"{block}.norms.2", states + self._feed_forward(f"{block}.wide", states))
        found = packed.pad(self._linear("potentials", states)).flatten(0, 1)
        return found[..., :TAGS], found[:, :-1, TAGS:].unflatten(2, (TAGS, TAGS))

    def _residual(self, states: Tensor, features: Tensor) -> Tensor:
        """The first layer over states and features apart: the states are often the same for all decoders."""
        weight = self.own["residual_0_weight"]
        dim = weight.shape[2] - self.features
        hidden = states @ weight[..., :dim].mT + features @ weight[..., dim:].mT
        hidden = hidden + self.own["residual_0_bias"].unsqueeze(1)
        return self._linear("residual.2", functional.gelu(hidden, approximate="tanh"))

    def _attention(
        self, name: str, states: Tensor, others: Tensor, packed: Packed, mask: Tensor, more: Tensor | None = None
    ) -> Tensor:
        """``more`` (slots, tokens, width) are read beside ``others``, the same for all sentences."""
        query = packed.pad(self._linear(f"{name}.query", states))
        key, value = (packed.pad(self._linear(f"{name}.{part}", others)) for part in ("key", "value"))
        if more is not None:
            size = (-1, key.shape[1], -1, -1)
            key = torch.cat([key, self._linear(f"{name}.key", more).unsqueeze(1).expand(size)], dim=2)
            value = torch.cat([value, self._linear(f"{name}.value", more).unsqueeze(1).expand(size)], dim=2)
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


def repeated(stack: Stack, decoders: int) -> Stack:
    """So many decoders that begin as the one of ``stack``."""
    found = copy.deepcopy(stack)
    found.decoders = decoders
    for name in stack.own:
        value = stack.own[name].detach()
        found.own[name] = nn.Parameter(value.repeat(decoders, *[1] * (value.dim() - 1)))
    return found


def averaged(stack: Stack, members: int) -> Stack:
    """One decoder a slot whose weights are the mean of its members': members that began alike stay near each other."""
    found = copy.deepcopy(stack)
    found.decoders = stack.decoders // members
    for name in stack.own:
        found.own[name] = nn.Parameter(stack.own[name].detach().unflatten(0, (members, -1)).mean(0))
    return found


def varied(stack: Stack) -> Stack:
    """The first residual layers of its decoders drawn anew while the second ones are zero, so that members differ."""
    if not stack.own["residual_2_weight"].any():
        weight = stack.own["residual_0_weight"]
        bound = 1 / math.sqrt(weight.shape[2])
        with torch.no_grad():
            weight.uniform_(-bound, bound)
    return stack


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


def _for_each(states: Tensor, decoders: int) -> Tensor:
    """What members read, for each of their decoders."""
    return states if len(states) in (1, decoders) else states.repeat_interleave(decoders // len(states), 0)


def _key(name: str) -> str:
    return name.replace(".", "_")
