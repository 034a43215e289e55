"""Measured means are those worked by hand; the questions are the same before and after training."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.evaluation import evaluate
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective
from turnwise.parts import Part
from turnwise.training import Settings, train


@dataclass(frozen=True)
class Numbers(Objective):
    """An example is (loss, things in it); a batch's loss is the mean over its things, its score the example's loss."""

    batch_size: int = 2
    name: ClassVar[str] = "numbers"
    paper: ClassVar[str] = ""
    seen: ClassVar[list[tuple[Draws, list[Any]]]] = []

    def head(self, encoder: Encoder, examples: Sequence[Any]) -> nn.Module:
        return nn.Identity()

    def batches(self, examples: Sequence[Any], rng: np.random.Generator) -> Iterator[list[int]]:
        for at in range(0, len(examples), self.batch_size):
            yield list(range(at, min(at + self.batch_size, len(examples))))

    def epoch_steps(self, examples: Sequence[Any]) -> int:
        return -(-len(examples) // self.batch_size)

    def collate(self, examples: Sequence[Any], codec: Codec, draws: Draws) -> Batch:
        self.seen.append((draws, list(examples)))
        encoding = codec.batch(codec.tokenise(["my card"] * len(examples)))
        values = torch.tensor(examples, dtype=torch.float32)
        return Batch((encoding,), {"values": values}, int(values[:, 1].sum()))

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        assert not torch.is_grad_enabled()
        losses, counts = batch.targets["values"].T
        return (losses * counts).sum() / counts.sum()

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return {"value": batch.targets["values"][:, 0]}


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Numbers, "seen", [])


EXAMPLES = [(1.0, 1), (2.0, 3), (10.0, 2)]


def test_means_are_over_what_a_loss_counts_and_scores_over_rows(tiny: Encoder) -> None:
    """Batches (1, 2) and (10): (1 * 1 + 2 * 3 + 10 * 2) / 6 = 4.5; rows alone: 13 / 3."""
    found = evaluate(tiny, [Part(Numbers(), EXAMPLES, nn.Identity())])
    assert found == {"numbers": {"loss": pytest.approx(4.5), "value": pytest.approx(13 / 3)}}


def test_a_batch_that_counts_nothing_has_no_part_in_the_loss(tiny: Encoder) -> None:
    part = Part(Numbers(batch_size=1), [(7.0, 0), (3.0, 2)], nn.Identity())
    assert evaluate(tiny, [part])["numbers"]["loss"] == pytest.approx(3.0)
    assert evaluate(tiny, [replace(part, examples=[(7.0, 0)])]) == {}


@pytest.mark.parametrize(("limit", "expected"), [(None, [2, 2, 1]), (5, [2, 2, 1]), (4, [2, 2]), (3, [2]), (1, [1])])
def test_at_most_so_many_examples_are_measured_in_whole_batches(
    tiny: Encoder, limit: int | None, expected: list[int]
) -> None:
    evaluate(tiny, [Part(Numbers(), [(1.0, 1)] * 5, nn.Identity())], limit=limit)
    assert [len(examples) for _, examples in Numbers.seen] == expected


def test_parts_of_one_objective_are_told_apart(tiny: Encoder) -> None:
    parts = [Part(Numbers(), EXAMPLES[:1], nn.Identity()), Part(Numbers(), EXAMPLES[2:], nn.Identity())]
    found = evaluate(tiny, parts)
    assert {title: values["loss"] for title, values in found.items()} == {"numbers 1": 1.0, "numbers 2": 10.0}


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_left_as_it_was_and_dropout_is_off(tiny: Encoder, training: bool) -> None:
    tiny.train(training)
    part = Part(Numbers(), EXAMPLES, nn.Identity())
    state = torch.random.get_rng_state()
    evaluate(tiny, [part])
    assert tiny.training is tiny.backbone.training is training
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_questions_before_and_after_training_are_the_same(
    runs: ModuleType, checkpoint: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = runs.loaded(checkpoint("bert"))
    parts = runs.mixture(encoder, ("next_turn", "speaker", "response_ranking"), riders=True)
    asked: list[list[int]] = []
    forward = Encoder.forward

    def watched(self: Encoder, encoding: Any) -> Tensor:
        if not torch.is_grad_enabled():
            asked.append(encoding.ids.flatten().tolist())
        return forward(self, encoding)

    monkeypatch.setattr(Encoder, "forward", watched)
    before = evaluate(encoder, parts, limit=20)
    first, asked[:] = list(asked), []
    assert evaluate(encoder, parts, limit=20) == before
    asked[:] = []
    for _ in train(encoder, parts, Settings(steps=12, learning_rate=3e-3, precision="fp32")):
        pass
    after = evaluate(encoder, parts, limit=20)
    assert asked == first
    assert set(after) == {"next_turn", "masked_lm", "masked_speaker", "speaker", "response_ranking"}
    assert {name: set(values) for name, values in after.items()} == {
        "next_turn": {"loss", "accuracy"},
        "speaker": {"loss", "accuracy"},
        "response_ranking": {"loss", "recall@1"},
        "masked_lm": {"loss", "nats", "accuracy"},
        "masked_speaker": {"loss", "accuracy"},
    }
    assert after["masked_lm"]["loss"] == pytest.approx(after["masked_lm"]["nats"], abs=1e-4)
    assert sum(row["loss"] for row in after.values()) < sum(row["loss"] for row in before.values())


def test_another_seed_asks_other_questions(runs: ModuleType, checkpoint: Callable[[str], Path]) -> None:
    encoder = runs.loaded(checkpoint("bert"))
    parts = runs.mixture(encoder, ("next_turn",), riders=True)
    assert evaluate(encoder, parts, seed=1) != evaluate(encoder, parts, seed=2)
