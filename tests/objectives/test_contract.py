"""What every objective and every rider promises, whatever it learns."""

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
from torch import Tensor, nn

from turnwise.codec import Tokens
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives import (
    OBJECTIVES,
    RIDERS,
    Coherence,
    EntityNumber,
    MaskedLM,
    MaskedSpeaker,
    NextTurn,
    PairwiseCloze,
    Reordering,
    ResponseMatching,
    ResponseRanking,
    SpeakerPrediction,
    WholeDialogue,
)
from turnwise.objectives.cloze_pairs import cloze_pairs
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective, Rider
from turnwise.objectives.places import Places
from turnwise.store import TurnStore
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.tasks.intent.examples import IntentExample
from turnwise.tasks.intent.pairs import Pair, PairContrast


@dataclass(frozen=True)
class Case:
    """An objective with its defaults, alone or with a rider, and how many steps it takes to learn a batch by heart.

    ``least`` is what no model can get below: for reordering the entropy of softmax(1, 2, 3).
    """

    objective: Any
    rider: Any = None
    steps: int = 40
    least: float = 0.0


CASES = {
    "next_turn": Case(NextTurn()),
    "speaker": Case(SpeakerPrediction()),
    "response_matching": Case(ResponseMatching()),
    "coherence": Case(Coherence()),
    "entity_number": Case(EntityNumber()),
    "reordering": Case(Reordering(), least=0.832396),
    "response_ranking": Case(ResponseRanking(), steps=80),
    "pairwise_cloze": Case(PairwiseCloze(anneal=1, hidden=32, width=16, wide=16, attention=8), steps=80),
    "masked_lm": Case(WholeDialogue(), MaskedLM()),
    "masked_speaker": Case(WholeDialogue(), MaskedSpeaker()),
    "all_pairs": Case(AllPairs()),
    "smax": Case(PairContrast(loss_name="smax"), steps=80),
    "cos": Case(PairContrast(loss_name="cos")),
    "ocl": Case(PairContrast(loss_name="ocl")),
}
TASKS = (AllPairs, PairContrast)
KINDS = (*OBJECTIVES, *TASKS)

PHRASES = ("card", "parcel", "order", "address", "money", "help", "monday", "refund", "you")
VERBS = ("where", "cancel", "stopped", "change", "want", "can", "arrives", "sure", "thank")
PAIRS: dict[str, list[Any]] = {
    "template": [f"{verb} the {phrase} please" for verb, phrase in zip(VERBS, PHRASES, strict=True)],
    "template_start": [len(verb) + 5 for verb in VERBS],
    "template_end": [len(verb) + 5 + len(phrase) for verb, phrase in zip(VERBS, PHRASES, strict=True)],
    "input": [f"my {phrase} has not come yet" for phrase in PHRASES],
    "input_start": [3] * len(PHRASES),
    "input_end": [3 + len(phrase) for phrase in PHRASES],
}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture
def corpora(chats: list[Dialogue], talks: list[Dialogue]) -> dict[str, list[Dialogue]]:
    return {"store": chats, "labelled": talks}


def counted(text: str) -> int:
    """Entities, by a tagger that knows one word."""
    return text.split().count("my") + text.split().count("i")


def examples_of(objective: Any, encoder: Encoder, corpora: dict[str, list[Dialogue]]) -> Sequence[Any]:
    if isinstance(objective, PairwiseCloze):
        return cloze_pairs(PAIRS, encoder.codec)
    if isinstance(objective, TASKS):
        return objective.examples(corpora["labelled"], encoder.codec)
    return objective.examples(TurnStore.of(corpora["store"], encoder.codec, tagger=counted), encoder.codec)


def head_of(case: Case, encoder: Encoder, examples: Sequence[Any]) -> nn.Module:
    torch.manual_seed(0)
    return case.rider.head(encoder) if case.rider else case.objective.head(encoder, examples)


def batch_of(
    case: Case, examples: Sequence[Any], encoder: Encoder, rows: Sequence[int], epoch: int = 0, seed: int = 0
) -> tuple[Batch, list[dict[str, Tensor]]]:
    """A batch of the objective, with what the rider hid in it."""
    draws = Draws(seed, 0, epoch, tuple(rows))
    batch = case.objective.collate([examples[row] for row in rows], encoder.codec, draws)
    if case.rider is None:
        return batch, []
    corrupted = [case.rider.corrupt(encoding, encoder.codec, draws) for encoding in batch.encodings]
    return Batch(tuple(e for e, _ in corrupted), batch.targets, batch.count), [found for _, found in corrupted]


def loss_of(
    case: Case, examples: Sequence[Any], encoder: Encoder, head: nn.Module, rows: Sequence[int], epoch: int = 0
) -> Tensor:
    batch, hidden_away = batch_of(case, examples, encoder, rows, epoch)
    hidden = tuple(Hidden(encoder(encoding), encoding.mask) for encoding in batch.encodings)
    if case.rider is not None:
        return case.rider.loss(hidden, head, hidden_away)
    return case.objective.loss(hidden, head, batch)


@pytest.mark.parametrize("kind", KINDS)
def test_an_objective_has_defaults_and_is_compared_by_its_parameters(kind: type[Any]) -> None:
    one, other = kind(), kind()
    assert one == other
    assert hash(one) == hash(other)
    assert one != dataclasses.replace(one, batch_size=27)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.batch_size = 3
    assert one.name and one.paper


@pytest.mark.parametrize("kind", RIDERS)
def test_a_rider_has_defaults_and_is_compared_by_its_parameters(kind: type[Rider]) -> None:
    one, other = kind(), kind()
    assert one == other and hash(one) == hash(other)
    assert one != dataclasses.replace(one, rate=0.3)  # type: ignore[type-var]
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.rate = 0.3  # type: ignore[attr-defined]
    assert one.name and one.paper


def test_names_are_distinct() -> None:
    assert len({kind.name for kind in (*KINDS, *RIDERS)}) == len(KINDS) + len(RIDERS)


def test_every_objective_and_rider_is_tested_here() -> None:
    tested = {type(part) for case in CASES.values() for part in (case.objective, case.rider)}
    assert {*KINDS, *RIDERS} <= tested


@every_case
def test_the_loss_is_finite_and_reaches_encoder_and_head(
    case: Case, tod: Encoder, corpora: dict[str, list[Dialogue]]
) -> None:
    examples = examples_of(case.objective, tod, corpora)
    head = head_of(case, tod, examples)
    loss = loss_of(case, examples, tod, head, range(len(examples)))
    assert loss.shape == ()
    assert loss.isfinite()
    loss.backward()
    trained = [p for name, p in tod.backbone.named_parameters() if not name.startswith("pooler.")]
    # A key's bias moves every score of a softmax alike, so its gradient is 0 but for rounding; all others learn.
    assert all(p.grad is not None and p.grad.isfinite().all() for p in [*trained, *head.parameters()])
    assert tod.backbone.get_input_embeddings().weight.grad.abs().max() > 1e-6
    of_keys = [p for name, p in head.named_parameters() if name.endswith("key.bias")]
    assert bool(of_keys) == isinstance(case.objective, PairwiseCloze)
    assert all(p.grad.abs().max() < 1e-5 for p in of_keys if p.grad is not None)
    own = [p for p in head.parameters() if all(p is not one for one in of_keys)]
    moved = [p.grad.abs().max() > 1e-7 for p in own if p.grad is not None]
    # The last bias of a softmax over the places of a group moves all of its scores alike.
    assert all(moved[:-1] if isinstance(case.objective, Reordering) else moved)


@every_case
def test_four_dialogues_are_learnt_by_heart(case: Case, tod: Encoder, corpora: dict[str, list[Dialogue]]) -> None:
    """One batch with its corruption again and again."""
    examples = examples_of(case.objective, tod, corpora)
    head = head_of(case, tod, examples)
    tied = {id(parameter) for parameter in tod.parameters()}
    own = [parameter for parameter in head.parameters() if id(parameter) not in tied]
    optimizer = torch.optim.AdamW([*tod.parameters(), *own], lr=3e-3, weight_decay=0.0)
    losses = []
    for _ in range(case.steps):
        loss = loss_of(case, examples, tod, head, range(len(examples)))
        losses.append(loss.item() - case.least)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert -1e-3 <= losses[-1] < 0.1 * losses[0], (losses[0], losses[-1])


@every_case
def test_the_loss_does_not_depend_on_the_order_of_the_examples(
    case: Case, tod: Encoder, corpora: dict[str, list[Dialogue]]
) -> None:
    examples = examples_of(case.objective, tod, corpora)
    head = head_of(case, tod, examples)
    rows = list(range(len(examples)))
    with torch.inference_mode():
        forward = loss_of(case, examples, tod, head, rows).item()
        backward = loss_of(case, examples, tod, head, rows[::-1]).item()
    assert forward == pytest.approx(backward, rel=1e-4)


@every_case
def test_a_seed_gives_the_same_batches_and_corruption_again(
    case: Case, tod: Encoder, corpora: dict[str, list[Dialogue]]
) -> None:
    case = dataclasses.replace(case, objective=dataclasses.replace(case.objective, batch_size=4))
    if isinstance(case.objective, WholeDialogue | Coherence | Reordering):
        case = dataclasses.replace(case, objective=dataclasses.replace(case.objective, batch_size=1))
    orders, runs = [], []
    for _ in range(2):
        examples = examples_of(case.objective, tod, corpora)
        orders.append(list(case.objective.batches(examples, np.random.default_rng([7, 0, 0]))))
        runs.append([batch_of(case, examples, tod, rows) for rows in orders[-1]])
    assert len(runs[0]) > 1
    assert orders[0] == orders[1]
    for (one, hidden), (other, again) in zip(*runs, strict=True):
        for left, right in [(one.targets, other.targets), *zip(hidden, again, strict=True)]:
            assert left.keys() == right.keys()
            assert all(torch.equal(left[name], right[name]) for name in left)
        for first, second in zip(one.encodings, other.encodings, strict=True):
            assert torch.equal(first.ids, second.ids) and torch.equal(first.mask, second.mask)
    others = [list(case.objective.batches(examples, np.random.default_rng([seed, 0, 0]))) for seed in range(8, 12)]
    assert any(another != orders[0] for another in others)


@pytest.mark.parametrize("name", ["next_turn", "coherence", "reordering", "masked_lm", "masked_speaker"])
def test_what_is_random_is_drawn_anew_for_an_epoch_and_a_seed(
    name: str, tod: Encoder, corpora: dict[str, list[Dialogue]]
) -> None:
    case = CASES[name]
    examples = examples_of(case.objective, tod, corpora)

    def drawn(epoch: int, seed: int) -> list[list[int]]:
        return batch_of(case, examples, tod, range(len(examples)), epoch, seed)[0].encodings[0].ids.tolist()

    assert drawn(0, 0) == drawn(0, 0)
    assert drawn(0, 0) != drawn(1, 0)
    assert drawn(0, 0) != drawn(0, 1)


@pytest.mark.parametrize("name", ["next_turn", "coherence", "reordering", "masked_lm", "masked_speaker"])
def test_what_is_drawn_for_an_example_does_not_depend_on_its_batch(
    name: str, tod: Encoder, corpora: dict[str, list[Dialogue]]
) -> None:
    """So a run cut into micro-batches, spread over processes or resumed sees the same."""
    case = CASES[name]
    examples = examples_of(case.objective, tod, corpora)
    rows = range(len(examples))

    def drawn(batches: Sequence[Sequence[int]]) -> list[list[int]]:
        parts = [batch_of(case, examples, tod, part)[0].encodings[0] for part in batches]
        return [ids[mask.bool()].tolist() for part in parts for ids, mask in zip(part.ids, part.mask, strict=True)]

    assert drawn([rows]) == drawn([rows[:1], rows[1:]])


@every_case
def test_an_objective_is_left_as_it_was(case: Case, tod: Encoder, corpora: dict[str, list[Dialogue]]) -> None:
    parts = [part for part in (case.objective, case.rider) if part is not None]
    before = copy.deepcopy(parts)
    examples = examples_of(case.objective, tod, corpora)
    head = head_of(case, tod, examples)
    list(case.objective.batches(examples, np.random.default_rng(0)))
    loss_of(case, examples, tod, head, range(len(examples)))
    assert parts == before
    assert [vars(part) for part in parts] == [vars(part) for part in before]


@every_case
def test_scores_are_of_each_row_and_finite(case: Case, tod: Encoder, corpora: dict[str, list[Dialogue]]) -> None:
    examples = examples_of(case.objective, tod, corpora)
    head = head_of(case, tod, examples)
    batch, hidden_away = batch_of(case, examples, tod, range(len(examples)))
    with torch.inference_mode():
        hidden = tuple(Hidden(tod(encoding), encoding.mask) for encoding in batch.encodings)
        if case.rider is not None:
            found = case.rider.score(hidden, head, hidden_away)
            expected = case.rider.count(hidden_away)
            assert found and all(len(values) == expected for values in found.values())
        else:
            found = case.objective.score(hidden, head, batch)
            assert bool(found) == isinstance(case.objective, OBJECTIVES)
    assert all(values.dim() == 1 and values.isfinite().all() for values in found.values())


def made_up(kind: type[Any], number: int) -> Sequence[Any]:
    """``number`` examples without a text: places of one turn of 1 to 9 tokens, or four utterances to an intent."""
    if kind in OBJECTIVES:
        starts = np.cumsum([0, *np.random.default_rng(number).integers(1, 10, number)])
        arrays = {"turn_start": starts, "dialogue_start": np.arange(number + 1), "speaker": np.zeros(number)}
        empty = {name: np.zeros(0) for name in ("ids", "entities", "profile_ids", "profile_start")}
        return Places(TurnStore(empty | arrays), np.arange(number), np.arange(1, number + 1))
    utterances = [IntentExample(Tokens((2, 10 + row, 3)), (row // 4,)) for row in range(number)]
    return utterances if kind is AllPairs else [Pair(example, example, True) for example in utterances]


@pytest.mark.parametrize("kind", KINDS)
@given(groups=st.integers(1, 60), batch_groups=st.integers(1, 8), seed=st.integers(0, 5))
@settings(deadline=None, max_examples=20)
def test_an_epoch_has_as_many_batches_as_it_states(kind: type[Any], groups: int, batch_groups: int, seed: int) -> None:
    """Whole groups of 4; ragged ones may make an epoch of AllPairs shorter, which its own tests bound."""
    objective, examples = kind(batch_size=4 * batch_groups), made_up(kind, 4 * groups)
    batches = list(objective.batches(examples, np.random.default_rng(seed)))
    assert len(batches) == objective.epoch_steps(examples)
    assert sorted(row for batch in batches for row in batch) == list(range(len(examples)))


@pytest.mark.parametrize("kind", [kind for kind in OBJECTIVES if not kind.splits])
@given(number=st.integers(2, 230), batch_size=st.integers(2, 4), seed=st.integers(0, 3))
@settings(deadline=None, max_examples=30)
def test_a_contrast_has_no_batch_of_one(kind: type[Any], number: int, batch_size: int, seed: int) -> None:
    objective, examples = kind(batch_size=batch_size), made_up(kind, number)
    batches = list(objective.batches(examples, np.random.default_rng(seed)))
    assert len(batches) == objective.epoch_steps(examples) > 0
    seen = [row for batch in batches for row in batch]
    assert len(seen) == len(set(seen)) >= number - 1  # an example that is left over alone waits for another epoch
    assert all(2 <= len(batch) <= batch_size for batch in batches)


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_a_batch_size_that_holds_nothing_is_refused(kind: type[Objective]) -> None:
    with pytest.raises(InputError, match=r"batch_size is 0(,|;)"):
        kind(batch_size=0)  # type: ignore[call-arg]
