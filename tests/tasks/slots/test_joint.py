"""Values of two slots in one sentence."""

import torch

from turnwise.tasks.slots.joint import best_values, overlapping


def probabilities(*answers: dict[tuple[int, int], float], tokens: int = 3) -> torch.Tensor:
    """One sentence: for each slot the probabilities of spans, (start, end), and of (0, 0), none."""
    found = torch.zeros(len(answers), 1, 1 + tokens * tokens)
    for slot, own in enumerate(answers):
        for (start, end), value in own.items():
            found[slot, 0, 0 if end == 0 else 1 + start * tokens + end - 1] = value
    return found


def test_the_likelier_of_two_overlapping_values_stays() -> None:
    """Slot 0 takes tokens 0 to 2 with 0.9; slot 1 wanted token 1 and takes its second best, token 2."""
    given = probabilities({(0, 2): 0.9}, {(1, 2): 0.5, (2, 3): 0.3, (0, 0): 0.2})
    starts, ends, sure = best_values(given, 3, ("a", "b"), [])
    assert (starts.tolist(), ends.tolist()) == ([[0], [2]], [[2], [3]])
    assert sure.flatten().tolist() == [torch.tensor(0.9).item(), torch.tensor(0.3).item()]
    starts, ends, _ = best_values(given, 3, ("a", "b"), [["a", "b"]])
    assert (starts.tolist(), ends.tolist()) == ([[0], [1]], [[2], [2]])


def test_nothing_may_be_left() -> None:
    given = probabilities({(0, 3): 0.9}, {(1, 2): 0.6, (0, 0): 0.4})
    starts, ends, _ = best_values(given, 3, ("a", "b"), [])
    assert ends.tolist() == [[3], [0]]
    assert starts.tolist() == [[0], [0]]


def test_apart_values_stay_as_they_are() -> None:
    given = probabilities({(0, 1): 0.9}, {(1, 2): 0.6}, {(0, 0): 1.0})
    _, ends, _ = best_values(given, 3, ("a", "b", "c"), [])
    assert ends.tolist() == [[1], [2], [0]]


def test_pairs_that_overlap_in_training() -> None:
    """a and b overlap in one of two sentences, a and c never, b and c in one of eleven: less than a tenth."""
    both = {"a": (0, 3), "b": (2, 4)}
    apart = {"a": (0, 1), "b": (1, 2)}
    rare = [{"b": (0, 1), "c": (0, 1)}] + [{"b": (0, 1), "c": (1, 2)}] * 10
    assert overlapping([both, apart, {"a": (0, 1), "c": (1, 2)}, *rare]) == [["a", "b"]]
