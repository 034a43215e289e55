"""Leaks of objectives: what can be told from roles, lengths, positions and counts alone, without a word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict
from torch import Tensor

from turnwise.codec import Codec, Encoding
from turnwise.errors import InputError
from turnwise.objectives.masked_speaker import MaskedSpeaker
from turnwise.objectives.objective import Batch, Draws, Objective, Rider
from turnwise.objectives.places import Place, Places
from turnwise.sequences import AGENT_MARK, CUSTOMER_MARK, TEXT, Composer

_CHUNK = 64
_EPOCHS = 5
"""How often a small corpus is drawn from."""
_FOLDS = 4
_NEAR = 3
"""Turns before and after the one in question that the probe sees."""
_NONE = -1.0


@dataclass(frozen=True, slots=True)
class _Run:
    """A turn, response or profile as the probe sees it: where it starts, its leading token's mark, its words."""

    start: int
    mark: int
    length: int


@dataclass(frozen=True, slots=True)
class _Question:
    features: list[float]
    answer: int
    group: int


def probe(
    objective: Objective,
    examples: Places,
    codec: Codec,
    seed: int,
    *,
    rider: Rider | None = None,
    limit: int = 2000,
) -> dict[str, float]:
    """How far gradient boosting gets on an objective, or on ``rider`` riding on it, without seeing a word.

    Its features are the roles, lengths and positions of the turns and their number; for masked speakers, the speaker
    tokens and segments that can still be seen. At most ``limit`` examples, drawn by the seed, are asked,
    cross-validated over dialogues; a small corpus is drawn from up to five times. Returns ``probe accuracy`` and its
    ``standard error`` over dialogues; ``chance``, 1 over the number of classes; ``majority``, the share of the
    commonest class; and ``predictions``, how many there were. Without a leak the accuracy stays within a few standard
    errors of the larger of chance and majority.
    Raises InputError for an objective that has no classes, and when there are too few dialogues.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(examples))[:limit]).tolist()
    questions: list[_Question] = []
    epochs = min(_EPOCHS, max(1, limit // len(rows)))
    for epoch, at in product(range(epochs), range(0, len(rows), _CHUNK)):
        chunk = rows[at : at + _CHUNK]
        places = [examples[row] for row in chunk]
        draws = Draws(seed, 0, epoch, tuple(chunk))
        batch = objective.collate(places, codec, draws)
        if rider is not None:
            questions += _ridden(rider, batch, places, codec, draws)
        elif "place" in batch.targets:
            questions += _moved(batch, places)
        elif "labels" in batch.targets:
            questions += _labelled(batch, places)
        else:
            raise InputError(f"{objective.name} has no classes to tell apart, so there is nothing to probe")
    return _score(questions, seed)


def _score(questions: Sequence[_Question], seed: int) -> dict[str, float]:
    if len({question.group for question in questions}) < _FOLDS:
        raise InputError(f"a probe needs predictions in at least {_FOLDS} dialogues; give more of them")
    features = np.array([question.features for question in questions])
    answers = np.array([question.answer for question in questions])
    groups = np.array([question.group for question in questions])
    model = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.1, min_samples_leaf=15, random_state=seed)
    right = cross_val_predict(model, features, answers, groups=groups, cv=GroupKFold(_FOLDS)) == answers
    counts = np.bincount(answers)
    # Predictions in one dialogue are not independent, so the error is that of sums over dialogues.
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], weights=right - right.mean())
    return {
        "probe accuracy": float(right.mean()),
        "standard error": float(np.sqrt((sums**2).sum()) / len(answers)),
        "chance": 1 / int((counts > 0).sum()),
        "majority": float(counts.max() / len(answers)),
        "predictions": float(len(answers)),
    }


def _labelled(batch: Batch, places: Sequence[Place]) -> Iterator[_Question]:
    """One class a row; rows of one example, such as a true response and another, stand together."""
    encoding, labels = batch.encodings[0], batch.targets["labels"].tolist()
    sources = _sources(batch, places)
    for row, (label, place) in enumerate(zip(labels, sources, strict=True)):
        yield _Question(_of_row(_runs(encoding, row)), int(label), _dialogue(place))


def _sources(batch: Batch, places: Sequence[Place]) -> list[Place]:
    """The place of each row of the first encoding: a true response, label 1, opens that of the next example."""
    labels = batch.targets["labels"].tolist()
    if len(labels) == len(places):
        return list(places)
    number, found = -1, []
    for label in labels:
        number += int(label == 1)
        found.append(places[number])
    return found


def _moved(batch: Batch, places: Sequence[Place]) -> Iterator[_Question]:
    """The place of each shuffled utterance in its group."""
    encoding = batch.encodings[0]
    for group, order in zip(batch.targets["place"].tolist(), batch.targets["order"].tolist(), strict=True):
        row = group[0][0]
        runs = _runs(encoding, row)
        at = {run.start: number for number, run in enumerate(runs)}
        slots = [at[position] for _, position in group]
        shared = [feature for slot in slots for feature in _around(runs, slot)]
        for number, answer in enumerate(order):
            yield _Question([float(number), runs[slots[number]].length, *shared], answer, _dialogue(places[row]))


def _ridden(rider: Rider, batch: Batch, places: Sequence[Place], codec: Codec, draws: Draws) -> Iterator[_Question]:
    """The speaker of each hidden speaker token."""
    if not isinstance(rider, MaskedSpeaker):
        raise InputError(f"{rider.name} asks for words; a probe that sees none has nothing to say")
    known = Composer(codec).speaker_ids()
    sources = _sources(batch, places) if "labels" in batch.targets else list(places)
    for whole in batch.encodings:
        encoding, targets = rider.corrupt(whole, codec, draws)
        width = encoding.ids.shape[1]
        for position, answer in zip(targets["positions"].tolist(), targets["labels"].tolist(), strict=True):
            row, place = divmod(position, width)
            runs = _runs(encoding, row)
            at = next(number for number, run in enumerate(runs) if run.start == place)
            features = _seen(encoding, row, runs, at, known)
            yield _Question(features, int(answer), _dialogue(sources[row]))


def _dialogue(place: Place) -> int:
    return place.store.dialogue_of(place.start)


def _runs(encoding: Encoding, row: int) -> list[_Run]:
    """The parts of a sequence, each opened by a speaker token or another special one; empty ones are left out."""
    assert encoding.marks is not None
    marks: Tensor = encoding.marks[row][encoding.mask[row].bool()]
    opening = [at for at, mark in enumerate(marks.tolist()) if mark != TEXT]
    runs = [_Run(at, int(marks[at]), end - at - 1) for at, end in pairwise([*opening, len(marks)])]
    return [run for run in runs if run.length or run.mark in (CUSTOMER_MARK, AGENT_MARK)]


def _of_row(runs: Sequence[_Run]) -> list[float]:
    """Number and lengths of the turns, the first and the last ones, and what is usual for each speaker."""
    features = [float(len(runs)), float(sum(run.length for run in runs))]
    features.append(float(sum(one.mark == other.mark for one, other in pairwise(runs))))
    for at in (*range(4), *range(-1, -7, -1)):
        there = -len(runs) <= at < len(runs)
        features += [float(runs[at].mark), float(runs[at].length)] if there else [_NONE, _NONE]
    for mark in (CUSTOMER_MARK, AGENT_MARK):
        lengths: NDArray[np.float64] = np.array([run.length for run in runs if run.mark == mark], dtype=float)
        if len(lengths):
            features += [len(lengths), lengths.mean(), lengths.std(), lengths.min(), lengths.max()]
        else:
            features += [0.0, _NONE, _NONE, _NONE, _NONE]
    return features


def _around(runs: Sequence[_Run], at: int) -> list[float]:
    """Where a turn is, and marks and lengths of it and its neighbours."""
    features = [float(at), float(len(runs) - at), float(runs[at].mark), float(runs[at].length)]
    for other in (at - 1, at + 1):
        there = 0 <= other < len(runs)
        features += [float(runs[other].mark), float(runs[other].length)] if there else [_NONE, _NONE]
    return features


def _seen(encoding: Encoding, row: int, runs: Sequence[_Run], at: int, known: dict[int, int]) -> list[float]:
    """What is still to be seen of who speaks: speaker tokens, segments of tokens and words, and lengths."""
    features = [float(at), float(len(runs) - at)]
    for other in range(at - _NEAR, at + _NEAR + 1):
        if not 0 <= other < len(runs):
            features += [_NONE] * 4
            continue
        run = runs[other]
        token = int(encoding.ids[row, run.start])
        seen = [run.start, min(run.start + run.length, run.start + 1)]
        segments = [_NONE] * 2 if encoding.segments is None else encoding.segments[row, seen].tolist()
        features += [float(known.get(token, 0)), float(run.length), *segments]
    edge = [0, int(encoding.mask[row].sum()) - 1]
    return features + ([_NONE] * 2 if encoding.segments is None else encoding.segments[row, edge].tolist())
