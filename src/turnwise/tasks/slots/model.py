"""A fitted labeller of slots: a frozen encoder, its stack of decoders, and what explains the answers."""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from turnwise.dialogue import Dialogue, Evidence, Neighbour, Span
from turnwise.encoder import Encoder
from turnwise.errors import InputError, ModelError
from turnwise.files import atomic_folder
from turnwise.span_decoder import SpanDecoder
from turnwise.tasks.card import card_of
from turnwise.tasks.contexts import tokens_of
from turnwise.tasks.fitted import Asked, in_parts
from turnwise.tasks.folder import MARKS, read_arrays, read_task, write_arrays, write_task
from turnwise.tasks.model import only_last
from turnwise.tasks.slots.joint import best_values
from turnwise.tasks.slots.measure import measure_slots
from turnwise.tasks.slots.recipe import Slots
from turnwise.tasks.slots.sentences import LAYER, Sentence, queries, sentences, span_of
from turnwise.tasks.slots.stack import Names, Stack
from turnwise.tasks.slots.states import States, encode
from turnwise.tasks.slots.train import WIDTH, Material, scores
from turnwise.tasks.slots.values import normalised

_STACK, _MEMORY = "decoders.safetensors", "memory.safetensors"
_CELLS = 250_000
"""Answers, slots x members x spans, of one computation."""
_NEAR = 3


@dataclass(frozen=True)
class SlotsTask:
    """What a labeller of slots says of itself."""

    name: str = "slots"
    layer: str = LAYER
    paper: str = "ConVEx (Henderson and Vulic, 2021), 2.3 and 3: few-shot slot labelling"


@dataclass(frozen=True)
class Kept:
    """Training sentences that explain answers: ``texts``, the slots with a value in each, unit ``vectors``."""

    texts: tuple[str, ...]
    slots: tuple[tuple[str, ...], ...]
    vectors: NDArray[np.float32]

    def near(self, vectors: NDArray[np.float32]) -> list[tuple[Neighbour, ...]]:
        """The most similar ones of each vector, best first."""
        if not self.texts:
            return [()] * len(vectors)
        cosines = vectors @ self.vectors.T
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEAR]
        return [
            tuple(Neighbour(self.texts[at], self.slots[at], float(min(1.0, row[at]))) for at in best)
            for row, best in zip(cosines, order, strict=True)
        ]


class SlotModel:
    """What ``fit_slots`` returns: at most one value a slot in a sentence, each with its probability.

    ``labels`` are the slots; ``whole`` says that no value splits a word, ``overlapping`` names the pairs of slots whose
    values may overlap, ``values`` maps slots to what their values are normalised as (see
    ``turnwise.tasks.slots.values``). Decoder ``member * slots + slot`` is that of a slot.
    """

    task = SlotsTask()

    def __init__(
        self,
        slots: Slots,
        encoder: Encoder,
        labels: Sequence[str],
        stack: Stack,
        kept: Kept,
        *,
        whole: bool,
        names: Names | None = None,
        overlapping: Sequence[Sequence[str]] = (),
        values: dict[str, str] | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.slots, self.encoder, self.stack, self.kept = slots, encoder.eval(), stack.eval(), kept
        self.labels = tuple(labels)
        self.whole = whole
        self.names = names
        self.overlapping = [list(pair) for pair in overlapping]
        self.values = values or {}
        self.facts = facts or {}
        self.version = "unsaved"

    def annotate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        last: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Dialogue]:
        """The dialogues with the layer ``slots`` filled in, or replaced; with ``last`` that of the last turn alone.

        ``progress`` gets the number of dialogues just done.
        """
        return in_parts(lambda part: self.ask(part, last=last).fill(part), dialogues, progress)

    def ask(self, dialogues: Sequence[Dialogue], *, last: bool) -> Asked:
        """What ``annotate`` asks about some dialogues, and how it fills their layer in."""
        found = sentences(dialogues, self.encoder.codec, whole=self.whole, gold=False, last=last)

        def fill(given: Sequence[Dialogue]) -> list[Dialogue]:
            filled = self.filled(given, found, encode(found, self.encoder, self.encoder.codec), last=last)
            return [only_last(*pair) for pair in zip(given, filled, strict=True)] if last else filled

        return Asked(lambda: [tokens_of(one.window.row) for one in found], fill)

    def predict(self, dialogue: Dialogue) -> Dialogue:
        """One dialogue with its slots filled in."""
        return next(iter(self.annotate([dialogue])))

    def filled(
        self, dialogues: Sequence[Dialogue], asked: Sequence[Sentence], states: States, *, last: bool = False
    ) -> list[Dialogue]:
        """The dialogues with what the model answers to their sentences, whose states are there already."""
        near = self.kept.near(states.vectors)
        answers = self.answers(asked, states)
        found: dict[tuple[int, int], list[int]] = {}
        for row, one in enumerate(asked):
            found.setdefault((one.window.dialogue, one.window.turn), []).append(row)
        return [
            self._with_layer(dialogue, number, found, asked, answers, near, last)
            for number, dialogue in enumerate(dialogues)
        ]

    def _with_layer(
        self,
        dialogue: Dialogue,
        number: int,
        found: dict[tuple[int, int], list[int]],
        asked: Sequence[Sentence],
        answers: Sequence[Sequence[Span]],
        near: Sequence[tuple[Neighbour, ...]],
        last: bool,
    ) -> Dialogue:
        turns = list(dialogue.turns)
        for at in queries(dialogue):
            rows = found.get((number, at), [])
            if last and not rows:
                continue
            turn = turns[at]
            spans = sorted((span for row in rows for span in answers[row]), key=lambda s: (s.start, s.end, s.label))
            spans = [replace(s, value=self._value(turn.text[s.start : s.end], s.label)) for s in spans]
            evidence = Evidence(
                neighbours=near[rows[0]] if rows else (), truncated=any(asked[row].window.truncated for row in rows)
            )
            turns[at] = replace(
                turn, spans={**turn.spans, LAYER: tuple(spans)}, evidence={**turn.evidence, LAYER: evidence}
            )
        return replace(dialogue, turns=tuple(turns))

    def _value(self, text: str, slot: str) -> str | None:
        return normalised(text, self.values[slot]) if slot in self.values else None

    def answers(self, asked: Sequence[Sentence], states: States) -> list[list[Span]]:
        """The spans of each sentence, with their probability."""
        found: list[list[Span]] = [[] for _ in asked]
        if not asked:
            return found
        material = Material(asked, states, self.labels)
        names = None if self.names is None else self.names.repeat(self.slots.members)
        order = torch.argsort(states.lengths, stable=True).tolist()
        with torch.inference_mode():
            for rows in _parts(order, states.lengths.tolist(), self.stack.decoders):
                values, features, packed, may = material.batch(torch.tensor(rows), self.slots.members)
                read = (values[None], values[None]) if self.stack.whole else self.stack.projected(values)
                each = scores(self.stack, read, features, packed, may, names).softmax(2)
                mean = each.unflatten(0, (self.slots.members, -1)).mean(0)
                starts, ends, sure = best_values(mean, packed.mask.shape[1], self.labels, self.overlapping)
                for slot, (s, e, p) in enumerate(zip(starts.tolist(), ends.tolist(), sure.tolist(), strict=True)):
                    for row, start, end, score in zip(rows, s, e, p, strict=True):
                        span = span_of(asked[row], start, end, self.labels[slot], min(1.0, score)) if end else None
                        if span is not None:
                            found[row].append(span)
        return found

    def evaluate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        draws: int = 1000,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """See ``measure_slots``; values of ``unknown_labels``, which training had not, count as missed.

        Raises InputError when no turn has the layer.
        """
        given = list(dialogues)
        found = measure_slots(given, list(self.annotate(given, progress=progress)), draws=draws, seed=seed)
        marked = {span.label for d in given for turn in d.turns for span in turn.spans.get(LAYER, ())}
        unknown = sorted(marked - set(self.labels))
        return {
            "task": self.task.name,
            "model": self.version,
            **found,
            "unknown_labels": unknown,
        }

    def save(self, folder: Path, *, encoder: bool = True) -> None:
        """Write the model folder, atomically: task.json, encoder/, the decoders, README.md.

        Without ``encoder`` that is left to whoever shares it. Raises StorageError when the disk refuses; an older
        folder is then untouched.
        """
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            if encoder:
                (temporary / "encoder").mkdir()
                self.encoder.write(temporary / "encoder")
            save_file({name: value.contiguous() for name, value in self.stack.state_dict().items()}, temporary / _STACK)
            arrays = {"vectors": self.kept.vectors}
            if self.names is not None:
                arrays |= {"names": self.names.states.numpy(), "names_mask": self.names.mask.numpy()}
            write_arrays(temporary / _MEMORY, arrays)
            content = {
                "encoder": self.facts.get("encoder", self.encoder.name),
                "max_tokens": self.encoder.codec.max_tokens,
                "layers": list(self.encoder.layers),
                "parameters": asdict(self.slots),
                "labels": list(self.labels),
                "whole": self.whole,
                "overlapping": self.overlapping,
                "values": self.values,
                "shape": self.stack.shape,
                "memory": {"texts": list(self.kept.texts), "slots": [list(slots) for slots in self.kept.slots]},
                "facts": self.facts,
            }
            self.version = write_task(temporary, self.task.name, content)
            learned = f"{self.facts.get('examples', '?')} sentences"
            text = card_of(
                self.task.name,
                self.task.paper,
                self.version,
                content,
                learned=learned,
                more=f"It learned from the layer `{LAYER}`; the encoder stayed as it was.",
                chosen="Nothing",
                answers=("Slots", [", ".join(f"`{label}`" for label in self.labels)]),
            )
            (temporary / "README.md").write_text(text, encoding="utf-8")


def load_slots(folder: Path, encoder: Encoder | None = None) -> SlotModel:
    """Read a model folder; ``encoder`` is one that it shares with others.

    Raises ModelError when it is not whole, damaged or not there, or of another task.
    """
    folder = Path(folder)
    document = read_task(folder, SlotsTask.name)
    try:
        slots = Slots(**document["parameters"])
        if encoder is None:
            encoder = Encoder.load(folder / "encoder", max_tokens=int(document["max_tokens"]))
        encoder = copy.copy(encoder)
        encoder.layers = tuple(document["layers"])
        labels = tuple(document["labels"])
        base = SpanDecoder(encoder.state_dim, **document["shape"])
        stack = Stack(base, len(labels) * slots.members, WIDTH, hidden=slots.residual, whole=slots.whole)
        stack.load_state_dict(load_file(folder / _STACK))
        memory = document["memory"]
        arrays = read_arrays(folder / _MEMORY)
        names = None
        if slots.names:
            names = Names(torch.from_numpy(arrays["names"]), torch.from_numpy(arrays["names_mask"]))
        kept = Kept(tuple(memory["texts"]), tuple(tuple(found) for found in memory["slots"]), arrays["vectors"])
        model = SlotModel(
            slots,
            encoder,
            labels,
            stack,
            kept,
            whole=bool(document["whole"]),
            names=names,
            overlapping=document["overlapping"],
            values=dict(document["values"]),
            facts=document["facts"],
        )
        model.version = document["version"]
    except (KeyError, TypeError, ValueError, InputError, RuntimeError, OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder} cannot be read as a model of slots: {reason}; fit it again") from None
    return model


def _parts(order: Sequence[int], lengths: Sequence[int], decoders: int) -> Iterator[list[int]]:
    part: list[int] = []
    for row in order:
        if part and (len(part) + 1) * decoders * lengths[row] ** 2 > max(_CELLS, decoders * lengths[row] ** 2):
            yield part
            part = []
        part.append(row)
    if part:
        yield part
