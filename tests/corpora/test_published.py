"""The published counts, where the environment variable TURNWISE_DATA names a folder of the data sets."""

import os
from collections import Counter
from pathlib import Path

import pytest

from turnwise.corpora import parse
from turnwise.dialogue import intents

DATA = os.environ.get("TURNWISE_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")


def counts(reader: str, path: str) -> dict[str, int]:
    source = parse(f"{reader}:{Path(DATA or '') / path}", None)
    return Counter(dialogue.id.split(":")[1] for dialogue in source.read())


def labels(reader: str, path: str, split: str) -> set[tuple[str, ...] | None]:
    source = parse(f"{reader}:{Path(DATA or '') / path}@{split}")
    return {intents(dialogue.turns[0]) for dialogue in source.read()}


def test_banking77() -> None:
    assert counts("banking77", "banking77") == {"train": 10_003, "test": 3_080}
    assert len(labels("banking77", "banking77", "train")) == 77


OOS = {"oos_train": 100, "oos_val": 100, "oos_test": 1_000}
FULL = {"train": 15_000, "val": 3_000, "test": 4_500, **OOS}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("clinc150", FULL),
        ("clinc150/data_small.json", {**FULL, "train": 7_500}),
        ("clinc150/data_imbalanced.json", {**FULL, "train": 10_525}),
        ("clinc150/data_oos_plus.json", {**FULL, "oos_train": 250}),
    ],
)
def test_clinc150(path: str, expected: dict[str, int]) -> None:
    assert counts("clinc150", path) == expected


def test_clinc150_has_150_intents_and_out_of_scope() -> None:
    assert len(labels("clinc150", "clinc150", "test")) == 150
    assert labels("clinc150", "clinc150", "oos_test") == {()}


@pytest.mark.parametrize(
    ("folder", "train", "val", "test", "intents"),
    [("banking", 8_622, 1_540, 3_080, 77), ("hwu", 8_954, 1_076, 1_076, 64), ("clinc", 15_000, 3_000, 4_500, 150)],
)
def test_dialoglue(folder: str, train: int, val: int, test: int, intents: int) -> None:
    expected = {"train": train, "val": val, "test": test, "train_10": 10 * intents, "train_5": 5 * intents}
    assert counts("dialoglue", f"dialoglue/{folder}") == expected
    assert len(labels("dialoglue", f"dialoglue/{folder}", "test")) == intents


def test_banking77_oos() -> None:
    assert counts("banking77_oos", "banking77_oos") == {
        "train": 5_905,
        "valid": 1_506,
        "test": 2_000,
        "id_oos_train": 2_062,
        "id_oos_valid": 530,
        "id_oos_test": 1_080,
        "ood_oos_valid": 200,
        "ood_oos_test": 1_000,
    }
    assert len(labels("banking77_oos", "banking77_oos", "train")) == 50
    assert labels("banking77_oos", "banking77_oos", "id_oos_test+ood_oos_test") == {()}


@pytest.mark.parametrize(("domain", "expected"), [("banking", 2_071), ("hotels", 1_009)])
def test_nlupp(domain: str, expected: int) -> None:
    found = counts("nlupp", f"nlupp/{domain}")
    assert len(found) == 20
    assert sum(found.values()) == expected
