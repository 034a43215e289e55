"""The benchmark corpora: DialoGLUE's BANKING77, CLINC150 and HWU64, in shots, full, dev and test."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from turnwise.corpora import read_corpus
from turnwise.tasks.intent.examples import Utterance, utterances

RESULTS = Path(__file__).parent / "results"
SPLITS = Path(__file__).parent / "splits"
DATASETS = ("banking", "clinc", "hwu")


def data_folder() -> Path:
    """The folder that TURNWISE_DATA names; exits with a hint when it is not set."""
    folder = os.environ.get("TURNWISE_DATA")
    if not folder or not Path(folder).is_dir():
        sys.exit("error: set TURNWISE_DATA to the folder of the benchmark data (see benchmarks/README.md)")
    return Path(folder)


def split(dataset: str, name: str) -> list[Utterance]:
    """A DialoGLUE split: train, val, test, train_10, train_5."""
    return utterances(read_corpus(f"dialoglue:{data_folder() / 'dialoglue' / dataset}@{name}"))


def dev(dataset: str) -> list[Utterance]:
    """val without its repeated rows (it was drawn with replacement)."""
    seen: dict[tuple[str, tuple[str, ...]], Utterance] = {}
    for utterance in split(dataset, "val"):
        seen.setdefault((utterance.text.casefold(), utterance.labels), utterance)
    return list(seen.values())


def train_without_dev(dataset: str) -> list[Utterance]:
    """train without the texts of val: what every choice is made on."""
    texts = {utterance.text.casefold() for utterance in split(dataset, "val")}
    return [utterance for utterance in split(dataset, "train") if utterance.text.casefold() not in texts]


def everything(dataset: str) -> list[Utterance]:
    """All training data: BANKING77's 10,003 rows, else DialoGLUE's train and val."""
    if dataset == "banking":
        return utterances(read_corpus(f"banking77:{data_folder() / 'banking77'}@train"))
    return [*split(dataset, "train"), *split(dataset, "val")]


def sample(dataset: str, shots: int, number: int, *, for_dev: bool = False) -> list[Utterance]:
    """``shots`` utterances an intent. Sample 0 of 10 shots is DialoGLUE's train_10 file.

    Other samples are drawn from train.csv; their row numbers are kept in ``splits/`` and read from there.
    With ``for_dev``, the rows come from train without the texts of val.
    """
    if shots == 10 and number == 0 and not for_dev:
        return split(dataset, "train_10")
    rows = train_without_dev(dataset) if for_dev else split(dataset, "train")
    if for_dev:
        return [rows[row] for row in _draw(rows, shots, number)]
    path = SPLITS / f"{dataset}-{shots}-{number}.json"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(_draw(rows, shots, number)) + "\n", encoding="utf-8")
    return [rows[row] for row in json.loads(path.read_text(encoding="utf-8"))]


def _draw(rows: list[Utterance], shots: int, number: int) -> list[int]:
    groups: dict[str, list[int]] = {}
    for row, utterance in enumerate(rows):
        groups.setdefault(utterance.labels[0], []).append(row)
    rng = np.random.default_rng([number, shots])
    return sorted(
        group[at]
        for label in sorted(groups)
        for group in [groups[label]]
        for at in rng.permutation(len(group))[:shots].tolist()
    )


def tables_of(said: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The tables of a recipe from TABLE.KEY=VALUE; a value is a whole number, a number, true or false, or a text."""
    tables: dict[str, dict[str, Any]] = {}
    for item in said:
        key, _, value = item.partition("=")
        section, _, key = key.partition(".")
        tables.setdefault(section, {})[key] = _value(value)
    return tables


def _value(said: str) -> str | int | float | bool:
    if said in ("true", "false"):
        return said == "true"
    for kind in (int, float):
        try:
            return kind(said)
        except ValueError:
            continue
    return said
