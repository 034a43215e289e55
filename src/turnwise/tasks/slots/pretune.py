"""One decoder for the slots of other domains, told apart by their names: what a new domain's decoders begin from."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from turnwise import __version__
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.tasks.slots.fit import start
from turnwise.tasks.slots.model import Kept, SlotModel
from turnwise.tasks.slots.recipe import PRETUNING, Slots, SlotTraining
from turnwise.tasks.slots.sentences import LAYER, Sentence, sentences, whole_words
from turnwise.tasks.slots.stack import Names, Stack, repeated
from turnwise.tasks.slots.states import encode, name_states
from turnwise.tasks.slots.train import Material, scores
from turnwise.training import Step

_OTHERS = 4
"""Slots of other domains that a batch is asked for too: they have no value there."""


def pretune(
    domains: Iterable[Iterable[Dialogue]],
    encoder: Encoder,
    slots: Slots,
    training: SlotTraining = PRETUNING,
    *,
    on_step: Callable[[Step], None] | None = None,
) -> Stack:
    """Train the one decoder further on all slots of all ``domains``, the slot's name behind the template.

    A batch is of one domain, and asks for each of its slots and for some of other domains. Source: ConVEx, section 3
    (SNIPS). Raises CorpusError when there is nothing to learn from.
    """
    given = [list(domain) for domain in domains]
    everything = [dialogue for domain in given for dialogue in domain]
    reader, stack = start(replace(slots, names=True), encoder, training.seed)
    found = sentences(everything, reader.codec, whole=whole_words(everything), gold=True)
    labels = [_labels(domain) for domain in given]
    names = sorted({label for domain in labels for label in domain})
    if not names:
        raise CorpusError(f"the layer spans.{LAYER!r} holds no value in any domain; there is nothing to begin from")
    material = Material(found, encode(found, reader, reader.codec, half=True), names, name_states(names, reader))
    rows = _rows(given, found)
    generator = torch.Generator().manual_seed(training.seed)
    moving = list(stack.parameters())
    optimizer = torch.optim.AdamW(moving, lr=training.learning_rate, weight_decay=training.weight_decay)
    numbers = {label: number for number, label in enumerate(names)}
    own = [torch.tensor([numbers[label] for label in domain]) for domain in labels]
    sizes = torch.tensor([float(len(part)) if len(labels[at]) else 0.0 for at, part in enumerate(rows)])
    for step in range(1, training.steps + 1):
        began = time.perf_counter()
        falling = 0.5 + 0.5 * math.cos(math.pi * (step - 1) / training.steps)
        for group in optimizer.param_groups:
            group["lr"] = training.learning_rate * falling * min(1.0, step / max(1, training.warmup))
        at = int(torch.multinomial(sizes, 1, generator=generator))
        part = rows[at][torch.randperm(len(rows[at]), generator=generator)[: training.batch_size]]
        others = torch.randperm(len(names), generator=generator)
        others = others[~torch.isin(others, own[at])][:_OTHERS]
        asked = torch.cat([own[at], others])
        states, features, packed, may = material.batch(part, 1)
        states = functional.dropout(states, training.dropout * falling)
        assert material.names is not None
        wanted = Names(material.names.states[asked], material.names.mask[asked])
        read = (states[None], states[None]) if stack.whole else stack.projected(states)
        answer = scores(stack, read, features[asked], packed, may, wanted)
        targets = material.targets(part, packed.mask.shape[1])[asked]
        lost = answer.logsumexp(2) - answer.gather(2, targets.unsqueeze(2)).squeeze(2)
        loss = lost.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(moving, training.clip)
        optimizer.step()
        if on_step is not None:
            on_step(Step(step, training.steps, {"slots": float(loss.detach())}, len(part), time.perf_counter() - began))
    return stack.eval()


def by_name(
    begin: Stack, encoder: Encoder, slots: Slots, descriptions: Mapping[str, str], *, seed: int = 0
) -> SlotModel:
    """A labeller that saw no example of its slots: ``begin`` of ``pretune`` asked by what each slot is called.

    ``descriptions`` says of each slot in words what it is. Raises InputError without a slot.
    """
    if not descriptions:
        raise InputError("there is no slot to ask for; give a description for each")
    named = replace(slots, names=True, members=1)
    reader, _ = start(named, encoder, seed)
    return SlotModel(
        named,
        reader,
        tuple(descriptions),
        repeated(begin, len(descriptions)),
        Kept((), (), np.zeros((0, 0), dtype=np.float32)),
        whole=True,
        names=name_states(tuple(descriptions.values()), reader),
        facts={"turnwise": __version__, "encoder": encoder.name, "fitted": False, "ceiling": 1.0},
    )


def _labels(domain: list[Dialogue]) -> list[str]:
    return sorted({span.label for d in domain for turn in d.turns for span in turn.spans.get(LAYER, ())})


def _rows(given: list[list[Dialogue]], found: list[Sentence]) -> list[torch.Tensor]:
    """The rows of the sentences of each domain."""
    ends = torch.tensor([len(domain) for domain in given]).cumsum(0)
    domain = torch.bucketize(torch.tensor([one.window.dialogue for one in found]), ends, right=True)
    return [(domain == at).nonzero().squeeze(1) for at in range(len(given))]
