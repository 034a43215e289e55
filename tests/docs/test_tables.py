import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def tables(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("tables")


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def test_mean_and_deviation_over_samples_stand_beside_the_published_figure(tables: ModuleType, tmp_path: Path) -> None:
    """0.87, 0.88 and 0.89 have the mean 88.00 and the sample deviation 1.00 points."""
    cells = {
        f"test/banking/10/default/{number}": {"accuracy": accuracy, "machine": "a machine"}
        for number, accuracy in enumerate((0.87, 0.88, 0.89))
    }
    write(tmp_path, "intents.json", cells | {"dev/banking/30/default/0": {"accuracy": 0.5}})
    drawn = tables.headline(tmp_path)
    assert "| BANKING77 | 88.00 ± 1.00 | 87.38 |" in drawn
    assert "30-shot" not in drawn
    assert "Measured on: a machine." in drawn


def test_variants_stand_in_the_columns_of_the_paper(tables: ModuleType, tmp_path: Path) -> None:
    cells = {
        "test/hwu/full/ocl-s1/0": {"accuracy": 0.925},
        "test/hwu/10/mine/0": {"accuracy": 0.8},
        "test/hwu/all/default/0": {"accuracy": 0.93},
    }
    write(tmp_path, "intents.json", cells)
    lines = tables.variants(tmp_path).splitlines()
    assert lines[0] == "| variant | HWU64 10-shot | HWU64 full |"
    assert lines[2].startswith("| ConvFiT OCL, S1 by its makers, then S1 on our corpora | ")
    assert lines[2].endswith("|  | 92.50 |")
    assert lines[3] == "| mine | 80.00 |  |"
    assert "| default recipe | 93.00 |" in tables.everything(tmp_path)


def test_what_is_not_there_is_not_mentioned(tables: ModuleType, tmp_path: Path) -> None:
    for name, draw in tables.TABLES.items():
        if name != "results: published":
            assert draw(tmp_path) == "", name


def test_records_become_rows_and_the_rest_a_list(tables: ModuleType, tmp_path: Path) -> None:
    content = {
        "machine": "two cores",
        "limit": {"fp32": 90.5},
        "rows": [{"mode": "one|each", "p50_ms": 1.234, "n": 2000}],
    }
    write(tmp_path, "service.json", content)
    drawn = tables.TABLES["results: service"](tmp_path)
    assert drawn.splitlines() == [
        "| mode | p50, ms | n |",
        "| --- | ---: | ---: |",
        "| one/each | 1.234 | 2,000 |",
        "",
        "- machine: two cores",
        "- limit: fp32 90.5",
    ]


def test_cells_by_name_become_rows_with_shares_in_percent(tables: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "oos.json", {"full": {"oos_recall": 0.6125, "curve": [1, 2], "machine": "m"}})
    drawn = tables.TABLES["results: oos"](tmp_path)
    assert "| full | 61.25 % |" in drawn
    assert "- measured on: m" in drawn


def test_a_peer_is_compared_with_the_soonest_of_ours_that_is_as_good(tables: ModuleType, tmp_path: Path) -> None:
    """Ours reaches 0.85 after 10 s and not after 5 s, the peer after 300 s: 30 times."""
    cells = {
        "ours/4": {"seconds": 5.0, "accuracy": 0.84, "machine": "m"},
        "ours/8": {"seconds": 10.0, "accuracy": 0.86, "machine": "m"},
        "setfit/20": {"seconds": 300.0, "accuracy": 0.85, "machine": "m"},
    }
    write(tmp_path, "speed.json", cells)
    assert "| setfit/20 | 300.0 | 85.00 | 0 | 30.0 |" in tables.speed(tmp_path)


def test_only_what_stands_between_known_markers_changes(tables: ModuleType, tmp_path: Path) -> None:
    document = "a\n<!-- results -->\nold\n<!-- /results -->\nb\n<!-- results: service -->\n<!-- /results: service -->\n"
    filled = tables.filled(document, tmp_path)
    assert filled == document.replace("old\n", "")
    write(tmp_path, "service.json", {"rows": [{"clients": 8}]})
    assert "| 8 |" in tables.filled(filled, tmp_path)
    assert tables.filled(tables.filled(filled, tmp_path), tmp_path) == tables.filled(filled, tmp_path)


def test_figures_are_rows_of_points_in_order(tables: ModuleType, tmp_path: Path) -> None:
    cells = {
        "4/hwu/intent/16000": {"accuracy": 0.87, "pairs": 16000},
        "4/hwu/intent/4000": {"accuracy": 0.86, "pairs": 4000},
        "6/hwu/intent": {"accuracy": 0.86, "bank": {"10": 0.86, "full": 0.9, "30": 0.88}},
    }
    write(tmp_path, "figures.json", cells)
    drawn = tables.figures(tmp_path)
    assert "| 4 | HWU64 | default recipe | Stage 1 on so many pairs | 4,000: 86.00, 16,000: 87.00 |" in drawn
    assert "| bank | 10: 86.00, 30: 88.00, full: 90.00 |" in drawn


def test_objectives_stand_beside_what_needs_no_learning(tables: ModuleType, tmp_path: Path) -> None:
    """exp(2) is 7.39 and exp(1) 2.72."""
    cells = {
        "intrinsic/masked_lm": {
            "steps": 300,
            "before": {"masked_lm": {"nats": 2.0, "accuracy": 0.1}},
            "after": {"masked_lm": {"nats": 1.0, "accuracy": 0.4}},
            "baseline": {"chance": 0.0001, "majority": 0.05},
        },
        "intrinsic/reordering": {
            "steps": 300,
            "before": {"reordering": {"accuracy": 0.33, "tau": 0.0}},
            "after": {"reordering": {"accuracy": 0.6, "tau": 0.5}},
            "baseline": {"chance": 1 / 3, "majority": 0.34, "probe accuracy": 0.36},
        },
    }
    write(tmp_path, "pretraining.json", cells)
    drawn = tables.intrinsic(tmp_path)
    assert "| masked_lm | perplexity |  |  |  | 7.39 | 2.72 | 300 |" in drawn
    assert "| masked_lm | accuracy, % | 0.01 | 5.00 |  | 10.00 | 40.00 | 300 |" in drawn
    assert "| reordering | tau |  |  |  | 0.00 | 0.50 | 300 |" in drawn
    assert tables.preparation(tmp_path) == ""


def test_adapted_encoders_stand_below_the_one_that_was_not(tables: ModuleType, tmp_path: Path) -> None:
    cells = {
        **{f"few-shot/hwu/10/none/{n}": {"accuracy": value} for n, value in enumerate((0.84, 0.86))},
        "few-shot/hwu/10/mlm/0": {"accuracy": 0.87},
        "adapt/mlm": {"dialogues": 44105, "steps": 293, "seconds": 840},
    }
    write(tmp_path, "adaptation.json", cells)
    lines = tables.few_shot(tmp_path).splitlines()
    assert lines[2:4] == ["| not adapted | 85.00 ± 1.41 |", "| MLM on task-oriented corpora | 87.00 |"]
    assert lines[-1] == "- mlm: 44,105 dialogues, 293 steps, 14 minutes"
