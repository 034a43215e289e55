"""The protocols of the tasks on labelled dialogues: train, dev and test dialogues of each, and the recipe's mode."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

import _data
from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue
from turnwise.tasks.universal_acts import GSIM, of_agents, universal, without_domain

Parts = tuple[list[Dialogue], list[Dialogue], list[Dialogue]]
"""Train, dev, test."""


@dataclass(frozen=True)
class Protocol:
    """What is fitted on what.

    ``figure`` is the metric that pictures show. Of the training and dev dialogues at most ``train`` and ``dev`` are
    taken (drawn once, for all shares alike): what a few hours of two cores can pay. The test dialogues are all taken.
    ``neutral`` is the label that the second F1, without it, leaves out.
    """

    recipe: str
    parts: Callable[[], Parts]
    figure: str
    parameters: dict[str, Any] = field(default_factory=dict)
    train: int | None = None
    dev: int | None = None
    neutral: str | None = None


def read(spec: str) -> list[Dialogue]:
    """The dialogues of READER:PATH@SPLIT, PATH below the data folder."""
    reader, _, rest = spec.partition(":")
    return list(read_corpus(f"{reader}:{_data.data_folder() / rest}" if rest else spec))


def drawn(dialogues: Sequence[Dialogue], number: int | None, seed: int = 0) -> list[Dialogue]:
    """The first ``number`` of the dialogues in a random order; of one seed, fewer are always part of more."""
    order = np.random.default_rng([seed, len(dialogues)]).permutation(len(dialogues)).tolist()
    return [dialogues[row] for row in order[: len(order) if number is None else number]]


def cut(dialogues: Sequence[Dialogue], dev: float, test: float) -> Parts:
    """A seeded split by dialogue, where the publisher gives none: the shares of dev and test, the rest is train."""
    mixed = drawn(dialogues, None, seed=1)
    first, second = round(test * len(mixed)), round((test + dev) * len(mixed))
    return mixed[second:], mixed[first:second], mixed[:first]


def gsim() -> Parts:
    """Films and restaurants together, acts under 13 universal names, those of the system alone."""
    return tuple(
        [
            of_agents(universal(dialogue, GSIM))
            for dialogue in chain(read(f"gsim:gsim/sim-M@{split}"), read(f"gsim:gsim/sim-R@{split}"))
        ]
        for split in ("train", "dev", "test")
    )  # type: ignore[return-value]


def multiwoz() -> Parts:
    """Trained on single-domain dialogues, measured on all of MultiWOZ 2.1's val and test; no domain in the acts."""
    specs = ("multiwoz_single:multiwoz_single_domain_dstc8@train", "multiwoz21:multiwoz21@val")
    specs += ("multiwoz21:multiwoz21@test",)
    return tuple([of_agents(without_domain(found)) for found in read(spec)] for spec in specs)  # type: ignore[return-value]


def dailydialog() -> Parts:
    """As published."""
    return tuple(read(f"dailydialog:dailydialog@{split}") for split in ("train", "validation", "test"))  # type: ignore[return-value]


def sample() -> Parts:
    """The sample corpus."""
    return tuple(list(read_corpus(f"sample@{split}")) for split in ("train", "dev", "test"))  # type: ignore[return-value]


def star() -> Parts:
    """The complete dialogues; a tenth is dev, a fifth test."""
    return cut(read("star:star@complete"), 0.1, 0.2)


def stc3() -> Parts:
    """The English training file, whose labels are known; a seventh is dev, a fifth test."""
    return cut(read("stc3:stc3_helpdesk@train_en"), 0.15, 0.2)


PROTOCOLS = {
    "acts-next/gsim": Protocol("acts-next", gsim, "micro_f1"),
    "acts-next/multiwoz": Protocol("acts-next", multiwoz, "micro_f1", dev=150),
    "acts-next/sample": Protocol("acts-next", sample, "micro_f1"),
    "acts/gsim": Protocol("acts", gsim, "micro_f1"),
    "acts/multiwoz": Protocol("acts", multiwoz, "micro_f1", dev=150),
    "acts/sample": Protocol("acts", sample, "micro_f1"),
    "emotion/dailydialog": Protocol("emotion", dailydialog, "macro_f1", dev=500, neutral="no emotion"),
    "emotion/sample": Protocol("emotion", sample, "macro_f1", neutral="neutral"),
    "handoff/star": Protocol("handoff", star, "average_precision", train=1_500, dev=300),
    "handoff/sample": Protocol("handoff", sample, "average_precision"),
    "satisfaction/stc3": Protocol("satisfaction", stc3, "macro_f1"),
    "satisfaction/sample": Protocol("satisfaction", sample, "macro_f1"),
}
