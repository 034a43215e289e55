"""The tasks of the grid: what each is fitted and measured on, how much of it, and the figures it gives."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import _task_data
import dsdf_intent
import selection
import state
import tasks
from _grid_names import TASK_FIGURES
from turnwise.metrics import intent_metrics
from turnwise.tasks.intent.examples import Utterance, shots

Data = tuple[Sequence[Any], Sequence[Any], Sequence[Any]]
"""Train, dev, test: dialogues, or utterances."""


@dataclass(frozen=True)
class Limits:
    """How many dialogues of each part (of INT: utterances an intent), epochs and batch; None is all, or the recipe's.

    Training dialogues are drawn with the seed, so arms with one seed learn from the same ones; dev and test are
    the same for all.
    """

    train: int | None = None
    dev: int | None = None
    test: int | None = None
    epochs: int | None = None
    batch_size: int | None = None

    def training(self) -> dict[str, Any]:
        """The table of the recipe."""
        return {} if self.epochs is None else {"epochs": self.epochs}


@dataclass(frozen=True)
class Task:
    """``parts()`` is all data, ``cut(parts, limits, seed)`` what limits take of it.

    ``measure(parts, encoder, seed, limits)`` fits and evaluates; ``limits`` are those of each size that has some.
    """

    limits: Mapping[str, Limits]
    parts: Callable[[], Data]
    cut: Callable[[Data, Limits, int], Data]
    measure: Callable[[Data, str, int, Limits], dict[str, Any]]


def run(name: str, encoder: str, seed: int, limits: Limits) -> dict[str, Any]:
    """The figures of a task from one encoder with one seed, and the number of answers."""
    task = TASKS[name]
    found = task.measure(task.cut(task.parts(), limits, seed), encoder, seed, limits)
    return {key: found[key] for key in TASK_FIGURES[name].metrics} | {"n": found["n"]}


@functools.cache
def _utterances() -> Data:
    return dsdf_intent.part("train"), dsdf_intent.part("val"), dsdf_intent.part("test")


@functools.cache
def _acts() -> Data:
    return _task_data.gsim()


@functools.cache
def _responses() -> Data:
    train, dev, test = (selection.part("gsim", name, None) for name in ("train", "dev", "test"))
    return train, dev, test


@functools.cache
def _states() -> Data:
    cell = state.CELLS["woz2"]
    return state.read(cell, cell.train), state.read(cell, cell.dev), state.read(cell, cell.test)


def _dialogues(parts: Data, limits: Limits, seed: int) -> Data:
    train, dev, test = parts
    return (
        _task_data.drawn(train, limits.train, seed),
        _task_data.drawn(dev, limits.dev),
        _task_data.drawn(test, limits.test),
    )


def _shots(parts: Data, limits: Limits, seed: int) -> Data:
    """So many utterances of each intent; all that are out of scope."""

    def some(found: Sequence[Utterance], number: int | None, seed: int) -> Sequence[Utterance]:
        return found if number is None else shots(found, number, seed)

    train, dev, test = parts
    return some(train, limits.train, seed), some(dev, limits.dev, 0), some(test, limits.test, 0)


def _intents(parts: Data, encoder: str, seed: int, limits: Limits) -> dict[str, Any]:
    train, dev, test = parts
    model = dsdf_intent.fit("softmax", train, dev, encoder, seed, {"training": limits.training()})
    return intent_metrics(model.outcomes(test)[0], draws=0)


def _next_acts(parts: Data, encoder: str, seed: int, limits: Limits) -> dict[str, Any]:
    protocol = _task_data.PROTOCOLS["acts-next/gsim"]
    train, dev, test = (list(part) for part in parts)
    return tasks.measure(protocol, (train, dev, test), encoder, seed, {"training": limits.training()})


def _selection(parts: Data, encoder: str, seed: int, limits: Limits) -> dict[str, Any]:
    tables = {"training": limits.training()}
    if limits.batch_size is not None:
        tables["parameters"] = {"batch_size": limits.batch_size}
    train, dev, test = (list(part) for part in parts)
    return selection.measure((train, dev, test), encoder, seed, tables)


def _tracking(parts: Data, encoder: str, seed: int, limits: Limits) -> dict[str, Any]:
    train, dev, test = (list(part) for part in parts)
    return state.measure("woz2", "default", (train, dev, test), encoder, seed, {"training": limits.training()})


TASKS = {
    "INT": Task({"small": Limits(train=10, dev=5), "medium": Limits(train=30, dev=10)}, _utterances, _shots, _intents),
    "DA": Task(
        {
            "small": Limits(train=120, dev=60, test=200, epochs=3),
            "medium": Limits(train=400, dev=120, epochs=4),
        },
        _acts,
        _dialogues,
        _next_acts,
    ),
    "RS": Task(
        {
            "small": Limits(train=100, dev=60, test=300, epochs=3, batch_size=32),
            "medium": Limits(train=400, dev=120, epochs=5),
        },
        _responses,
        _dialogues,
        _selection,
    ),
    "DST": Task(
        {
            "small": Limits(train=150, dev=60, test=200, epochs=4),
            "medium": Limits(train=300, dev=100, epochs=6),
        },
        _states,
        _dialogues,
        _tracking,
    ),
}
