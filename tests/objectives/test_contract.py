"""What every objective promises, whatever it learns."""

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from turnwise.codec import Tokens
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.objectives.objective import Batch, Hidden, Objective
from turnwise.objectives.response_ranking import ContextResponse, ResponseRanking
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.tasks.intent.examples import IntentExample
from turnwise.tasks.intent.pairs import Pair, PairContrast
from turnwise.training import Part, Settings, train


@dataclass(frozen=True)
class Case:
    """An objective with its defaults, and the share of its loss that may be left after some steps on four dialogues."""

    objective: Objective
    steps: int = 40
    left: float = 0.1


CASES = {
    # A turn in the middle is a context and the response to another, and nothing is nearer to it than itself: with one
    # encoder for both the loss of these 8 pairs of 12 stays above log 2.
    "response_ranking": Case(ResponseRanking(), steps=60, left=0.4),
    "all_pairs": Case(AllPairs()),
    "smax": Case(PairContrast(loss_name="smax"), steps=120),
    "cos": Case(PairContrast(loss_name="cos")),
    "ocl": Case(PairContrast(loss_name="ocl")),
}
KINDS = (ResponseRanking, AllPairs, PairContrast)

every_objective = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def loss_of(objective: Objective, examples: Sequence[Any], encoder: Encoder, head: nn.Module) -> torch.Tensor:
    batch = objective.collate(examples, encoder.codec)
    hidden = tuple(Hidden(encoder(encoding), encoding.mask) for encoding in batch.encodings)
    return objective.loss(hidden, head, batch)


@pytest.mark.parametrize("kind", KINDS)
def test_an_objective_has_defaults_and_is_compared_by_its_parameters(kind: type[Any]) -> None:
    one, other = kind(), kind()
    assert one == other
    assert hash(one) == hash(other)
    assert one != dataclasses.replace(one, batch_size=16)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.batch_size = 3
    assert one.name and one.paper


def test_names_are_distinct() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@every_objective
def test_the_loss_is_finite_and_reaches_encoder_and_head(case: Case, tiny: Encoder, talks: list[Dialogue]) -> None:
    examples = case.objective.examples(talks, tiny.codec)
    torch.manual_seed(0)
    head = case.objective.head(tiny, examples)
    loss = loss_of(case.objective, examples, tiny, head)
    assert loss.shape == ()
    assert loss.isfinite()
    loss.backward()
    trained = [p for name, p in tiny.backbone.named_parameters() if not name.startswith("pooler.")]
    # A key's bias moves every score of a softmax alike, so its gradient is 0 but for rounding; all others learn.
    assert all(p.grad is not None and p.grad.isfinite().all() for p in [*trained, *head.parameters()])
    assert tiny.backbone.get_input_embeddings().weight.grad.abs().max() > 1e-6
    assert all(p.grad.abs().max() > 1e-6 for p in head.parameters() if p.grad is not None)


@every_objective
def test_four_dialogues_are_learnt_by_heart(case: Case, tiny: Encoder, talks: list[Dialogue]) -> None:
    objective = case.objective
    examples = objective.examples(talks, tiny.codec)
    torch.manual_seed(0)
    head = objective.head(tiny, examples)
    with torch.inference_mode():
        before = loss_of(objective, examples, tiny, head).item()
    settings = Settings(steps=case.steps, learning_rate=5e-3, precision="fp32")
    for _ in train(tiny, [Part(objective, examples, head)], settings):
        pass
    with torch.inference_mode():
        after = loss_of(objective, examples, tiny, head).item()
    assert 0 <= after < case.left * before


@every_objective
def test_the_loss_does_not_depend_on_the_order_of_the_examples(
    case: Case, tiny: Encoder, talks: list[Dialogue]
) -> None:
    examples = list(case.objective.examples(talks, tiny.codec))
    torch.manual_seed(0)
    head = case.objective.head(tiny, examples)
    with torch.inference_mode():
        forward = loss_of(case.objective, examples, tiny, head).item()
        backward = loss_of(case.objective, examples[::-1], tiny, head).item()
    assert forward == pytest.approx(backward, rel=1e-4)


@every_objective
def test_a_seed_gives_the_same_batches_again(case: Case, tiny: Encoder, talks: list[Dialogue]) -> None:
    objective = dataclasses.replace(case.objective, batch_size=4)  # type: ignore[type-var]
    runs: list[list[Batch]] = []
    for _ in range(2):
        examples = objective.examples(talks, tiny.codec)
        order = list(objective.batches(examples, np.random.default_rng([7, 0, 0])))
        runs.append([objective.collate([examples[row] for row in rows], tiny.codec) for rows in order])
    assert len(runs[0]) > 1
    for one, other in zip(*runs, strict=True):
        assert one.targets.keys() == other.targets.keys()
        assert all(torch.equal(one.targets[name], other.targets[name]) for name in one.targets)
        for left, right in zip(one.encodings, other.encodings, strict=True):
            assert torch.equal(left.ids, right.ids) and torch.equal(left.mask, right.mask)
    another = list(objective.batches(examples, np.random.default_rng([8, 0, 0])))
    assert another != order


@every_objective
def test_an_objective_is_left_as_it_was(case: Case, tiny: Encoder, talks: list[Dialogue]) -> None:
    before = copy.deepcopy(case.objective)
    examples = case.objective.examples(talks, tiny.codec)
    head = case.objective.head(tiny, examples)
    list(case.objective.batches(examples, np.random.default_rng(0)))
    loss_of(case.objective, examples, tiny, head)
    assert case.objective == before
    assert vars(case.objective) == vars(before)


def made_up(kind: type[Objective], number: int) -> Sequence[Any]:
    """``number`` examples without a text: four utterances to an intent."""
    utterances = [IntentExample(Tokens((2, 10 + row, 3)), (row // 4,)) for row in range(number)]
    if kind is ResponseRanking:
        return [ContextResponse(example.tokens, example.tokens) for example in utterances]
    if kind is PairContrast:
        return [Pair(example, example, True) for example in utterances]
    return utterances


@pytest.mark.parametrize("kind", KINDS)
@given(groups=st.integers(1, 60), batch_groups=st.integers(1, 8), seed=st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_an_epoch_has_as_many_batches_as_it_states(kind: type[Any], groups: int, batch_groups: int, seed: int) -> None:
    """Whole groups of 4; ragged ones may make an epoch of AllPairs shorter, which its own tests bound."""
    objective, examples = kind(batch_size=4 * batch_groups), made_up(kind, 4 * groups)
    batches = list(objective.batches(examples, np.random.default_rng(seed)))
    assert len(batches) == objective.epoch_steps(examples)
    assert sorted(row for batch in batches for row in batch) == list(range(len(examples)))
