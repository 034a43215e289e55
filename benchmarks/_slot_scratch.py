"""The decoder that ConVEx is compared with: a convolution and a CRF for each slot, learned from nothing.

Span-ConveRT's design (Coope et al., 2020) over the same frozen states: they and the features of a token, a convolution
over five tokens, GELU, dropout, and a linear layer to the potentials. Each slot has its own; all slots are trained on
the same batches with Adam.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.crf import Scores
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.span_decoder import TAGS
from turnwise.tasks.slots.fit import fit_slots
from turnwise.tasks.slots.model import SlotModel
from turnwise.tasks.slots.recipe import SlotsFitting
from turnwise.tasks.slots.sentences import sentences
from turnwise.tasks.slots.stack import Names, Packed
from turnwise.tasks.slots.states import encode
from turnwise.tasks.slots.train import WIDTH, Material, scores, steps_of

_FILTERS, _WINDOW = 128, 5


class Convolutions(nn.Module):
    """Stands where a ``Stack`` does: one convolution and linear layer a slot, over states as they are."""

    whole = True

    def __init__(self, dim: int, slots: int) -> None:
        super().__init__()
        self.decoders = slots
        self.layers = nn.ModuleList(nn.Linear(_WINDOW * dim + WIDTH, _FILTERS) for _ in range(slots))
        self.out = nn.ModuleList(nn.Linear(_FILTERS, TAGS + TAGS * TAGS) for _ in range(slots))

    def forward(
        self, read: tuple[Tensor, Tensor], features: Tensor, packed: Packed, names: Names | None = None
    ) -> Scores:
        states = packed.pad(read[0])[0] * packed.mask.unsqueeze(2)
        tokens, reach = states.shape[1], _WINDOW // 2
        wide = functional.pad(states, (0, 0, reach, reach))
        around = torch.cat([wide[:, at : at + tokens] for at in range(_WINDOW)], dim=2)
        beside = packed.pad(features)
        found = torch.cat(
            [
                out(functional.dropout(functional.gelu(layer(torch.cat([around, own], dim=2))), 0.3, self.training))
                for layer, out, own in zip(self.layers, self.out, beside, strict=True)
            ]
        )
        return found[..., :TAGS], found[:, :-1, TAGS:].unflatten(2, (TAGS, TAGS))


def fit_scratch(train: Sequence[Dialogue], recipe: SlotsFitting, encoder: Encoder) -> SlotModel:
    """A labeller with such decoders, trained as long as the recipe says."""
    short = SlotsFitting(_single(recipe), _one_step(recipe))
    model = fit_slots(train, encoder, short)
    found = sentences(train, model.encoder.codec, whole=model.whole, gold=True)
    material = Material(found, encode(found, model.encoder, model.encoder.codec), model.labels)
    generator = torch.Generator().manual_seed(recipe.training.seed)
    torch.manual_seed(recipe.training.seed)
    net = Convolutions(model.encoder.state_dim, len(model.labels))
    optimizer = torch.optim.Adam(net.parameters())
    total = steps_of(recipe.training, len(found))
    for step in range(total):
        optimizer.param_groups[0]["lr"] = 1e-3 * (0.5 + 0.5 * math.cos(math.pi * step / total))
        rows = torch.randperm(len(found), generator=generator)[: recipe.training.batch_size]
        states, features, packed, may = material.batch(rows, 1)
        states = functional.dropout(states, recipe.training.dropout)[None]
        answer = scores(net, (states, states), features, packed, may)  # type: ignore[arg-type]
        targets = material.targets(rows, packed.mask.shape[1])
        loss = (answer.logsumexp(2) - answer.gather(2, targets.unsqueeze(2)).squeeze(2)).mean(1).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.stack = net.eval()  # type: ignore[assignment]
    return model


def _single(recipe: SlotsFitting):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(recipe.slots, members=1)


def _one_step(recipe: SlotsFitting):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(recipe.training, steps=1, epochs=0.0, most_steps=1)
