from collections.abc import Sequence
from itertools import pairwise
from math import comb

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from turnwise.codec import Tokens
from turnwise.dialogue import utterance
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.heads import Projection
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.tasks.intent.examples import IntentExample
from turnwise.tasks.intent.pairs import PairContrast, PairHead, cosine_loss, online_contrastive_loss, softmax_loss


def bools(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.bool)


def examples(labels: Sequence[tuple[int, ...]]) -> list[IntentExample]:
    return [IntentExample(Tokens((2, 10 + row, 3)), names) for row, names in enumerate(labels)]


def test_smax_is_the_mean_cross_entropy_of_the_pair_classifier() -> None:
    """Width 1, W = [[0, 0, 1], [1, 1, 0]]: logits (|u - v|, u + v).

    u = 1, v = 1, same: logits (0, 2), log(1 + e^-2) = 0.126928.
    u = 2, v = 0, same: logits (2, 2), log 2 = 0.693147.
    u = 2, v = 0, other: log 2 as well. Mean: 0.504407.
    """
    classifier = nn.Linear(3, 2, bias=False)
    classifier.weight = nn.Parameter(torch.tensor([[0.0, 0, 1], [1, 1, 0]]))
    left, right = torch.tensor([[1.0], [2], [2]]), torch.tensor([[1.0], [0], [0]])
    assert softmax_loss(classifier, left, right, bools(1, 1, 0)).item() == pytest.approx(0.504407, abs=1e-6)


def test_cos_is_the_mean_squared_distance_to_the_targets() -> None:
    """(1 - 0.8)^2 = 0.04, (0.5 - 0.8)^2 = 0.09, (0.1 - 0.3)^2 = 0.04; mean 0.17 / 3 = 0.0566667."""
    loss = cosine_loss(torch.tensor([1.0, 0.5, 0.1]), bools(1, 1, 0), positive=0.8, negative=0.3)
    assert loss.item() == pytest.approx(0.0566667, abs=1e-6)


def test_cos_is_zero_at_the_targets_and_grows_away_from_them() -> None:
    at = cosine_loss(torch.tensor([0.8, 0.3]), bools(1, 0), positive=0.8, negative=0.3)
    off = cosine_loss(torch.tensor([0.7, 0.4]), bools(1, 0), positive=0.8, negative=0.3)
    assert at.item() == pytest.approx(0, abs=1e-12)
    assert off > at


@pytest.mark.parametrize(
    ("cosine", "same", "expected"),
    [
        # d = .1 and .4 for positives, .2 and .8 for negatives: .4 > .2 and .2 < .4 are hard; .16 + (.5 - .2)^2
        ([0.9, 0.6, 0.8, 0.2], [1, 1, 0, 0], 0.25),
        # the hard negatives at .6 and .7 lie beyond the margin: 0.81 of the positive at .9 is left
        ([0.1, 0.4, 0.3], [1, 0, 0], 0.81),
        # every positive is nearer than every negative: nothing is hard
        ([0.9, 0.8, 0.4, 0.3], [1, 1, 0, 0], 0.0),
        # equal distances are not hard
        ([0.7, 0.7], [1, 0], 0.0),
        # positives alone at .1 and .5: their mean .3 bounds them, .25 is left
        ([0.9, 0.5], [1, 1], 0.25),
        # negatives alone at .1 and .5: mean .3, the one at .1 counts (.5 - .1)^2
        ([0.9, 0.5], [0, 0], 0.16),
    ],
)
def test_ocl_sums_over_the_hard_pairs_alone(cosine: list[float], same: list[int], expected: float) -> None:
    loss = online_contrastive_loss(torch.tensor(cosine), bools(*same), margin=0.5)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_ocl_moves_hard_positives_together_and_hard_negatives_apart() -> None:
    """d L / d cos: -2 d for the hard positive (d = .4), +2 (margin - d) for the hard negative (d = .2), else 0."""
    cosine = torch.tensor([0.9, 0.6, 0.8, 0.2], requires_grad=True)
    online_contrastive_loss(cosine, bools(1, 1, 0, 0), margin=0.5).backward()
    assert cosine.grad is not None
    assert cosine.grad.tolist() == pytest.approx([0, -0.8, 0.6, 0], abs=1e-6)


def test_the_papers_counts_of_pairs() -> None:
    """770 utterances in 77 intents: 77 * C(10, 2) = 3,465 positives, 2 * 3 * 3,465 negatives, 24,255 in all."""
    rows = examples([(row // 10,) for row in range(770)])
    found = PairContrast(negatives=3).pairs(rows)
    assert sum(pair.same for pair in found) == 77 * comb(10, 2) == 3465
    assert len(found) == 24_255
    for pair in found:
        assert pair.same == (pair.left.labels == pair.right.labels)
        assert pair.left is not pair.right
    positives = {(pair.left.tokens, pair.right.tokens) for pair in found if pair.same}
    assert len(positives) == 3465


def test_each_positive_is_followed_by_n_negatives_of_either_side() -> None:
    rows = examples([(0,), (0,), (1,), (2,), (2,)])
    for first, *negatives in zip(*[iter(PairContrast(negatives=2).pairs(rows))] * 5, strict=True):
        assert first.same and not any(pair.same for pair in negatives)
        assert [pair.left for pair in negatives[:2]] == [first.left] * 2
        assert [pair.right for pair in negatives[2:]] == [first.right] * 2


def test_several_intents_share_one_to_be_positive_and_none_to_be_negative() -> None:
    rows = examples([(0, 1), (0,), (1,), (2,), (), (3,)])
    found = PairContrast(negatives=4).pairs(rows)
    assert {(p.left.labels, p.right.labels) for p in found if p.same} == {((0, 1), (0,)), ((0, 1), (1,))}
    for pair in found:
        assert pair.same == bool(set(pair.left.labels) & set(pair.right.labels))


def test_an_utterance_that_shares_an_intent_with_all_others_has_no_negatives() -> None:
    """The first row shares one with both others, which have each other as their only negative."""
    found = PairContrast(negatives=2).pairs(examples([(0, 1), (0,), (1,)]))
    assert [(p.left.labels, p.right.labels) for p in found] == [
        ((0, 1), (0,)),
        ((1,), (0,)),
        ((1,), (0,)),
        ((0, 1), (1,)),
        ((0,), (1,)),
        ((0,), (1,)),
    ]


def test_pairs_are_drawn_with_the_seed_and_limited() -> None:
    rows = examples([(row // 5,) for row in range(20)])
    assert PairContrast(seed=1).pairs(rows) == PairContrast(seed=1).pairs(rows)
    assert PairContrast(seed=1).pairs(rows) != PairContrast(seed=2).pairs(rows)
    limited = PairContrast(pair_limit=7, negatives=1).pairs(rows)
    assert (sum(pair.same for pair in limited), len(limited)) == (7, 21)


def test_one_utterance_an_intent_gives_no_pair() -> None:
    with pytest.raises(CorpusError, match="no intent has two utterances"):
        PairContrast().pairs(examples([(0,), (1,)]))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"loss_name": "dice"}, "loss_name is 'dice', expected smax, cos or ocl"),
        ({"negatives": 0}, "negatives is 0"),
        ({"batch_size": 1}, "batch_size 1"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PairContrast(**setting)  # type: ignore[arg-type]


def test_an_epoch_has_every_pair_once() -> None:
    rows = PairContrast(batch_size=4).pairs(examples([(row // 3,) for row in range(9)]))
    objective = PairContrast(batch_size=4)
    batches = list(objective.batches(rows, np.random.default_rng(0)))
    assert len(batches) == objective.epoch_steps(rows)
    assert sorted(row for batch in batches for row in batch) == list(range(len(rows)))
    assert max(map(len, batches)) == 4


def test_a_batch_encodes_each_text_once(encoder: Encoder) -> None:
    objective = PairContrast(negatives=2)
    dialogues = [
        utterance(text, (label,), id=str(number))
        for number, (text, label) in enumerate(
            [("track it", "a"), ("where is my parcel now please", "a"), ("refund", "b"), ("i want a refund", "b")]
        )
    ]
    pairs = objective.examples(dialogues, encoder.codec)
    batch = objective.collate(pairs, encoder.codec, Draws(0, 0, 0, tuple(range(len(pairs)))))
    rows = [ids[mask.bool()].tolist() for e in batch.encodings for ids, mask in zip(e.ids, e.mask, strict=True)]
    assert len(rows) == 4
    for pair, left, right, same in zip(
        pairs, batch.targets["left"], batch.targets["right"], batch.targets["same"], strict=True
    ):
        assert rows[left] == list(pair.left.tokens.ids)
        assert rows[right] == list(pair.right.tokens.ids)
        assert bool(same) == pair.same
    lengths = [len(row) for row in rows]
    assert all(one <= other for one, other in pairwise(lengths))


@pytest.mark.parametrize(("loss_name", "expected"), [("cos", 0.0357525), ("ocl", 0.0), ("smax", 0.693147)])
def test_the_loss_projects_with_tanh_and_compares_the_pairs_rows(loss_name: str, expected: float) -> None:
    """W_o = identity, b = 0, mean states (9, 0), (0, 9), (9, 9): tanh keeps directions, cosines 0, .7071, .7071.

    Pairs (0, 1) other, (0, 2) same, (1, 2) same: COS ((.3)^2 + 2 (.8 - .70711)^2) / 3 = (.09 + .0172574) / 3
    = .0357525. OCL: d = 1 and .2929: nothing is hard. SMAX with W = 0: log 2.
    """
    head = PairHead(Projection(2, 2), loss_name == "smax")
    with torch.no_grad():
        head.projection.linear.weight.copy_(torch.eye(2))
        head.projection.linear.bias.zero_()
        if loss_name == "smax":
            assert isinstance(head.classifier, nn.Linear)
            head.classifier.weight.zero_()
    states = torch.tensor([[[9.0, 0]], [[0, 9]], [[9, 9]]])
    hidden = (Hidden(states[:2], torch.ones(2, 1)), Hidden(states[2:], torch.ones(1, 1)))
    targets = {"left": torch.tensor([0, 0, 1]), "right": torch.tensor([1, 2, 2]), "same": bools(0, 1, 1)}
    objective = PairContrast(loss_name=loss_name)  # type: ignore[arg-type]
    loss = objective.loss(hidden, head, Batch((), targets))
    assert loss.item() == pytest.approx(expected, abs=1e-5)


def test_the_head_is_as_wide_as_the_encoder_but_for_a_stated_width(encoder: Encoder) -> None:
    assert PairContrast().head(encoder, []).projection.width == 32
    wide = PairContrast(loss_name="smax", width=48).head(encoder, [])
    assert wide.projection.width == 48
    assert wide.classifier.weight.shape == (2, 144)
