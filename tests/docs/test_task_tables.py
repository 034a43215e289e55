"""The tables of the tasks, and what the scripts that measure them work out."""

import json
import os
from pathlib import Path
from types import ModuleType

import pytest

from turnwise.dialogue import Dialogue


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def test_both_classifiers_stand_beside_the_published_figures(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    figures = {"accuracy_all": 0.88, "in_scope_accuracy": 0.96, "in_out_accuracy": 0.91, "oos_recall": 0.5}
    cells = {
        f"test/softmax/{seed}": {
            **{key: value + 0.01 * seed for key, value in figures.items()},
            "without_threshold": figures,
            "machine": "m",
        }
        for seed in (0, 1)
    }
    tables: ModuleType = script("_task_tables")
    write(tmp_path, "dsdf_intent.json", cells | {"dev/softmax/0": cells["test/softmax/0"]})
    lines = tables.intent_recognition(tmp_path).splitlines()
    assert lines[2] == "| softmax | 88.50 ± 0.71 | 96.50 ± 0.71 | 91.50 ± 0.71 | 50.50 ± 0.71 |"
    assert lines[3].startswith("| softmax, no threshold | 88.00 ± 0.00 |")
    assert lines[5] == "| DSDF, BERT-base after entity number prediction | 86.27 | 95.67 | 89.60 | 44.00 |"
    assert lines[-1] == "- measured on: m"


def cell(value: float, **more: object) -> dict[str, object]:
    return {"micro_f1": value, "figure": "micro_f1", "n": 1200, "intervals": {"micro_f1": [0.8, 0.95]}, **more}


def test_tasks_and_their_curves(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cells = {
        "test/acts-next/gsim/share-100/0": cell(0.9, macro_f1_of_13=0.4),
        "test/acts-next/gsim/share-5/0": cell(0.5),
        "test/acts-next/gsim/share-5/1": cell(0.7),
        "test/acts/sample/share-100/0": cell(0.85),
        "dev/acts/gsim/share-100/0": cell(0.1),
        "test/handoff/sample/share-5/0": {"problem": "all labels are no", "train": {"dialogues": 17}},
    }
    tables: ModuleType = script("_task_tables")
    write(tmp_path, "tasks.json", cells)
    lines = tables.tasks(tmp_path).splitlines()
    assert lines[0] == "| test, % | micro-F1 | macro-F1 over 13 acts | answers |"
    assert lines[2:5] == [
        "| acts of the next turn, GSIM | 90.00 (80.00 to 95.00) | 40.00 | 1,200 |",
        "| DSDF's best, GSIM | 99.57 | 45.85 |  |",
        "| acts of every turn, sample corpus | 85.00 (80.00 to 95.00) |  | 1,200 |",
    ]
    lines = tables.shares(tmp_path).splitlines()
    assert lines[0] == "| test, % | metric | 5 % of the labels | 100 % of the labels |"
    assert lines[2] == "| acts of the next turn, GSIM | micro-F1 | 60.00 ± 14.14 | 90.00 |"


def test_what_was_not_measured_is_not_mentioned(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tables: ModuleType = script("_task_tables")
    assert [draw(tmp_path) for draw in (tables.intent_recognition, tables.tasks, tables.shares)] == [""] * 3


def test_curves_are_drawn_as_one_page(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tasks: ModuleType = script("tasks")
    more = {"train": {"labels": 1000}}
    cells = {f"test/acts/gsim/share-{share}/0": cell(share / 200, **more) for share in (5, 100)}
    cells |= {"test/acts/<b>/share-5/0": cell(0.3, **more), "test/acts/none/share-5/0": {"problem": "too few"}}
    write(tmp_path, "tasks.json", cells)
    tasks.draw(tmp_path / "tasks.json")
    html = (tmp_path / "tasks.html").read_text(encoding="utf-8")
    assert html.count("<figure>") == 2
    assert "5 %, 1,000 labels: 2.50" in html
    assert "acts/&lt;b&gt;" in html
    assert "<script" not in html


def test_fewer_dialogues_are_part_of_more_and_splits_do_not_meet(script) -> None:  # type: ignore[no-untyped-def]
    data: ModuleType = script("_task_data")
    dialogues = [Dialogue(f"d:{number}", ()) for number in range(40)]
    few, many = data.drawn(dialogues, 4, seed=3), data.drawn(dialogues, 20, seed=3)
    assert few == many[:4]
    assert data.drawn(dialogues, 4, seed=4) != few
    assert len(data.drawn(dialogues, None)) == len(data.drawn(dialogues, 99)) == 40
    train, dev, test = data.cut(dialogues, 0.1, 0.2)
    assert (len(train), len(dev), len(test)) == (28, 4, 8)
    assert {found.id for part in (train, dev, test) for found in part} == {found.id for found in dialogues}
    assert data.cut(dialogues, 0.1, 0.2) == (train, dev, test)


def test_every_protocol_has_a_title_and_a_figure_to_draw(script) -> None:  # type: ignore[no-untyped-def]
    data, tables, tasks = script("_task_data"), script("_task_tables"), script("tasks")
    assert list(data.PROTOCOLS) == list(tables._TITLES)
    assert {protocol.figure for protocol in data.PROTOCOLS.values()} <= set(tasks._FIGURES)
    assert set(tasks._FIGURES) <= set(tables._COLUMNS)


def test_f1_without_the_neutral_label_by_hand(script) -> None:  # type: ignore[no-untyped-def]
    """sad: 1 right of 2 given and 4 there; angry: 2 right of 2 and 2. 2 (1 + 2) / (4 + 6) = 0.6."""
    tasks: ModuleType = script("tasks")
    labels = {
        "neutral": {"recall": 1.0, "support": 90, "predicted": 90},
        "sad": {"recall": 0.25, "support": 4, "predicted": 2},
        "angry": {"recall": 1.0, "support": 2, "predicted": 2},
    }
    assert tasks.micro_f1_without(labels, "neutral") == pytest.approx(0.6)
    assert tasks.micro_f1_without({}, "neutral") == 0


@pytest.mark.skipif(not os.environ.get("TURNWISE_DATA"), reason="TURNWISE_DATA is not set")
def test_gsim_and_multiwoz_ask_about_agents_alone_with_the_same_names_in_every_part(script) -> None:  # type: ignore[no-untyped-def]
    data: ModuleType = script("_task_data")
    for parts, number in ((data.gsim(), 6), (data.multiwoz(), 13)):
        turns = [[turn for found in part for turn in found.turns] for part in parts]
        names = [{act for turn in part for act in turn.labels.get("acts", ())} for part in turns]
        assert [len(found) for found in names] == [number] * 3
        assert names[0] == names[1] == names[2]
        assert not any("acts" in turn.labels for turn in turns[0] if turn.speaker != "agent")
