"""The tables of pairwise cloze, from cells of invented figures."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def tables(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("_convex_tables")


def cell(precision: float, **more: object) -> dict[str, object]:
    plain = {"tuned": False, "encoder": "embedded", "kind": "all", "share": 1.0, "auxiliary": True, "rate": 0.3}
    amounts = {"pairs": 1200, "steps": 50, "seconds": 90.0, "optimizer": "adadelta", "machine": "m"}
    after = {"all": {"precision": precision, "recall": 0.5}, "open": {"precision": 0.25, "recall": 0.125}}
    return {**plain, **amounts, "after": after, **more}


def test_decoders_stand_beside_the_papers(tables: ModuleType, tmp_path: Path) -> None:
    cells = {
        "aux": cell(0.75),
        "few": cell(0.5, auxiliary=False, share=0.0625, kind="permissive-open", optimizer="adamw", rate=0.001),
        "pairs": {"texts": 5},
    }
    (tmp_path / "convex_pretraining.json").write_text(json.dumps(cells))
    lines = tables.decoders(tmp_path).splitlines()
    assert lines[0].startswith("| decoder | pairs | steps | minutes | precision, all | recall, all | precision, open")
    assert lines[2] == "| `aux`: over embedded, Adadelta 0.3 | 1,200 | 50 | 1.5 | 75.00 | 50.00 | 25.00 | 12.50 |"
    assert "`few`: over embedded, of these, open-domain, 6.2% of the pairs, no auxiliary loss, AdamW 0.001" in lines[3]
    assert "| ConVEx, Reddit, 1.2 billion pairs |  |  |  | 84.80 | 85.30 |" in lines[4]
    assert lines[-1] == "- measured on: m"


def test_kinds_of_corpora_are_counted(tables: ModuleType, tmp_path: Path) -> None:
    counts = {"train": 1000, "train_sentences": 1500, "test": 40, "test_sentences": 70}
    found = {"texts": 9000, "sentences": 8000, "seconds": {"texts": 60.0}, "pairs": {"all": counts}, "machine": "m"}
    (tmp_path / "convex_pretraining.json").write_text(json.dumps({"pairs": found}))
    lines = tables.mined(tmp_path).splitlines()
    assert lines[2] == "| all | 1,000 | 1,500 | 40 |"
    assert "- 9,000 texts, 8,000 distinct; texts 60 s" in lines


def test_nothing_is_said_of_what_was_not_measured(tables: ModuleType, tmp_path: Path) -> None:
    assert tables.mined(tmp_path) == tables.decoders(tmp_path) == ""
