"""Probable label errors: items whose given label their neighbours contradict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.dialogue import Neighbour
from turnwise.errors import InputError
from turnwise.vectors import unit

Floats = NDArray[np.floating[Any]]

TEMPERATURE = 0.05
_BLOCK = 1 << 23
"""Similarities held at once."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled texts with their vectors, shape (texts, dim); one label a text."""

    texts: Sequence[str]
    labels: Sequence[str]
    vectors: Floats


@dataclass(frozen=True, slots=True)
class LabelError:
    """An item whose label is probably wrong.

    ``index`` is its place among the items; ``given_probability`` and ``suggested_probability`` are what its
    neighbours vote for the given and the suggested label; ``neighbours`` are the nearest of the suggested label.
    """

    index: int
    text: str
    given: str
    suggested: str
    given_probability: float
    suggested_probability: float
    neighbours: tuple[Neighbour, ...]

    @property
    def margin(self) -> float:
        """How far the vote for the suggested label exceeds that for the given one, in (0, 1]."""
        return self.suggested_probability - self.given_probability


def probable_label_errors(
    texts: Sequence[str],
    labels: Sequence[str],
    vectors: Floats,
    *,
    bank: Examples | None = None,
    temperature: float = TEMPERATURE,
    neighbours: int = 3,
    most: int = 50,
) -> list[LabelError]:
    """The items most probably mislabelled, worst first.

    Each item's neighbours vote on its label, softly and without the item itself:
    ``p(y | i) = sum_{j != i, y_j = y} exp(cos(i, j) / T) / sum_{j != i} exp(cos(i, j) / T)``.
    An item is reported when its most voted label y is not the given one and p(y | i) reaches the mean of
    p(y | j) over the items j labelled y (0.5 without such items), the confident joint of confident learning;
    the order is the normalised margin p(y | i) - p(given | i) (Northcutt, Jiang and Chuang, 2021). A label with
    a single item is never doubted nor suggested: there is no second item to vote for it.

    ``vectors`` has shape (texts, dim). With a ``bank`` the votes come from it (training utterances, say) and
    not from the items. Raises InputError when lengths differ or ``temperature`` is not above 0.
    """
    items = Examples(texts, labels, vectors)
    voters = items if bank is None else bank
    for name, examples in (("items", items), ("bank", voters)):
        lengths = (len(examples.texts), len(examples.labels), len(examples.vectors))
        if len(set(lengths)) > 1:
            raise InputError(f"the {name} have {lengths[0]} texts, {lengths[1]} labels and {lengths[2]} vectors")
    if not temperature > 0:
        raise InputError(f"temperature is {temperature}, expected a number above 0")
    if not len(items.texts) or not len(voters.texts):
        return []
    names = sorted(set(voters.labels))
    number = {name: index for index, name in enumerate(names)}
    voter_numbers = np.array([number[label] for label in voters.labels])
    item_units, voter_units = unit(items.vectors), unit(voters.vectors)
    votes = _votes(item_units, voter_units, voter_numbers, temperature, leave_out=bank is None)
    enough = np.bincount(voter_numbers) >= (2 if bank is None else 1)
    votes = np.where(enough, votes, 0.0)
    rows = np.arange(len(item_units))
    given = np.array([number.get(label, -1) for label in items.labels])
    suggested = votes.argmax(axis=1)
    judged = (given >= 0) & enough[given]
    usual = np.full(len(names), 0.5)
    for k in np.unique(given[judged]):
        usual[k] = votes[judged & (given == k), k].mean()
    margin = votes[rows, suggested] - votes[rows, given]
    found = np.flatnonzero(judged & (margin > 0) & (votes[rows, suggested] >= usual[suggested]))
    ranked = found[np.argsort(-margin[found], kind="stable")][:most].tolist()
    errors = []
    for i in ranked:
        places = np.flatnonzero(voter_numbers == suggested[i])
        similarity = voter_units[places] @ item_units[i]
        nearest = np.argsort(-similarity, kind="stable")[:neighbours].tolist()
        chosen = [(int(places[k]), float(similarity[k])) for k in nearest]
        errors.append(
            LabelError(
                index=i,
                text=items.texts[i],
                given=items.labels[i],
                suggested=names[suggested[i]],
                given_probability=float(votes[i, given[i]]),
                suggested_probability=float(votes[i, suggested[i]]),
                neighbours=tuple(Neighbour(voters.texts[j], (voters.labels[j],), cosine) for j, cosine in chosen),
            )
        )
    return errors


def _votes(
    items: Floats, voters: Floats, labels: NDArray[np.int64], temperature: float, *, leave_out: bool
) -> NDArray[np.float64]:
    """Soft votes, shape (items, labels), each row summing to 1 (or 0 without a voter)."""
    by_label = np.zeros((len(voters), int(labels.max()) + 1))
    by_label[np.arange(len(voters)), labels] = 1.0
    size = max(1, _BLOCK // len(voters))
    votes = np.empty((len(items), by_label.shape[1]))
    for start in range(0, len(items), size):
        cosine = items[start : start + size].astype(np.float64) @ voters.T
        weight = np.exp((cosine - 1.0) / temperature)
        if leave_out:
            rows = np.arange(len(weight))
            weight[rows, start + rows] = 0.0
        votes[start : start + size] = weight @ by_label
    votes /= np.maximum(votes.sum(axis=1, keepdims=True), 1e-300)
    return votes
