"""From scores of turns to states: what each turn does is done to the state before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from turnwise.dialogue import Evidence
from turnwise.tasks.answers.kind import SHOWN
from turnwise.tasks.state.columns import COLUMNS, WIDTH, Scores
from turnwise.tasks.state.examples import StateExample
from turnwise.tasks.state.ontology import Ontology
from turnwise.tasks.state.updates import CARRY, DELETE, INDIFFERENT, VALUE, State, agree
from turnwise.tasks.state.words import DONTCARE, Finder, words


@dataclass(frozen=True, slots=True)
class Filled:
    """What a slot holds: its value, the number of the turn that it came from, and how sure it is."""

    value: str
    turn: int
    score: float


@dataclass(frozen=True, slots=True)
class Tracked:
    """The state after a turn; ``score`` is the product over all slots, the empty ones too."""

    filled: dict[str, Filled]
    score: float

    @property
    def state(self) -> dict[str, tuple[str, ...]]:
        return {slot: (one.value,) for slot, one in self.filled.items()}

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """The number of the turn that each value came from."""
        return {slot: (str(one.turn),) for slot, one in self.filled.items()}

    def evidence(self, truncated: bool) -> Evidence:
        """``source_turn`` is the latest one; the alternatives are the slots' values, the least sure first."""
        slots = sorted(self.filled.items(), key=lambda item: item[1].score)
        return Evidence(
            self.score,
            tuple((f"{slot}={one.value}", one.score) for slot, one in slots[:SHOWN]),
            source_turn=max((one.turn for one in self.filled.values()), default=None),
            truncated=truncated,
        )


def stated(state: State, sources: object, evidence: Evidence, turn: int) -> Tracked:
    """The state after a turn as an annotated dialogue has it: what ``Tracked`` gave its layers.

    How sure a slot is stands among the alternatives; of slots that are not among them it is not known, and is 1.
    """
    known = {name.partition("=")[0]: score for name, score in evidence.alternatives}
    told = sources if isinstance(sources, Mapping) else {}
    filled = {
        slot: Filled(values[0], int(told.get(slot, (str(turn),))[0]), known.get(slot, 1.0))
        for slot, values in state.items()
        if values
    }
    return Tracked(filled, 1.0 if evidence.score is None else evidence.score)


def track(
    asked: Sequence[StateExample],
    scores: Scores,
    ontology: Ontology,
    copies: Sequence[bool] | None = None,
    start: Tracked | None = None,
) -> list[Tracked]:
    """The state after each turn of one dialogue, from scores (turns, slots * WIDTH) in its order.

    ``copies`` says of each slot whether a span may fill it; all when None. ``start`` is the state before the first
    of the turns.
    """
    found: list[Tracked] = []
    filled: dict[str, Filled] = {}
    sure = np.ones(len(ontology.slots))
    if start is not None:
        filled = {name: one for name, one in start.filled.items() if name in ontology.names}
        held = np.array([filled[name].score if name in filled else 0.0 for name in ontology.names])
        empty = held == 0.0
        rest = min(1.0, start.score / max(float(held[~empty].prod()), 1e-9))
        sure = np.where(empty, rest ** (1 / max(1, int(empty.sum()))), held)
    for example, row in zip(asked, scores.reshape(len(asked), len(ontology.slots), WIDTH), strict=True):
        filled = dict(filled)
        chances = row[:, :4]
        stays = chances.argmax(1) == CARRY
        empty = np.array([name not in filled for name in ontology.names], dtype=bool)
        sure = np.where(stays & empty, sure * chances[:, CARRY] + chances[:, DELETE], sure)
        for slot in np.flatnonzero(~(stays & empty)).tolist():
            name = ontology.names[slot]
            before = filled.get(name)
            after, sure[slot] = _applied(
                example, row[slot], before, float(sure[slot]), ontology, copies is None or copies[slot]
            )
            filled.pop(name, None)
            if after is not None:
                filled[name] = after
        sure = np.minimum(sure, 1.0)
        ordered = {name: filled[name] for name in ontology.names if name in filled}
        found.append(Tracked(ordered, float(sure.prod())))
    return found


def _applied(
    example: StateExample, row: Scores, before: Filled | None, sure: float, ontology: Ontology, copy: bool
) -> tuple[Filled | None, float]:
    """What a slot holds after its scores are heard, and how sure that is, ``sure`` being how sure it was."""
    chances = row[:4].tolist()
    operation = int(row[:4].argmax())
    carried = sure * chances[CARRY]
    if operation == DELETE:
        return None, chances[DELETE] + (carried if before is None else 0.0)
    value, chance = value_of(example, row, ontology, copy=copy)
    told = {DONTCARE: chances[INDIFFERENT]}
    if value is not None:
        told[value] = told.get(value, 0.0) + chances[VALUE] * chance
    if operation == CARRY or (operation == VALUE and value is None):
        if before is None:
            return None, carried + chances[DELETE]
        score = min(1.0, carried + sum(c for name, c in told.items() if agree((name,), (before.value,))))
        return Filled(before.value, before.turn, score), score
    wanted = DONTCARE if operation == INDIFFERENT or value is None else value
    if before is not None and agree((wanted,), (before.value,)):
        score = min(1.0, carried + told[wanted])
        return Filled(before.value, before.turn, score), score
    score = min(1.0, told[wanted])
    return Filled(wanted, source(example, wanted), score), score


def value_of(example: StateExample, row: Scores, ontology: Ontology, *, copy: bool) -> tuple[str | None, float]:
    """The likelier of the best listed value and, with ``copy``, the best span, and its probability.

    None where there is neither.
    """
    number = int(row[COLUMNS.value])
    listed = ontology.values[number][1] if number >= 0 else None
    picked, copied = float(row[COLUMNS.picked]) if listed is not None else 0.0, float(row[COLUMNS.copied])
    if not copy:
        return listed, min(1.0, picked / max(1 - copied, 1e-9))
    span = _span(example, int(row[COLUMNS.start]), int(row[COLUMNS.end])) if copied > picked else None
    if span is None:
        return listed, picked
    both = listed is not None and agree((span,), (listed,))
    return span, copied * float(row[COLUMNS.span]) + (picked if both else 0.0)


def _span(example: StateExample, first: int, last: int) -> str | None:
    """What tokens of a sequence stand for; None where they are not of one turn."""
    turn = int(example.turns[first])
    if turn < 0 or turn != int(example.turns[last]):
        return None
    zero = int(np.flatnonzero(example.turns == turn)[0])
    piece = example.said.pieces[turn]
    return example.said.texts[turn][piece.starts[first - zero] : piece.ends[last - zero]].strip() or None


def source(example: StateExample, value: str) -> int:
    """The latest turn of an example that names the value; the turn asked about where none does."""
    finder = Finder([(value, None)])
    read = sorted({turn for turn in example.turns.tolist() if turn >= 0}, reverse=True)
    naming = (turn for turn in read if next(finder.find(words(example.said.texts[turn])), None) is not None)
    return next(naming, example.turn)
