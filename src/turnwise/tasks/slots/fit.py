"""Fit a labeller of slots: encode the sentences once, then train all decoders over the states."""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.resources import files
from typing import Any

import numpy as np
import torch

from turnwise import __version__
from turnwise.dialogue import Dialogue
from turnwise.encoder import EMBEDDED as ENCODER
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.messages import nearest
from turnwise.pretrained_decoder import EMBEDDED, load_decoder
from turnwise.span_decoder import SpanDecoder
from turnwise.tasks.slots.joint import overlapping
from turnwise.tasks.slots.model import Kept, SlotModel
from turnwise.tasks.slots.recipe import Slots, SlotsFitting, SlotTraining
from turnwise.tasks.slots.sentences import LAYER, Sentence, ceiling, sentences, whole_words
from turnwise.tasks.slots.stack import Names, Stack, averaged, joined_stacks, repeated, varied
from turnwise.tasks.slots.states import States, encode, name_states
from turnwise.tasks.slots.swap import swapped
from turnwise.tasks.slots.train import WIDTH, Material, train
from turnwise.tasks.slots.values import check_kinds
from turnwise.training import Step

AUTO, RANDOM = "auto", "random"
_KEPT = 2_000
OnStep = Callable[[Step], None]


def fit_slots(
    dialogues: Iterable[Dialogue],
    encoder: Encoder,
    fitting: SlotsFitting,
    *,
    slots: Sequence[str] = (),
    values: Mapping[str, str] | None = None,
    begin: Stack | None = None,
    on_step: OnStep | None = None,
) -> SlotModel:
    """Fit a decoder for each slot that has a value in the dialogues, or for ``slots``.

    ``values`` says of slots what their values are normalised as; ``begin`` is a decoder that ``pretune`` gave, from
    which all begin. Raises CorpusError when there is nothing to learn from or a value lies outside its text, ModelError
    for a pre-trained decoder of another encoder.
    """
    given = list(dialogues)
    labels = _labels(given, slots)
    if values:
        check_kinds(values, labels)
    reader, first = start(fitting.slots, encoder, fitting.training.seed)
    whole = whole_words(given)
    found, states, alike = _read(given, fitting, reader, whole)
    names = name_states(labels, reader) if fitting.slots.names else None
    stack = _trained(found, states, alike, labels, names, begin or first, fitting, None, on_step)
    original = [one for one in found if one.window.dialogue < len(given)]
    made = fitting.slots
    if made.average and made.members > 1:
        stack, made = averaged(stack, made.members), replace(made, members=1)
    return SlotModel(
        made,
        reader,
        labels,
        stack,
        _kept(original, states, labels),
        whole=whole,
        names=names,
        overlapping=overlapping(one.values or {} for one in original),
        values=dict(values or {}),
        facts=_facts(given, original, labels, encoder, fitting),
    )


def add_slots(
    model: SlotModel,
    dialogues: Iterable[Dialogue],
    training: SlotTraining,
    *,
    slots: Sequence[str] = (),
    values: Mapping[str, str] | None = None,
    on_step: OnStep | None = None,
) -> SlotModel:
    """The labeller with decoders for more slots; those that it has answer as before.

    Projections that slots share stay as they are. Raises InputError for a slot that it has already, CorpusError when
    there is nothing to learn from.
    """
    given = list(dialogues)
    labels = _labels(given, slots) if slots else tuple(s for s in _labels(given, ()) if s not in model.labels)
    if twice := [slot for slot in labels if slot in model.labels]:
        raise InputError(f"the model has the slot {twice[0]!r} already; leave it out, or fit the model again")
    if not labels:
        raise CorpusError(f"the dialogues have no slot beside {', '.join(model.labels)}; there is nothing to add")
    if values:
        check_kinds(values, labels)
    fitting = SlotsFitting(model.slots, training)
    _, first = start(model.slots, model.encoder, training.seed)
    found, states, alike = _read(given, fitting, model.encoder, model.whole)
    names = name_states(labels, model.encoder) if model.slots.names else None
    stack = _trained(found, states, alike, labels, names, first, fitting, model.stack, on_step)
    together = joined_stacks([model.stack, stack], model.slots.members)
    over = overlapping(one.values or {} for one in found)
    facts = {**model.facts, "added": [*model.facts.get("added", []), {"slots": list(labels), "examples": len(found)}]}
    return SlotModel(
        model.slots,
        model.encoder,
        (*model.labels, *labels),
        together,
        model.kept,
        whole=model.whole,
        names=None if model.names is None else name_states((*model.labels, *labels), model.encoder),
        overlapping=model.overlapping + [p for p in over if p not in model.overlapping],
        values={**model.values, **dict(values or {})},
        facts=facts,
    )


def start(slots: Slots, encoder: Encoder, seed: int) -> tuple[Encoder, Stack]:
    """The encoder as decoders read it, and the one decoder that all begin from.

    A random one reads the states of the layers at a third and two thirds of the encoder's depth. Raises ModelError
    when the pre-trained decoder is not there or belongs to another encoder.
    """
    reader = copy.copy(encoder)
    name = slots.decoder
    if name == AUTO:
        name = EMBEDDED if encoder.name == ENCODER and has_embedded() else RANDOM
    if name == RANDOM:
        depth = int(encoder.backbone.config.num_hidden_layers)
        reader.layers = (max(1, round(depth / 3)), max(1, round(2 * depth / 3)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            decoder = SpanDecoder(reader.state_dim)
    else:
        pretrained = load_decoder(name, encoder)
        reader.layers, decoder = pretrained.layers, pretrained.decoder
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return reader, Stack(decoder, 1, WIDTH, hidden=slots.residual, whole=slots.whole)


def has_embedded() -> bool:
    """Whether a pre-trained decoder comes with this package."""
    return (files("turnwise") / "decoders" / EMBEDDED / "decoder.json").is_file()


def _labels(given: Sequence[Dialogue], slots: Sequence[str]) -> tuple[str, ...]:
    annotated = [turn for dialogue in given for turn in dialogue.turns if LAYER in turn.spans]
    counts = Counter(span.label for turn in annotated for span in turn.spans[LAYER])
    if not counts:
        said = "is empty in every turn" if annotated else "is in no turn"
        raise CorpusError(f"the layer spans.{LAYER!r} {said}; at least one marked value is needed")
    if unknown := [slot for slot in slots if slot not in counts]:
        raise CorpusError(
            f"the slot {unknown[0]!r} has no value in the dialogues; {nearest(unknown[0], sorted(counts))}"
        )
    return tuple(dict.fromkeys(slots)) or tuple(sorted(counts))


def _read(
    given: Sequence[Dialogue], fitting: SlotsFitting, reader: Encoder, whole: bool
) -> tuple[list[Sentence], States, dict[int, list[int]]]:
    """The sentences, those with swapped values last, their states, and by rows of sentences those of their like."""
    more = swapped(given, fitting.training.swaps, fitting.training.seed) if fitting.training.swaps else []
    found = sentences([*given, *(one.new for one in more)], reader.codec, whole=whole, gold=True)
    if not found:
        raise CorpusError(f"every turn with the layer spans.{LAYER!r} is empty; there is nothing to learn from")
    places = {(one.window.dialogue, one.window.turn): row for row, one in reversed(list(enumerate(found)))}
    alike: dict[int, list[int]] = {}
    for number, one in enumerate(more, start=len(given)):
        if (number, 0) in places and (one.dialogue, one.turn) in places:
            alike.setdefault(places[one.dialogue, one.turn], []).append(places[number, 0])
    states = encode(found, reader, reader.codec, half=len(found) > 2_000)
    return found, states, alike


def _trained(
    found: Sequence[Sentence],
    states: States,
    alike: dict[int, list[int]],
    labels: Sequence[str],
    names: Names | None,
    first: Stack,
    fitting: SlotsFitting,
    beside: Stack | None,
    on_step: OnStep | None,
) -> Stack:
    """A stack for ``labels``, all at once, or slot by slot where each has batches of its own."""
    slots, training = fitting.slots, fitting.training
    groups = [tuple(labels)] if training.valued is None else [(label,) for label in labels]
    stacks = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        for number, group in enumerate(groups):
            stack = varied(repeated(first, len(group) * slots.members))
            if beside is not None:
                stack.shared.load_state_dict(beside.shared.state_dict())
            frozen = beside is not None or training.shared_rate == 0
            own = names if names is None or training.valued is None else names.only(number)
            material = Material(found, states, group, own, alike)
            train(stack, material, training, members=slots.members, frozen=frozen, on_step=on_step)
            stacks.append(stack)
    return joined_stacks(stacks, slots.members)


def _kept(found: Sequence[Sentence], states: States, labels: Sequence[str]) -> Kept:
    marked = [(row, tuple(sorted(set(labels) & set(one.values or {})))) for row, one in enumerate(found)]
    named = [(row, slots) for row, slots in marked if slots][:_KEPT]
    vectors = states.vectors[[row for row, _ in named]] if named else np.zeros((0, 0), dtype=np.float32)
    return Kept(tuple(found[row].text for row, _ in named), tuple(slots for _, slots in named), vectors)


def _facts(
    given: Sequence[Dialogue], found: Sequence[Sentence], labels: Sequence[str], encoder: Encoder, fitting: SlotsFitting
) -> dict[str, Any]:
    return {
        "turnwise": __version__,
        "encoder": encoder.name,
        "dialogues": len(given),
        "examples": len(found),
        "values": dict(Counter(slot for one in found for slot in one.values or ())),
        "ceiling": ceiling(given),
        "training": asdict(fitting.training),
    }
