import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def write_shop(folder: Path) -> None:
    (folder / "train.csv").write_text("body,topic\nWhere is it?,track\nwhere is it?,late\n[bold]hi[/],greet\n")
    (folder / "test.csv").write_text("body,topic\nWHERE IS IT?,track\n我的包裹,oos\n", encoding="utf-8")


COLUMNS = ("--column", "text=body", "--column", "label=topic")


def test_all_splits_are_counted_and_drawn(turnwise: Run, tmp_path: Path) -> None:
    write_shop(tmp_path)
    done = turnwise("check", "csv:.", *COLUMNS)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in done.stdout.splitlines() if "│" in line]
    assert ["dialogues", "3", "2"] in rows
    assert ["track", "1", "1"] in rows
    assert ["late", "1", "0"] in rows
    assert "train and test share 1 customer texts, such as 'where is it?'" in done.stdout
    assert "train: 'where is it?' is labelled late / track" in done.stdout
    assert done.stdout.endswith("No errors.\n")


def test_json_holds_the_same_counts(turnwise: Run, tmp_path: Path) -> None:
    write_shop(tmp_path)
    done = turnwise("check", "csv:.", *COLUMNS, "--json")
    report = json.loads(done.stdout)
    assert [(split["name"], split["dialogues"]) for split in report["splits"]] == [("train", 3), ("test", 2)]
    (layer,) = report["splits"][1]["layers"]
    assert (layer["annotated"], layer["none"], layer["labels"]) == (2, 1, {"track": 1})
    assert report["splits"][0]["tokens"]["longest"] == 9  # [CLS] [ bold ] hi [ / ] [SEP]
    assert report["overlaps"] == [{"first": "train", "second": "test", "texts": 1, "examples": ["where is it?"]}]
    assert report["errors"] == []


def test_errors_are_all_listed_and_exit_with_1(turnwise: Run, tmp_path: Path) -> None:
    lines = "".join(f'{{"id": "{n}", "turns": []}}\n' for n in range(30))
    (tmp_path / "a.jsonl").write_text(lines)
    done = turnwise("check", "a.jsonl")
    assert done.returncode == 1
    assert done.stderr == "error: a.jsonl has 30 problems, listed in the report\n"
    for number in range(1, 31):
        assert f"a: line {number}: turns is empty" in done.stdout


def test_a_long_path_and_a_long_text_do_not_break_the_tables(turnwise: Run, tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20)
    folder.mkdir()
    (folder / "a.csv").write_text(f"text,label\n{'x' * 1_000_000},{'l' * 300}\n{'x' * 1_000_000},b\n")
    done = turnwise("check", folder / "a.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) < 10_000


def test_missing_columns_are_named(turnwise: Run, tmp_path: Path) -> None:
    write_shop(tmp_path)
    done = turnwise("check", "train.csv")
    assert done.returncode == 1
    assert (
        "no column 'text' among 'body', 'topic'; name the one that holds the text: --column text=HEADER" in done.stdout
    )
