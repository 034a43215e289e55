from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from turnwise.codec import Tokens
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.tasks.intent.all_pairs import AllPairs, ClassHead, class_loss, multi_similarity_loss, several_loss
from turnwise.tasks.intent.examples import IntentExample, Utterance, as_examples

COSINES = torch.tensor([[1.0, 0.55, 0.5], [0.55, 1.0, -0.2], [0.5, -0.2, 1.0]])
SAME = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)


def similarity(cosines: Tensor = COSINES, same: Tensor = SAME, epsilon: float = 0.1) -> float:
    return multi_similarity_loss(cosines, same, alpha=2.0, beta=40.0, threshold=0.5, epsilon=epsilon).item()


def examples(labels: Sequence[tuple[int, ...]]) -> list[IntentExample]:
    return [IntentExample(Tokens((2, 10 + row, 3)), names) for row, names in enumerate(labels)]


def test_multi_similarity_mines_with_epsilon() -> None:
    """Rows a, a, b; S_01 = .55, S_02 = .5, S_12 = -.2; alpha 2, beta 40, lambda .5, epsilon .1.

    Row 0: the positive .55 < .5 + .1 is kept, the negative .5 > .55 - .1 too:
           1/2 log(1 + e^(-2 * .05)) + 1/40 log(1 + e^0) = .3221984 + .0173287 = .3395270.
    Row 1: .55 is not < -.2 + .1, and -.2 not > .55 - .1: 0.
    Row 2: without a positive no negative is kept: 0.
    Mean: .3395270 / 3 = .1131757.
    """
    assert similarity() == pytest.approx(0.1131757, abs=1e-6)


def test_a_wide_epsilon_keeps_every_pair() -> None:
    """As above, but row 1 keeps both: 1/2 log(1 + e^-.1) + 1/40 log(1 + e^-28) = .3221984.

    Mean: (.3395270 + .3221984) / 3 = .2205751.
    """
    assert similarity(epsilon=10.0) == pytest.approx(0.2205751, abs=1e-6)


def test_multi_similarity_falls_when_positives_near_and_negatives_part() -> None:
    nearer = COSINES.clone()
    nearer[0, 1] = nearer[1, 0] = 0.58
    farther = COSINES.clone()
    farther[0, 2] = farther[2, 0] = 0.47
    assert similarity(nearer) < similarity()
    assert similarity(farther) < similarity()


def test_multi_similarity_of_one_row_or_of_one_intent_is_finite() -> None:
    assert similarity(torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool)) == 0
    cosines = torch.ones(3, 3, requires_grad=True)
    alone = multi_similarity_loss(cosines, SAME | True, alpha=2.0, beta=40.0, threshold=0.5, epsilon=0.1)
    alone.backward()
    assert cosines.grad is not None and cosines.grad.isfinite().all()
    assert alone.item() == 0  # without a negative nothing is mined


def test_the_class_loss_spreads_over_several_labels_and_is_uniform_out_of_scope() -> None:
    """Logits (log 2, 0, 0): p = (1/2, 1/4, 1/4).

    One label, the first: log 2 = .693147. First and second: (log 2 + log 4) / 2 = 1.039721.
    Out of scope: (log 2 + 2 log 4) / 3 = 1.155245. Mean: .962704.
    """
    logits = torch.tensor([[np.log(2), 0, 0]] * 3, dtype=torch.float32)
    labels = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 0]])
    assert class_loss(logits, labels, label_smoothing=0).item() == pytest.approx(0.962704, abs=1e-6)


def test_label_smoothing_gives_a_share_to_every_intent() -> None:
    """p = (1/2, 1/4, 1/4), first label, smoothing .3: .7 log 2 + .1 (log 2 + 2 log 4) = .831777."""
    logits = torch.tensor([[np.log(2), 0, 0]], dtype=torch.float32)
    smoothed = class_loss(logits, torch.tensor([[1.0, 0, 0]]), label_smoothing=0.3)
    assert smoothed.item() == pytest.approx(0.831777, abs=1e-6)


def test_several_intents_are_judged_each_by_itself() -> None:
    """Row 1, logits (0, log 3), first label: log 2 + log(1 + 3) = 2.079442.

    Row 2, the same, both labels: log 2 + log(1 + 1/3) = .980829. Out of scope, both (0, 0): 2 log 2 = 1.386294.
    Mean: 1.482188.
    """
    logits = torch.tensor([[0, np.log(3)], [0, np.log(3)], [0, 0]], dtype=torch.float32)
    labels = torch.tensor([[1.0, 0], [1, 1], [0, 0]])
    assert several_loss(logits, labels).item() == pytest.approx(1.482188, abs=1e-6)
    head = ClassHead(torch.tensor([[1.0, 0], [0, 1]]))
    objective = AllPairs(ms_weight=0, class_scale=2, several=True)
    # cosines (1, 0), labels (1, 0): logits (1, -1), 2 log(1 + e^-1) = .626523
    loss = objective.loss(hidden([3.0, 0]), head, Batch((), {"labels": torch.tensor([[1.0]])}))
    assert loss.item() == pytest.approx(0.626523, abs=1e-6)


def hidden(*vectors: list[float]) -> tuple[Hidden, ...]:
    states = torch.tensor(vectors)[:, None, :]
    return (Hidden(states, torch.ones(len(vectors), 1)),)


def test_the_margin_is_taken_off_the_cosine_of_the_true_intent() -> None:
    """Directions (1, 0), (0, 1); x = (3, 0) of the first: cosines (1, 0), scale 2, margin .5: logits (1, 0).

    log(1 + e^-1) = .313262; without margin logits (2, 0): log(1 + e^-2) = .126928.
    """
    head = ClassHead(torch.tensor([[1.0, 0], [0, 5]]))
    batch = Batch((), {"labels": torch.tensor([[1.0]])})  # one column: this batch has the first intent only
    objective = AllPairs(ms_weight=0, class_scale=2, margin=0.5)
    assert objective.loss(hidden([3.0, 0]), head, batch).item() == pytest.approx(0.313262, abs=1e-6)
    objective = AllPairs(ms_weight=0, class_scale=2)
    assert objective.loss(hidden([3.0, 0]), head, batch).item() == pytest.approx(0.126928, abs=1e-6)


def test_the_loss_is_the_weighted_sum_of_both() -> None:
    head = ClassHead(torch.tensor([[1.0, 0], [0, 1]]))
    states = hidden([1.0, 0.2], [0.5, 0.9], [0.3, 1])
    batch = Batch((), {"labels": torch.tensor([[1.0, 0], [1, 0], [0, 1]])})
    parts = [
        AllPairs(ms_weight=ms, class_weight=weight).loss(states, head, batch).item()
        for ms, weight in [(1, 0), (0, 1), (0.5, 2)]
    ]
    assert parts[0] > 0
    assert parts[2] == pytest.approx(0.5 * parts[0] + 2 * parts[1], abs=1e-6)


label_rows = st.lists(
    st.lists(st.integers(0, 4), max_size=2, unique=True).map(lambda row: tuple(sorted(row))), min_size=1, max_size=60
)


@settings(deadline=None)
@given(label_rows, st.integers(2, 20), st.integers(1, 20), st.integers(0, 3))
def test_every_row_comes_once_an_epoch_in_as_many_batches_as_stated(
    labels: list[tuple[int, ...]], batch_size: int, group: int, seed: int
) -> None:
    objective = AllPairs(batch_size=batch_size, group=min(group, batch_size))
    rows = examples(labels)
    batches = list(objective.batches(rows, np.random.default_rng(seed)))
    assert sorted(row for batch in batches for row in batch) == list(range(len(rows)))
    assert all(batches)
    assert len(batches) <= objective.epoch_steps(rows)
    assert batches == list(objective.batches(rows, np.random.default_rng(seed)))
    for batch in batches[:-1]:
        assert batch_size <= len(batch) < batch_size + objective.group


def test_a_batch_holds_whole_groups_of_one_intent() -> None:
    """8 intents of 8 utterances in groups of 4: each batch of 16 has 4 groups, so 4 or 8 rows of an intent."""
    rows = examples([(row // 8,) for row in range(64)])
    objective = AllPairs(batch_size=16, group=4)
    batches = list(objective.batches(rows, np.random.default_rng(0)))
    assert [len(batch) for batch in batches] == [16] * 4
    for batch in batches:
        for start in range(0, 16, 4):
            assert len({rows[row].labels for row in batch[start : start + 4]}) == 1


def test_an_epoch_is_shuffled_by_its_generator() -> None:
    rows = examples([(row // 8,) for row in range(64)])
    objective = AllPairs(batch_size=16)
    first, second = (list(objective.batches(rows, np.random.default_rng(seed))) for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize("settings", [{"group": 0}, {"batch_size": 8, "group": 9}, {"batch_size": 1, "group": 1}])
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"batch_size is .* and group .*; expected at least 2"):
        AllPairs(**settings)  # type: ignore[arg-type]


def test_the_head_starts_at_the_class_means_of_unit_vectors(encoder: Encoder) -> None:
    found = [Utterance("track it", ("a",)), Utterance("my parcel", ("a", "b")), Utterance("weather", ())]
    head = AllPairs().head(encoder, as_examples(found, ("a", "b"), encoder.codec))
    vectors = encoder.encode([u.text for u in found])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = np.stack([vectors[0] + vectors[1], vectors[1]])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(head.directions.detach().numpy(), expected, atol=2e-2)  # bf16 where the machine has it
    assert np.allclose(np.linalg.norm(head.directions.detach().numpy(), axis=1), 1, atol=1e-6)


def test_a_batch_keeps_labels_beside_their_rows(encoder: Encoder) -> None:
    found = [
        Utterance("where is my parcel now please can you track it for me", ("c",)),
        Utterance("refund", ("a", "b")),
        Utterance("what is the weather today", ()),
    ]
    rows = as_examples(found, ("a", "b", "c"), encoder.codec)
    batch = AllPairs().collate(rows, encoder.codec, Draws(0, 0, 0, (0, 1, 2)))
    gold = {row.tokens.ids: row.labels for row in rows}
    ids = [tuple(i[m.bool()].tolist()) for e in batch.encodings for i, m in zip(e.ids, e.mask, strict=True)]
    for text, labels in zip(ids, batch.targets["labels"], strict=True):
        assert tuple(labels.nonzero().flatten().tolist()) == gold[text]
