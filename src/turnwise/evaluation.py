"""Measure objectives on held-out examples: the losses and whatever else they score."""

from collections.abc import Sequence

import numpy as np
import torch

from turnwise.encoder import Encoder
from turnwise.objectives.objective import Draws, Hidden
from turnwise.parts import Part, loss_titles
from turnwise.precision import Precision, mixed, resolve

Scores = dict[str, dict[str, float]]


def evaluate(
    encoder: Encoder, parts: Sequence[Part], *, seed: int = 0, limit: int | None = None, precision: Precision = "fp32"
) -> Scores:
    """For each objective and rider its mean ``loss`` and scores, over at most ``limit`` examples of each part.

    Their names are those of the losses of a ``Step``.

    The batches and what is hidden or drawn in them are the same for the same seed, so that scores before and after
    training are of the same questions. A loss that contrasts depends on the batch size: a part of 100 makes
    ``recall@1`` the recall among 100. Gradients are not needed; the encoder's mode is left as it was.
    """
    found: Scores = {}
    training = encoder.training
    encoder.eval()
    device = encoder.device
    try:
        with torch.inference_mode(), mixed(encoder.backbone, resolve(precision, device)):
            for index, (part, titles) in enumerate(zip(parts, loss_titles(parts), strict=True)):
                found |= _measured(encoder, part, index, titles, seed, limit)
    finally:
        encoder.train(training)
    return found


def _measured(encoder: Encoder, part: Part, index: int, titles: Sequence[str], seed: int, limit: int | None) -> Scores:
    sums: dict[str, dict[str, list[float]]] = {}
    seen = 0
    for rows in part.objective.batches(part.examples, np.random.default_rng([seed, index])):
        if limit is not None and seen + len(rows) > limit:
            if seen:
                break
            rows = rows[:limit]
        seen += len(rows)
        draws = Draws(seed, index, 0, tuple(rows))
        batch = part.objective.collate([part.examples[row] for row in rows], encoder.codec, draws)
        encodings = batch.encodings
        targets = []
        for ride in part.rides:
            corrupted = [ride.rider.corrupt(encoding, encoder.codec, draws) for encoding in encodings]
            encodings = tuple(encoding for encoding, _ in corrupted)
            targets.append([{k: v.to(encoder.device) for k, v in told.items()} for _, told in corrupted])
        batch = type(batch)(
            tuple(encoding.to(encoder.device) for encoding in encodings),
            {name: target.to(encoder.device) for name, target in batch.targets.items()},
            batch.count,
        )
        hidden = tuple(Hidden(encoder(encoding).float(), encoding.mask) for encoding in batch.encodings)
        if part.objective.learns and batch.number:
            loss = float(part.objective.loss(hidden, part.head, batch))
            _add(sums, titles[0], "loss", loss, batch.number)
            for name, values in part.objective.score(hidden, part.head, batch).items():
                _add(sums, titles[0], name, float(values.float().sum()), len(values), summed=True)
        for title, ride, told in zip(titles[1:], part.rides, targets, strict=True):
            count = ride.rider.count(told)
            if count == 0:
                continue
            _add(sums, title, "loss", float(ride.rider.loss(hidden, ride.head, told)), count)
            for name, values in ride.rider.score(hidden, ride.head, told).items():
                _add(sums, title, name, float(values.float().sum()), len(values), summed=True)
    return {
        title: {name: total / count for name, (total, count) in values.items() if count}
        for title, values in sums.items()
    }


def _add(
    sums: dict[str, dict[str, list[float]]], title: str, name: str, value: float, count: int, *, summed: bool = False
) -> None:
    entry = sums.setdefault(title, {}).setdefault(name, [0.0, 0.0])
    entry[0] += value if summed else value * count
    entry[1] += count
