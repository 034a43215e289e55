"""What is trained beside the encoder: from the states of a sequence to probabilities for each slot."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.encoder import Encoder
from turnwise.objectives.objective import Hidden
from turnwise.tasks.state.examples import NAMINGS
from turnwise.tasks.state.ontology import Ontology
from turnwise.tasks.state.updates import OPERATIONS

NEVER = -1e4
"""The logarithm of a probability that is as good as 0, finite so that gradients are."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Log-probabilities: ``operations`` (batch, slots, 4); given that there is a value, ``values``
    (batch, slots, most values + 1), by their place in the slot's list, the last one that it is a span; given that,
    ``starts`` and ``ends`` (batch, slots, tokens)."""

    operations: Tensor
    values: Tensor
    starts: Tensor
    ends: Tensor


class SlotHead(nn.Module, ABC):
    """Holds the fixed vectors: of values (values, dim), unit length, of none and dontcare, and of slots (slots, dim).

    Made without an ontology it is empty, until the state of a filled one is loaded.
    """

    vectors: Tensor
    special: Tensor
    described: Tensor
    slot_of: Tensor
    place_of: Tensor

    def __init__(self, encoder: Encoder, ontology: Ontology | None, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        slots = ontology.slots if ontology is not None else ()
        texts = [value for _, value in ontology.values] if ontology is not None else []
        words = ["none", "do not care", *(slot.description for slot in slots), *texts]
        found = torch.from_numpy(encoder.encode(words))
        self.register_buffer("special", functional.normalize(found[:2], dim=1))
        self.register_buffer("described", found[2 : 2 + len(slots)])
        self.register_buffer("vectors", functional.normalize(found[2 + len(slots) :], dim=1))
        sizes = [len(slot.values) for slot in slots]
        self.register_buffer("slot_of", torch.tensor([at for at, n in enumerate(sizes) for _ in range(n)]).long())
        self.register_buffer("place_of", torch.tensor([place for n in sizes for place in range(n)]).long())
        self.register_load_state_dict_pre_hook(_resize)  # type: ignore[no-untyped-call]

    @property
    def slots(self) -> int:
        return len(self.described)

    @property
    def most(self) -> int:
        """The length of the longest list of values."""
        return int(self.place_of.max()) + 1 if len(self.place_of) else 0

    def compared(self, projected: Tensor) -> Tensor:
        """Cosine / temperature with the slot's values: (batch, slots, dim) to (batch, slots, most)."""
        unit = functional.normalize(projected, dim=-1)
        found = unit.new_full((len(unit), self.slots, self.most), NEVER)
        if len(self.vectors):
            sizes = torch.bincount(self.slot_of, minlength=self.slots).tolist()
            parts = zip(unit.unbind(1), self.vectors.split(sizes), strict=True)
            flat = torch.cat([one @ part.T for one, part in parts], dim=1)
            found[:, self.slot_of, self.place_of] = flat / self.temperature
        return found

    @abstractmethod
    def forward(
        self, read: Hidden, pooled: Tensor, targets: Mapping[str, Tensor], out: Tensor | None = None
    ) -> Predicted:
        """From the states of the tokens and the ``pooled`` one (batch, dim).

        ``out`` (batch, slots, most): values that are taken out of their lists.
        """


class PooledHead(SlotHead):
    """S_j = softmax(cos(G_j h, v_ij) / temperature) with one linear layer a slot; none and dontcare are in each list.

    Source: DSDF, section 3.3, equation 8.
    """

    def __init__(self, encoder: Encoder, ontology: Ontology | None, temperature: float) -> None:
        super().__init__(encoder, ontology, temperature)
        self.weight = nn.Parameter(torch.eye(encoder.dim).repeat(self.slots, 1, 1))
        self.bias = nn.Parameter(torch.zeros(self.slots, encoder.dim))

    def forward(
        self, read: Hidden, pooled: Tensor, targets: Mapping[str, Tensor], out: Tensor | None = None
    ) -> Predicted:
        projected = torch.einsum("bd,sde->bse", pooled, self.weight) + self.bias
        logits = self.compared(projected)
        if out is not None:
            logits = logits.masked_fill(out, NEVER)
        special = functional.normalize(projected, dim=-1) @ self.special.T / self.temperature
        found = torch.cat([special, logits], dim=-1).log_softmax(-1)
        values = found[..., 2:]
        filled = values.logsumexp(-1) if self.most else torch.full_like(found[..., 0], NEVER)
        never = torch.full_like(filled, NEVER)
        operations = torch.stack([never, found[..., 0], found[..., 1], filled], dim=-1)
        given = torch.cat([values - filled[..., None], never[..., None]], dim=-1)
        nowhere = pooled.new_full((len(pooled), self.slots, read.states.shape[1]), NEVER)
        return Predicted(operations, given, nowhere, nowhere)


@dataclass(frozen=True, slots=True)
class _Computed:
    """Which slots are computed for each row of a batch: ``places`` (batch, n), their numbers; None for all slots."""

    batch: int
    slots: int
    places: Tensor | None

    @classmethod
    def of(cls, allowed: Tensor) -> "_Computed":
        """Those that are ``allowed`` (batch, slots), and others where a row has fewer than the most."""
        batch, slots = allowed.shape
        most = max(1, int(allowed.sum(1).max()))
        if most == slots:
            return cls(batch, slots, None)
        return cls(batch, slots, allowed.int().argsort(dim=1, descending=True, stable=True)[:, :most])

    def of_each(self, values: Tensor) -> Tensor:
        """(slots, width) to (batch, n, width)."""
        if self.places is None:
            return values.expand(self.batch, -1, -1)
        return functional.embedding(self.places, values)

    def spread(self, values: Tensor) -> Tensor:
        """(batch, n, width) to (batch, slots, width), with zeros for what was not computed."""
        if self.places is None:
            return values
        empty = values.new_zeros((self.batch, self.slots, values.shape[2]))
        return empty.scatter(1, self.places.unsqueeze(2).expand_as(values), values)


class AttentiveHead(SlotHead):
    """Each slot attends to the tokens with a query made of its description, and decides what the turn does to it.

    c = attention(q, H), u = gelu(W [c, q, c * q]). The operation is softmax(W_o u + b_s + f); the value is softmax
    over cos(c + W_v u, v) / temperature + g and the logit w u of a span; the ends of a span are softmax over u A h_t.
    f and g are learned weights for values that are named in the turn, in the agent's turn before, or earlier.
    All but the slot's own query and bias is shared by the slots, so that one that training lacks can be filled too.
    Of a dialogue no more slots are computed than any of its batch can have, its own first; the rest is not to be read.
    """

    def __init__(
        self, encoder: Encoder, ontology: Ontology | None, temperature: float, *, copy: bool, named: bool
    ) -> None:
        super().__init__(encoder, ontology, temperature)
        dim = encoder.dim
        self.copy, self.named = copy, named
        self.heads = next(number for number in (6, 4, 2, 1) if dim % number == 0)
        self.offset = nn.Parameter(torch.zeros(self.slots, dim))
        self.slot_bias = nn.Parameter(torch.zeros(self.slots, OPERATIONS))
        self.norm = nn.LayerNorm(dim)
        self.asked = nn.Embedding(2, dim)
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.value, self.out = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.mixed = nn.Linear(3 * dim, dim)
        self.dropout = nn.Dropout(0.1)
        self.operation = nn.Linear(dim, OPERATIONS)
        self.picked = nn.Linear(dim, dim)
        self.copied = nn.Linear(dim, 1)
        self.start, self.end = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.named_operation = nn.Parameter(torch.zeros(NAMINGS, OPERATIONS))
        self.named_value = nn.Parameter(torch.tensor([4.0, 2.0, 0.5]))
        with torch.no_grad():
            nn.init.normal_(self.asked.weight, std=0.02)
            for layer in (self.value, self.out):
                nn.init.eye_(layer.weight)
                layer.bias.zero_()
            for layer in (self.picked, self.copied, self.operation):
                nn.init.normal_(layer.weight, std=0.02)
                layer.bias.zero_()

    def forward(
        self, read: Hidden, pooled: Tensor, targets: Mapping[str, Tensor], out: Tensor | None = None
    ) -> Predicted:
        states = read.states
        computed = _Computed.of(targets["allowed"])
        described = self.norm(self.described + self.offset)
        query = computed.of_each(described)
        context = self._attended(
            computed.of_each(self.query(described)), states + self.asked(targets["asked"]), read.mask
        )
        mixed = self.dropout(functional.gelu(self.mixed(torch.cat([context, query, context * query], dim=-1))))
        named = self._named(len(states), targets["named"], out)
        operations = computed.spread(self.operation(mixed)) + self.slot_bias
        logits = self.compared(computed.spread(context + self.picked(mixed)))
        if self.named:
            logits = logits + named @ self.named_value
            operations = operations + named.amax(2) @ self.named_operation if self.most else operations
        if out is not None:
            logits = logits.masked_fill(out, NEVER)
        copied = computed.spread(self.copied(mixed)) if self.copy else torch.full_like(operations[..., :1], NEVER)
        text = (targets["turns"] >= 0)[:, None]
        starts, ends = (
            computed.spread(layer(mixed) @ states.transpose(1, 2) / states.shape[-1] ** 0.5).masked_fill(~text, NEVER)
            for layer in (self.start, self.end)
        )
        return Predicted(
            operations.log_softmax(-1),
            torch.cat([logits, copied], dim=-1).log_softmax(-1),
            starts.log_softmax(-1),
            ends.log_softmax(-1),
        )

    def _attended(self, query: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """Multi-head attention: (batch, slots, dim) over (batch, tokens, dim) to (batch, slots, dim)."""
        size = states.shape[-1] // self.heads

        def split(found: Tensor) -> Tensor:
            each: Tensor = found.unflatten(-1, (self.heads, size))
            return each.transpose(1, 2)

        weighted = functional.scaled_dot_product_attention(
            split(query), split(self.key(states)), split(self.value(states)), attn_mask=mask.bool()[:, None, None]
        )
        found: Tensor = self.out(weighted.transpose(1, 2).flatten(2))
        return found

    def _named(self, batch: int, named: Tensor, out: Tensor | None) -> Tensor:
        """Where each value is named, (batch, slots, most, NAMINGS)."""
        found = self.vectors.new_zeros((batch, self.slots, self.most, NAMINGS))
        rows, numbers, where = named.unbind(1)
        found[rows, self.slot_of[numbers], self.place_of[numbers], where] = 1.0
        return found if out is None else found.masked_fill(out[..., None], 0.0)


def _resize(module: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    """Give what depends on the ontology the shapes that are loaded."""
    for name, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
        given = state.get(prefix + name)
        if given is not None and given.shape != tensor.shape and given.dim() == tensor.dim():
            tensor.data = torch.empty_like(given)
