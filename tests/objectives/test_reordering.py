"""What utterance reordering sees, and its loss worked by hand."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
import torch

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.layout import Layout
from turnwise.objectives import Reordering
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.objectives.reordering import kendall_tau, reordering_loss
from turnwise.store import TurnStore

LINE = "c my card | a we have stopped it | c where is it | a sure we have it | c thank you | a on monday hello | c done"


def test_the_loss_is_the_cross_entropy_of_two_softmaxes() -> None:
    """True positions 2, 1: y_t = softmax(2, 1) = (.731059, .268941). Scores (log 3, 0): y_p = (3/4, 1/4).

    .731059 log(4/3) + .268941 log 4 = .210314 + .372831 = .583144.
    """
    scores = torch.tensor([[math.log(3), 0.0]])
    assert reordering_loss(scores, torch.tensor([[1, 0]]), eps=0.0).item() == pytest.approx(0.583144, abs=1e-6)


def test_the_loss_is_a_mean_over_groups_and_least_at_the_entropy() -> None:
    """Scores that are the positions give the entropy of softmax(1, 2, 3) = (.090031, .244728, .665241): .832396.

    Even scores give log 3 = 1.098612. Mean .965504.
    """
    scores = torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    order = torch.tensor([[2, 0, 1], [0, 1, 2]])
    assert reordering_loss(scores, order, eps=0.0).item() == pytest.approx(0.965504, abs=1e-6)
    assert reordering_loss(scores[:1], order[:1], eps=1e-6).item() == pytest.approx(0.832396, abs=1e-5)


def test_eps_keeps_the_loss_of_a_sure_mistake_finite() -> None:
    """y_p = (1, 0) to the last bit: .731059 of the target falls on log 1e-6 = -13.815511."""
    scores = torch.tensor([[0.0, 1000.0]])
    loss = reordering_loss(scores, torch.tensor([[1, 0]]), eps=1e-6).item()
    assert loss == pytest.approx(0.731059 * 13.815511, rel=1e-5)


def test_scores_nearer_to_the_order_lower_the_loss() -> None:
    order = torch.tensor([[0, 1, 2]])
    tried = [torch.tensor([[3.0, 2.0, 1.0]]), torch.zeros(1, 3), torch.tensor([[1.0, 1.0, 2.0]]), order + 1.0]
    losses = [reordering_loss(scores, order, eps=1e-6).item() for scores in tried]
    assert losses == sorted(losses, reverse=True)


def test_kendalls_tau_counts_pairs() -> None:
    """3 of 3 pairs right, 2 of 3, none."""
    scores = torch.tensor([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [3.0, 2.0, 1.0]])
    assert kendall_tau(scores, torch.tensor([[0, 1, 2]] * 3)).tolist() == pytest.approx([1, 1 / 3, -1])


def rows_of(
    objective: Reordering, encoder: Encoder, dialogues: Sequence[Dialogue], seed: int = 0
) -> tuple[Batch, TurnStore]:
    store = TurnStore.of(dialogues, encoder.codec)
    places = objective.examples(store, encoder.codec)
    return objective.collate(list(places), encoder.codec, Draws(seed, 0, 0, tuple(range(len(places))))), store


def turns_of(text: str) -> list[str]:
    return [f"[{part.strip()}" for part in text.removesuffix(" [SEP]").split("[")[2:]]


def test_the_true_places_put_the_utterances_back(tod: Encoder, said: Callable, read: Callable) -> None:
    """Roles and lengths of a group do not move; all six orders of it come up, each as often."""
    line = LINE + " | a sure we have it yet | c hello you | a monday"
    dialogues = said(line)
    original = [{"c": "[USR]", "a": "[SYS]"}[part.strip()[0]] + part.strip()[1:] for part in line.split("|")]
    seen: Counter[tuple[int, ...]] = Counter()
    for seed in range(240):
        batch, _ = rows_of(Reordering(), tod, dialogues, seed)
        turns = turns_of(read(tod, batch.encodings[0])[0])
        starts = [at for at, mark in enumerate(batch.encodings[0].marks[0].tolist()) if mark > 1]
        (group,), (order,) = batch.targets["place"].tolist(), batch.targets["order"].tolist()
        slots = [starts.index(position) for row, position in group]
        assert [turn[:5] for turn in turns] == [turn[:5] for turn in original]
        assert [len(turn.split()) for turn in turns] == [len(turn.split()) for turn in original]
        for slot, true in zip(slots, order, strict=True):
            assert turns[slot] == original[slots[true]]
        seen[tuple(order)] += 1
    assert len(seen) == 6
    assert max(seen.values()) < 40 + 3 * math.sqrt(40)


def test_as_published_a_group_is_three_utterances_in_a_row(tod: Encoder, said: Callable) -> None:
    slots = set()
    for seed in range(60):
        batch, _ = rows_of(Reordering(as_published=True), tod, said(LINE), seed)
        marks = batch.encodings[0].marks
        assert marks is not None
        starts = [at for at, mark in enumerate(marks[0].tolist()) if mark > 1]
        slots.add(tuple(sorted(starts.index(position) for _, position in batch.targets["place"][0].tolist())))
    assert slots == {(at, at + 1, at + 2) for at in range(5)}


def test_groups_are_disjoint_and_the_batch_counts_them(tod: Encoder, said: Callable) -> None:
    line = " | ".join(f"{who} {text}" for text in ("my card", "on monday", "thank you") for who in "cac")
    batch, _ = rows_of(Reordering(groups=2), tod, said(line, "c hello | c help | c done"))
    found = [tuple(position) for group in batch.targets["place"].tolist() for position in group]
    assert len(found) == len(set(found)) == 3 * (batch.count or 0) == 9


def test_a_group_that_does_not_fit_any_more_counts_for_nothing(tod: Encoder, said: Callable) -> None:
    """40 tokens hold the customer's first turn and the agent's long last one: no group is left, and the loss is 0."""
    long = " ".join(["monday"] * 37)
    batch, _ = rows_of(Reordering(), tod, said(f"c hello | c help | c done | a {long}"))
    assert batch.count == 0
    head = Reordering().head(tod, [])
    loss = Reordering().loss((hidden_of(tod, batch),), head, batch)
    loss.backward()
    assert loss.item() == 0


def hidden_of(encoder: Encoder, batch: Batch) -> Hidden:
    return Hidden(encoder(batch.encodings[0]), batch.encodings[0].mask)


@pytest.mark.parametrize(
    ("objective", "line", "possible"),
    [
        (Reordering(), "c hello | c help | c done", True),
        (Reordering(), "c hello | a help | c done", False),
        (Reordering(), "c hello | c help | c thank you", False),
        (Reordering(), "c hello | c help | c done | ? sure", False),
        (Reordering(group_size=2), "c hello | a help | c done", True),
        (Reordering(as_published=True), "c hello | a help | c thank you", True),
        (Reordering(as_published=True), "c hello | a help", False),
    ],
)
def test_which_dialogues_hold_a_group(
    tod: Encoder, said: Callable, objective: Reordering, line: str, possible: bool
) -> None:
    """Three turns of one speaker and length; as published any three; speakers must be known."""
    store = TurnStore.of(said(line, "c hello | c help | c done"), tod.codec)
    assert len(objective.examples(store, tod.codec)) == 1 + possible


def test_a_corpus_without_a_group_is_refused(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello | a sure", "c help"), tod.codec)
    expected = "with 3 turns of one speaker and about one length, and none of 2 is one; give longer dialogues or a"
    with pytest.raises(CorpusError, match=expected):
        Reordering().examples(store, tod.codec)
    with pytest.raises(CorpusError, match="with 3 turns in a row, and none of 2 is one"):
        Reordering(as_published=True).examples(store, tod.codec)


def test_speaker_tokens_are_needed(tiny: Encoder, said: Callable) -> None:
    tiny.use_layout(Layout("plain"))
    with pytest.raises(InputError, match=r'needs speaker tokens; choose input.format = "tod" or "cs-bert"'):
        Reordering().examples(TurnStore.of(said("c hello | c help | c done"), tiny.codec), tiny.codec)


def test_parameters_outside_their_range_are_refused() -> None:
    with pytest.raises(InputError, match="group_size is 1 and groups 1, expected at least 2 and at least 1"):
        Reordering(group_size=1)
