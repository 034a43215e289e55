"""Several labels: targets, thresholds and figures worked by hand."""

import math

import numpy as np
import pytest
import torch

from turnwise.dialogue import Evidence
from turnwise.errors import CorpusError, InputError
from turnwise.tasks.answers import Answered, Several

LEARNED = {"labels": ["ask", "bye", "tell"], "threshold": 0.5}


def answered(gold: tuple[str, ...], said: tuple[str, ...], dialogue: str = "d") -> Answered:
    return Answered(dialogue, gold, said, Evidence())


def test_labels_are_learned_sorted_and_targets_leave_out_unknown_ones() -> None:
    learned = Several(0.3).learn([("tell", "ask"), (), ("bye",)], "acts")
    assert learned == {"labels": ["ask", "bye", "tell"], "threshold": 0.3}
    assert Several().target(("tell", "sing"), learned).tolist() == [0, 0, 1]


def test_fewer_than_two_labels_or_another_type_are_refused() -> None:
    with pytest.raises(CorpusError, match="'acts', and only 'ask' occurs in it"):
        Several().learn([("ask",), ()], "acts")
    with pytest.raises(CorpusError, match="and the corpus has none"):
        Several().learn([], "acts")
    with pytest.raises(CorpusError, match=r"labels.acts is 'ask', expected a list of names"):
        Several().learn(["ask"], "acts")
    with pytest.raises(InputError, match="threshold is 1"):
        Several(1)


def test_loss_is_the_mean_binary_cross_entropy() -> None:
    """Logits 0 and ln 3 with targets 1 and 0: (ln 2 + ln 4) / 2."""
    loss = Several().loss(torch.tensor([[0.0, math.log(3)]]), torch.tensor([[1.0, 0.0]]))
    assert float(loss) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_an_answer_holds_what_reaches_the_threshold_and_how_sure_all_of_it_is() -> None:
    label, sure, others = Several().answer(np.array([0.8, 0.1, 0.6]), LEARNED)
    assert label == ("ask", "tell")
    assert sure == pytest.approx(0.8 * 0.9 * 0.6)
    assert others == (("ask", 0.8), ("tell", 0.6), ("bye", 0.1))


def test_at_least_one_gives_the_likeliest() -> None:
    low = np.array([0.1, 0.3, 0.2])
    assert Several().answer(low, LEARNED)[0] == ()
    assert Several(at_least_one=True).answer(low, LEARNED)[0] == ("bye",)


def test_the_threshold_with_the_best_micro_f1_is_chosen_and_of_equal_ones_the_middle() -> None:
    """Right from above 0.2 to 0.7 all are found and nothing else: 0.25 to 0.7, ten steps, the sixth is 0.5."""
    scores, targets = np.array([[0.7, 0.2], [0.1, 0.9]]), np.array([[1, 0], [0, 1]], dtype=np.float32)
    assert Several(0.9).finish(LEARNED, scores, targets)["threshold"] == 0.5
    assert Several(0.9, tuned=False).finish(LEARNED, scores, targets) == LEARNED
    assert Several(0.9).quality(scores, targets, 0.0) == 1
    assert Several(0.9, tuned=False).quality(scores, targets, 0.0) == pytest.approx(2 / 3)


def test_macro_f1_chooses_what_finds_rare_labels_too() -> None:
    """From 0.35 to 0.4 the rare label is found at the price of a wrong one: micro 2*4/9, macro (1 + 2/3) / 2; above it
    is missed: micro 2*3/7, macro (1 + 0) / 2. With 0.05 to 0.3 both labels are given everywhere."""
    scores = np.array([[0.9, 0.3], [0.9, 0.4], [0.9, 0.4]])
    targets = np.array([[1, 0], [1, 0], [1, 1]], dtype=np.float32)
    macro = Several(average="macro")
    assert macro.quality(scores, targets, 0.0) == pytest.approx(5 / 6)
    assert 0.35 <= macro.finish(LEARNED, scores, targets)["threshold"] <= 0.4
    assert macro.chosen_by == "macro-F1"
    with pytest.raises(InputError, match="average is 'mean', expected micro or macro"):
        Several(average="mean")  # type: ignore[arg-type]


def test_at_least_one_counts_where_the_threshold_is_chosen() -> None:
    """No score reaches 0.9, but the likeliest is given: all is right."""
    scores, targets = np.array([[0.4, 0.2]]), np.array([[1, 0]], dtype=np.float32)
    assert Several(0.9, tuned=False, at_least_one=True).quality(scores, targets, 0.0) == 1


def test_figures_by_hand() -> None:
    """Right 2 of 3 given, 4 wanted: micro 4/7. ask 1 of 1 and 1: 1; tell 2/3; bye 0; sing 0: macro 5/12."""
    pairs = [answered(("ask", "tell"), ("ask", "tell")), answered(("tell",), ("bye",)), answered(("sing",), ())]
    found = Several().measure(pairs, LEARNED, draws=10, seed=0)
    assert found["n"] == 3
    assert found["micro_f1"] == pytest.approx(2 * 2 / (3 + 4))
    assert found["macro_f1"] == pytest.approx((1 + 2 / 3 + 0 + 0) / 4)
    assert found["exact_match"] == pytest.approx(1 / 3)
    assert found["unknown_labels"] == ["sing"]
    assert found["intervals"]["micro_f1"] == [found["micro_f1"]] * 2


def test_how_sure_answers_are_is_compared_with_how_many_are_right() -> None:
    """Three answers at 0.9, two of them right: 0.9 - 2/3 off; in the bin from 13/15 to 14/15."""
    pairs = [Answered("d", ("ask",), said, Evidence(0.9)) for said in (("ask",), ("ask",), ("bye",))]
    found = Several().measure(pairs, LEARNED, draws=2, seed=0)
    assert found["ece"] == pytest.approx(0.9 - 2 / 3)
    (one,) = found["reliability"]
    assert (one["n"], one["accuracy"], one["confidence"]) == (3, pytest.approx(2 / 3), pytest.approx(0.9))
