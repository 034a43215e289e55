"""Hand-off: epochs that take few of the turns without one, and probabilities that stay true."""

import math

import numpy as np
import pytest
import torch

from turnwise.encoder import Encoder
from turnwise.objectives.objective import Draws, Hidden
from turnwise.sequences import Row
from turnwise.tasks.handoff import HandOff
from turnwise.tasks.rows import Example, Examples


def examples(*answers: bool) -> Examples:
    row = Row(
        np.array([2, 8, 9, 3], dtype=np.int32),
        np.zeros(4, dtype=np.int8),
        np.ones(4, dtype=np.int8),
        (1,),
    )
    return Examples(
        [Example(row, np.array([float(yes)], dtype=np.float32), 0, at, False) for at, yes in enumerate(answers)], 1
    )


FEW = examples(True, *[False] * 40, True, *[False] * 37)


def epoch(task: HandOff, found: Examples, seed: int) -> list[list[int]]:
    return list(task.batches(found, np.random.default_rng(seed)))


def test_an_epoch_takes_all_hand_offs_and_some_others_drawn_anew() -> None:
    task = HandOff(batch_size=8, negatives=10)
    first, second = epoch(task, FEW, 0), epoch(task, FEW, 1)
    for batches in (first, second):
        rows = [row for batch in batches for row in batch]
        assert {0, 41} <= set(rows) and len(rows) == len(set(rows)) == 22
        assert [len(batch) for batch in sorted(batches, key=len)] == [6, 8, 8]
        assert len(batches) == task.epoch_steps(FEW)
    assert {row for batch in first for row in batch} != {row for batch in second for row in batch}
    assert first == epoch(task, FEW, 0)


@pytest.mark.parametrize(
    ("negatives", "found", "number"),
    [(0, FEW, 79), (100, FEW, 79), (3, examples(False, False, False, False), 3), (3, examples(True, True), 2)],
    ids=["all are wanted", "there are not so many", "none was handed off", "all were"],
)
def test_an_epoch_takes_what_there_is(negatives: int, found: Examples, number: int) -> None:
    task = HandOff(batch_size=4, negatives=negatives)
    rows = [row for batch in epoch(task, found, 0) for row in batch]
    assert len(rows) == len(set(rows)) == number
    assert task.epoch_steps(found) == len(epoch(task, found, 0)) == math.ceil(number / 4)


def test_the_odds_of_the_drawn_are_taken_back(tiny: Encoder) -> None:
    """77 turns without, 20 of them in an epoch: the odds of a yes are 3.85 times too high there."""
    task = HandOff(negatives=10)
    shown = task.for_training(FEW)
    assert {example.offset for example in shown.found} == {math.log(77 / 20)}
    assert {example.offset for example in HandOff(negatives=0).for_training(FEW).found} == {0.0}
    batch = task.collate(shown.found[:2], tiny.codec, Draws(0, 0, 0, (0, 1)))
    head = torch.nn.Linear(tiny.dim, 1)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, math.log(2 / 77))
    hidden = (Hidden(torch.zeros(2, 4, tiny.dim), torch.ones(2, 4)),)
    drawn = 2 / 22
    assert task.loss(hidden, head, batch).item() == pytest.approx(-(math.log(drawn) + math.log(1 - drawn)) / 2)
    assert task.decode(hidden, head, batch).tolist() == [[pytest.approx(2 / 79)]] * 2
