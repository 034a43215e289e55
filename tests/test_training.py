"""The loop: deterministic, scheduled as stated, and leaving what it promises."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

import turnwise.training as module
from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.layout import Layout
from turnwise.objectives import MaskedLM, MaskedSpeaker, WholeDialogue
from turnwise.objectives.objective import Objective
from turnwise.objectives.response_ranking import ResponseRanking
from turnwise.parts import Part, Ride, total_steps
from turnwise.store import TurnStore
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.training import Settings, Step, Training, train

QUICK = {"learning_rate": 1e-3, "precision": "fp32"}

Weights = dict[str, torch.Tensor]


def part(objective: Objective, encoder: Encoder, talks: Sequence[Dialogue], weight: float = 1.0) -> Part:
    corpus = talks if isinstance(objective, AllPairs) else TurnStore.of(talks, encoder.codec)
    examples = objective.examples(corpus, encoder.codec)
    return Part(objective, examples, objective.head(encoder, examples), weight)


def run(encoder: Encoder, parts: Sequence[Part], **values: Any) -> list[Step]:
    return list(train(encoder, parts, Settings(**{**QUICK, **values})))


def weights(encoder: Encoder) -> Weights:
    return {name: tensor.detach().clone() for name, tensor in encoder.backbone.state_dict().items()}


def trained(encoder: Encoder, talks: Sequence[Dialogue], **values: Any) -> Weights:
    again = copy.deepcopy(encoder)
    run(again, [part(ResponseRanking(batch_size=4), again, talks)], **values)
    return weights(again)


def equal(one: Weights, other: Weights) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def without_dropout(encoder: Encoder) -> Encoder:
    for layer in encoder.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    return encoder


def test_a_seed_gives_the_same_weights_to_the_bit_and_another_seed_others(tiny: Encoder, talks: list[Dialogue]) -> None:
    first, again = trained(tiny, talks, seed=3, steps=4), trained(tiny, talks, seed=3, steps=4)
    assert equal(first, again)
    assert not equal(first, trained(tiny, talks, seed=4, steps=4))
    assert not equal(first, weights(tiny))


class Recorded(ResponseRanking):
    """Keeps the batches that the loop drew."""

    drawn: ClassVar[list[tuple[int, ...]]] = []

    def batches(self, examples: Sequence[Any], rng: np.random.Generator) -> Iterator[list[int]]:
        for rows in super().batches(examples, rng):
            self.drawn.append(tuple(rows))
            yield rows


def test_every_seed_epoch_and_part_has_its_own_order(
    tiny: Encoder, talks: list[Dialogue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two parts of 3 batches in 2 epochs, drawn in turns: columns are parts."""

    def drawn(seed: int) -> list[list[tuple[int, ...]]]:
        monkeypatch.setattr(Recorded, "drawn", [])
        encoder = copy.deepcopy(tiny)
        run(encoder, [part(Recorded(batch_size=4), encoder, talks) for _ in range(2)], epochs=2, seed=seed)
        return [Recorded.drawn[at::2][epoch : epoch + 3] for at in range(2) for epoch in (0, 3)]

    orders = drawn(0)
    assert orders == drawn(0)
    assert all(sorted(row for batch in order for row in batch) == list(range(12)) for order in orders)
    everything = [*orders, *drawn(1)]
    assert all(one != other for at, one in enumerate(everything) for other in everything[:at])


def test_a_step_tells_what_it_did(tiny: Encoder, talks: list[Dialogue]) -> None:
    """12 pairs in batches of 4 are 3 steps an epoch, each encoding 4 contexts and 4 responses."""
    steps = run(tiny, [part(ResponseRanking(batch_size=4), tiny, talks)], epochs=2)
    assert [step.index for step in steps] == [1, 2, 3, 4, 5, 6]
    assert {step.total for step in steps} == {6}
    assert {step.sentences for step in steps} == {8}
    assert all(list(step.losses) == ["response_ranking"] and step.losses["response_ranking"] > 0 for step in steps)
    assert all(step.seconds > 0 for step in steps)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"epochs": 1.0}, 3),
        ({"epochs": 2.5}, 8),
        ({"epochs": 0.01}, 1),
        ({"epochs": 1.0, "min_steps": 20}, 20),
        ({"epochs": 9.0, "min_steps": 20}, 27),
        ({"epochs": 9.0, "min_steps": 20, "steps": 5}, 5),
    ],
)
def test_the_number_of_steps(tiny: Encoder, talks: list[Dialogue], values: dict[str, Any], expected: int) -> None:
    assert total_steps([part(ResponseRanking(batch_size=4), tiny, talks)], Settings(**values)) == expected


def test_an_epoch_is_that_of_the_longest_part(tiny: Encoder, talks: list[Dialogue]) -> None:
    parts = [part(ResponseRanking(batch_size=4), tiny, talks), part(AllPairs(), tiny, talks)]
    assert total_steps(parts, Settings()) == 3


def test_the_encoder_is_in_evaluation_mode_afterwards_even_when_stopped(tiny: Encoder, talks: list[Dialogue]) -> None:
    steps = train(tiny, [part(ResponseRanking(), tiny, talks)], Settings(**QUICK, steps=5))
    next(steps)
    assert tiny.backbone.training
    steps.close()
    assert not tiny.training
    assert not tiny.backbone.training


def test_parts_with_one_objective_keep_their_losses_apart(tiny: Encoder, talks: list[Dialogue]) -> None:
    parts = [part(ResponseRanking(), tiny, talks[:2]), part(AllPairs(), tiny, talks)]
    (step,) = run(tiny, [*parts, part(ResponseRanking(), tiny, talks[2:])], steps=1)
    assert list(step.losses) == ["response_ranking 1", "all_pairs", "response_ranking 3"]
    assert step.sentences == 12 + 8 + 12


def test_a_part_takes_part_in_its_share_of_the_steps_the_first_among_them(tiny: Encoder, talks: list[Dialogue]) -> None:
    whole, some = part(ResponseRanking(), tiny, talks), replace(part(AllPairs(), tiny, talks), share=0.4)
    steps = run(tiny, [whole, some], steps=10)
    assert ["all_pairs" in step.losses for step in steps] == [1, 0, 1, 0, 0, 1, 0, 1, 0, 0]
    assert all("response_ranking" in step.losses for step in steps)
    for share in (0.0, 1.1):
        with pytest.raises(InputError, match=f"the share of all_pairs is {share}, expected more than 0 and at most 1"):
            run(tiny, [replace(some, share=share)], steps=1)


def test_two_parts_add_their_weighted_losses(tiny: Encoder, talks: list[Dialogue]) -> None:
    """A twice at half weight is A once; a part of weight 0 changes nothing; a part that counts does.

    A key's bias is left out: its gradient is 0 but for rounding, which Adam makes as large as any other.
    """
    without_dropout(tiny)

    def after(*objectives: tuple[Objective, float]) -> Weights:
        encoder = copy.deepcopy(tiny)
        run(encoder, [part(objective, encoder, talks, weight) for objective, weight in objectives], steps=3)
        return {name: tensor for name, tensor in weights(encoder).items() if not name.endswith("key.bias")}

    ranking, pairs = ResponseRanking(), AllPairs()
    alone = after((ranking, 1.0))
    for same in (after((ranking, 0.5), (ranking, 0.5)), after((ranking, 1.0), (pairs, 0.0))):
        assert all(torch.allclose(alone[name], same[name], atol=1e-4) for name in alone)
    both = after((ranking, 1.0), (pairs, 1.0))
    assert any(not torch.allclose(alone[name], both[name], atol=1e-4) for name in alone)


def test_heads_are_trained_with_the_encoder(tiny: Encoder, talks: list[Dialogue]) -> None:
    one = part(AllPairs(), tiny, talks)
    before = copy.deepcopy(one.head.state_dict())
    run(tiny, [one], steps=2, warmup=0.0)
    assert not torch.equal(one.head.state_dict()["directions"], before["directions"])


# Rates


class Spy:
    """Keeps the schedule that the loop made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inner = module.get_scheduler
        monkeypatch.setattr(module, "get_scheduler", self)

    def __call__(self, *arguments: Any) -> Any:
        self.made = self.inner(*arguments)
        return self.made

    def rate_of(self, parameter: nn.Parameter) -> tuple[float, float] | None:
        """Highest rate and weight decay; None when the optimizer does not know the parameter."""
        for group in self.made.optimizer.param_groups:
            if any(known is parameter for known in group["params"]):
                return group["initial_lr"], group["weight_decay"]
        return None


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", [0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
        ("constant", [0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("cosine", [0, 0.5, *((1 + math.cos(math.pi * step / 8)) / 2 for step in range(8))]),
    ],
)
def test_the_rate_warms_up_and_follows_its_schedule(
    tiny: Encoder, talks: list[Dialogue], monkeypatch: pytest.MonkeyPatch, schedule: str, expected: list[float]
) -> None:
    """10 steps, 2 of them warm-up, in units of the learning rate."""
    spy = Spy(monkeypatch)
    settings = Settings(steps=10, warmup=0.2, learning_rate=1e-3, precision="fp32", schedule=schedule)  # type: ignore[arg-type]
    steps = train(tiny, [part(ResponseRanking(), tiny, talks)], settings)
    rates = [0.0]
    for _ in steps:
        rates.append(spy.made.get_last_lr()[0] / 1e-3)
    assert rates[:10] == pytest.approx(expected, abs=1e-9)


def test_layers_far_from_the_output_get_smaller_rates(
    tiny: Encoder, talks: list[Dialogue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two layers, decay 1/2: 1/4 of the rate for embeddings, 1/2 for layer 0, the whole for layer 1."""
    spy = Spy(monkeypatch)
    one = part(AllPairs(), tiny, talks)
    run(tiny, [one], steps=1, learning_rate=0.4, head_learning_rate=3.0, layer_decay=0.5, weight_decay=0.2)
    for name, parameter in tiny.backbone.named_parameters():
        if name.startswith("pooler."):
            assert spy.rate_of(parameter) is None
            continue
        rate = 0.1 if name.startswith("embeddings.") else 0.2 if ".layer.0." in name else 0.4
        decay = 0.2 if parameter.dim() > 1 else 0.0
        assert spy.rate_of(parameter) == pytest.approx((rate, decay)), name
    assert [spy.rate_of(parameter) for parameter in one.head.parameters()] == [(3.0, 0.0)]


def test_without_layer_decay_a_head_takes_the_rate_of_the_encoder(
    tiny: Encoder, talks: list[Dialogue], monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)
    one = part(AllPairs(), tiny, talks)
    run(tiny, [one], steps=1, learning_rate=0.4)
    assert {group["initial_lr"] for group in spy.made.optimizer.param_groups} == {0.4}


def test_a_head_without_parameters_may_have_a_rate(tiny: Encoder, talks: list[Dialogue]) -> None:
    assert len(run(tiny, [part(ResponseRanking(), tiny, talks)], steps=1, head_learning_rate=0.1)) == 1


# The average of the weights


@pytest.mark.parametrize("stopped", [None, 3])
def test_the_average_is_that_worked_by_hand(tiny: Encoder, talks: list[Dialogue], stopped: int | None) -> None:
    """a <- b' a + (1 - b') w with b' = min(b, i / (i + 9)): .1, .1818, .25 and from then on b = .25."""
    names = [name for name, _ in tiny.backbone.named_parameters()]
    expected = [parameter.detach().clone() for parameter in tiny.backbone.parameters()]
    settings = Settings(steps=5, warmup=0.0, learning_rate=1e-2, average=0.25, precision="fp32")
    steps = train(tiny, [part(ResponseRanking(), tiny, talks)], settings)
    for step, kept in zip(steps, [0.1, 2 / 11, 0.25, 0.25, 0.25], strict=True):
        for mean, parameter in zip(expected, tiny.backbone.parameters(), strict=True):
            mean.mul_(kept).add_(parameter.detach(), alpha=1 - kept)
        if step.index == stopped:
            break
    steps.close()
    last = dict(zip(names, tiny.backbone.parameters(), strict=True))
    for name, mean in zip(names, expected, strict=True):
        assert torch.allclose(last[name], mean, atol=1e-6), name


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_the_dropout_of_attention_is_set_while_training_and_comes_back(
    checkpoint: Callable[[str], Path], talks: list[Dialogue], family: str
) -> None:
    encoder = Encoder.load(checkpoint(family))
    shares = [module.p for module in encoder.backbone.modules() if isinstance(module, nn.Dropout)]
    attention = [m.dropout for m in encoder.backbone.modules() if type(m).__name__.endswith("SelfAttention")]
    assert attention
    for _ in train(encoder, [part(ResponseRanking(), encoder, talks)], Settings(steps=2, attention_dropout=0.0)):
        assert [one.p for one in attention] == [0.0] * len(attention)
        assert sum(m.p == 0.0 for m in encoder.backbone.modules() if isinstance(m, nn.Dropout)) == len(attention)
    assert [module.p for module in encoder.backbone.modules() if isinstance(module, nn.Dropout)] == shares
    with pytest.raises(InputError, match=r"attention_dropout is 1.0, expected a share from 0 to less than 1"):
        Settings(attention_dropout=1.0)


def test_the_average_differs_from_the_last_weights(tiny: Encoder, talks: list[Dialogue]) -> None:
    assert not equal(trained(tiny, talks, steps=4), trained(tiny, talks, steps=4, average=0.9))


def test_inside_the_block_the_weights_are_the_averaged_ones(tiny: Encoder, talks: list[Dialogue]) -> None:
    training = Training(tiny, [part(ResponseRanking(), tiny, talks)], Settings(**QUICK, steps=3, average=0.9))
    for _ in training:
        last, mean = weights(tiny), [value.clone() for value in training.average]
        with pytest.raises(ZeroDivisionError), training.averaged():
            assert all(torch.equal(one, other) for one, other in zip(training.trained, mean, strict=True))
            assert not equal(weights(tiny), last)
            raise ZeroDivisionError
        assert equal(weights(tiny), last)
        assert all(torch.equal(one, other) for one, other in zip(training.average, mean, strict=True))


def test_without_an_average_the_block_changes_nothing(tiny: Encoder, talks: list[Dialogue]) -> None:
    training = Training(tiny, [part(ResponseRanking(), tiny, talks)], Settings(**QUICK, steps=1))
    before = weights(tiny)
    with training.averaged():
        assert equal(weights(tiny), before)


# Riders


def test_tokens_are_counted_without_padding(tiny: Encoder, talks: list[Dialogue]) -> None:
    """Four dialogues as windows; every turn is there once, with [CLS], its separators and [SEP]."""
    store = TurnStore.of(talks, tiny.codec)
    objective, rider = WholeDialogue(batch_size=8), MaskedLM()
    examples = objective.examples(store, tiny.codec)
    carried = Part(objective, examples, objective.head(tiny, examples), 1.0, (Ride(rider, rider.head(tiny)),))
    (step,) = run(tiny, [carried], steps=1)
    assert list(step.losses) == ["masked_lm"]
    assert step.sentences == len(examples)
    assert step.tokens == len(store.ids) + store.turns + len(examples)


def test_a_rider_with_nothing_hidden_counts_for_nothing(tiny: Encoder, talks: list[Dialogue]) -> None:
    """Speakers nobody knows have no token to hide: the loss is that of the objective alone."""
    tiny.use_layout(Layout("tod"))
    without_dropout(tiny)
    unknown = [Dialogue(talk.id, tuple(Turn(None, turn.text) for turn in talk.turns)) for talk in talks]
    found = []
    for riders in ((), (MaskedSpeaker(),)):
        encoder = copy.deepcopy(tiny)
        one = part(ResponseRanking(), encoder, unknown)
        rides = tuple(Ride(rider, rider.head(encoder)) for rider in riders)
        run(encoder, [replace(one, rides=rides)], steps=2)
        found.append(weights(encoder))
    assert equal(*found)


# Refusals


def test_nothing_to_train_on_is_refused(tiny: Encoder) -> None:
    with pytest.raises(InputError, match="there is no objective to train with"):
        next(train(tiny, [], Settings()))
    for settings in (Settings(), Settings(steps=3)):
        with pytest.raises(InputError, match="response_ranking has no examples to train on"):
            next(train(tiny, [Part(ResponseRanking(), [], nn.Identity())], settings))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("epochs", 0.0, "a positive number"),
        ("epochs", math.inf, "a positive number"),
        ("epochs", math.nan, "a positive number"),
        ("min_steps", 0, "at least 1"),
        ("steps", 0, "at least 1, or none"),
        ("learning_rate", -1e-5, "a positive number"),
        ("learning_rate", math.nan, "a positive number"),
        ("head_learning_rate", 0.0, "a positive number, or none"),
        ("warmup", 1.1, "a share of the steps from 0 to 1"),
        ("schedule", "square", "one of linear, cosine, constant"),
        ("optimizer", "sgd", "one of adamw, adadelta"),
        ("rho", 1.0, "a number above 0 and below 1"),
        ("weight_decay", -0.1, "0 or more"),
        ("layer_decay", 0.0, "a number above 0 and at most 1"),
        ("layer_decay", 1.1, "a number above 0 and at most 1"),
        ("average", 1.0, "a number above 0 and below 1, or none"),
        ("clip", 0.0, "a positive number"),
        ("accumulation", 0, "at least 1"),
        ("precision", "fp16", "one of auto, fp32, bf16"),
        ("seed", -1, "0 or more"),
    ],
)
def test_a_setting_outside_its_range_is_refused_with_the_range(name: str, value: object, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings(**{name: value})  # type: ignore[arg-type]
    assert str(caught.value) == f"{name} is {value!r}, expected {expected}"


def test_a_bound_of_infinity_switches_clipping_off() -> None:
    assert Settings(clip=math.inf).clip == math.inf
