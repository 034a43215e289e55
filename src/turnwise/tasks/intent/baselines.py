"""Classifiers over a frozen encoder, to compare with: logistic regression and ConvFiT's two-layer MLP."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional

from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.tasks.intent.bank import Array
from turnwise.tasks.intent.examples import Utterance, label_names
from turnwise.vectors import unit

Classifier = Callable[[Sequence[str]], list[str]]


def fit_logistic(found: Sequence[Utterance], encoder: Encoder, *, strength: float = 10.0, seed: int = 0) -> Classifier:
    """Multinomial logistic regression over unit sentence vectors; ``strength`` is scikit-learn's C."""
    vectors, labels, names = _single(found, encoder)
    model = LogisticRegression(C=strength, max_iter=1000, random_state=seed).fit(vectors, labels)
    return lambda texts: [names[column] for column in model.predict(unit(encoder.encode(texts)))] if texts else []


def fit_mlp(
    found: Sequence[Utterance],
    encoder: Encoder,
    *,
    hidden: int = 768,
    epochs: int = 500,
    learning_rate: float = 0.5,
    dropout: float = 0.75,
    batch_size: int = 32,
    seed: int = 0,
) -> Classifier:
    """Two fully connected layers over the frozen encoder, by SGD with linear decay.

    Source: Casanueva et al. 2020, as used in ConvFiT (footnote 10): 768 wide, rate 0.5, dropout 0.75, 500 epochs,
    batches of 32.
    """
    vectors, labels, names = _single(found, encoder)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(vectors.shape[1], hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, len(names)),
    )
    inputs, targets = torch.from_numpy(vectors), torch.from_numpy(labels)
    steps = epochs * -(-len(inputs) // batch_size)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for rows in order.split(batch_size):
            loss = functional.cross_entropy(model(inputs[rows]), targets[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()

    def predict(texts: Sequence[str]) -> list[str]:
        with torch.inference_mode():
            columns = model(torch.from_numpy(unit(encoder.encode(texts)))).argmax(1)
        return [names[column] for column in columns.tolist()]

    return predict


def _single(
    found: Sequence[Utterance], encoder: Encoder
) -> tuple[Array, "np.ndarray[tuple[int], np.dtype[np.int64]]", tuple[str, ...]]:
    names = label_names(found)
    several = next((utterance for utterance in found if len(utterance.labels) != 1), None)
    if several is not None:
        raise CorpusError(f"the baselines take one intent an utterance; {several.text!r} has {len(several.labels)}")
    place = {name: column for column, name in enumerate(names)}
    labels = np.array([place[utterance.labels[0]] for utterance in found], dtype=np.int64)
    return unit(encoder.encode([utterance.text for utterance in found])), labels, names
