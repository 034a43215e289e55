import json
import shutil
from pathlib import Path
from typing import Any

import pytest

COLUMNS = ("--column", "text=body", "--column", "label=topic")
Console = Any


def test_the_real_command_measures_writes_figures_and_a_report(
    turnwise: Any, shop: Path, trained: Path, tmp_path: Path
) -> None:
    flags = ("--json", "figures.json", "--report", "report.html")
    model = shutil.copytree(trained, tmp_path / "model")
    assert turnwise("intent", "reject", model, "--never").returncode == 0
    done = turnwise("evaluate", model, "--corpus", f"csv:{shop}@dev", *COLUMNS, *flags)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "figures written to figures.json\nreport written to report.html\n"
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["n"] == 8
    expected = {"accuracy", "macro_f1", "ece", "oos_recall", "oos_precision", "in_scope_accuracy", "intervals"}
    assert expected <= set(figures)
    assert figures["in_scope_accuracy"] == 1  # three near copies of training utterances
    assert figures["unknown_labels"] == []
    for name in ("accuracy", "macro_f1", "in_scope_accuracy"):
        low, high = figures["intervals"][name]
        assert 0 <= low <= figures[name] <= high <= 1
        assert f"{figures[name]:.4f}" in done.stdout
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report.startswith("<!doctype html>")
    assert report.rstrip().endswith("</html>")
    assert "<script src" not in report and "<link" not in report
    assert "<svg" in report
    assert figures["model"] in report
    assert WEATHER in report


def test_the_threshold_of_a_fit_finds_what_it_was_chosen_on(console: Console, shop: Path, trained: Path) -> None:
    done = console("evaluate", trained, "--corpus", f"csv:{shop}@dev", *COLUMNS, "--json", "-")
    figures = json.loads(done.stdout)
    assert (figures["in_scope_accuracy"], figures["oos_recall"]) == (1, 1)


WEATHER = "what is the weather"


def test_json_on_standard_output_is_nothing_but_json(console: Console, shop: Path, small: Path) -> None:
    done = console("evaluate", small, "--corpus", f"csv:{shop}", *COLUMNS, "--json", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["n"] == 5  # the split is test by default


def test_the_same_answers_give_the_same_figures(console: Console, shop: Path, small: Path) -> None:
    first, second = (
        console("evaluate", small, "--corpus", f"csv:{shop}@all", *COLUMNS, "--json", "-").stdout for _ in range(2)
    )
    assert first == second


def test_labels_that_the_model_does_not_know_are_named(console: Console, small: Path) -> None:
    (console.folder / "c.csv").write_text("text,label\ntrack my order,track\nhello,greeting\n")
    done = console("evaluate", small, "--corpus", "c.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 labels of the corpus are unknown to the model and always count as wrong: greeting" in done.stdout
    done = console("evaluate", small, "--corpus", "c.csv", "--json", "-")
    assert json.loads(done.stdout)["accuracy"] <= 0.5


def test_one_intent_and_blank_texts_can_be_measured(console: Console, small: Path) -> None:
    (console.folder / "c.csv").write_text("text,label\ntrack my order,track\n  ,track\n")
    done = console("evaluate", small, "--corpus", "c.csv", "--json", "-", "--report", "r.html")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n"] == 1
    assert (console.folder / "r.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--corpus", "nowhere.csv"), 1, "there is no file or folder nowhere.csv"),
        (("--corpus", "c.csv", "--engine", "tpu"), 1, "the engine is 'tpu', expected one of torch, fp32, int8"),
        (("--corpus", "c.csv", "--engine", "int8"), 1, "has no int8 export; make it with: turnwise export"),
        (("--corpus", "c.csv", "--json", "c.csv/x.json"), 1, "cannot write c.csv/x.json"),
        (("--corpus", "c.csv", "--report", "c.csv/x.html"), 1, "cannot write c.csv/x.html"),
        ((), 2, "Missing option '--corpus'"),
    ],
)
def test_what_cannot_be_measured_says_why(
    console: Console, small: Path, flags: tuple[str, ...], code: int, message: str
) -> None:
    (console.folder / "c.csv").write_text("text,label\ntrack my order,track\nrefund,refund\n")
    done = console("evaluate", small, *flags)
    assert done.returncode == code
    assert message in done.stderr


@pytest.mark.parametrize(
    "verb", [("evaluate", "--corpus", "c.csv"), ("predict", "hello"), ("intent", "remove", "track")]
)
def test_every_verb_refuses_folders_that_are_no_whole_model(
    console: Console, small: Path, verb: tuple[str, ...]
) -> None:
    folder = console.folder
    (folder / "c.csv").write_text("text,label\ntrack my order,track\nrefund,refund\n")
    place = 2 if verb[0] == "intent" else 1

    def message(model: str) -> str:
        done = console(*verb[:place], model, *verb[place:])
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1
        return str(done.stderr)

    assert "there is no model folder nowhere; make one with: turnwise fit intent" in message("nowhere")
    assert ". is no model folder: it has no task.json" in message(".")
    shutil.copytree(small, folder / "cut")
    weights = folder / "cut" / "encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "cut/encoder/model.safetensors is damaged: its SHA-256 is not the one in task.json" in message("cut")
    weights.unlink()
    assert "cut is not whole: encoder/model.safetensors is missing" in message("cut")
    document = json.loads((small / "task.json").read_text(encoding="utf-8"))
    (folder / "cut" / "task.json").write_text(json.dumps({**document, "task": "weather"}))
    assert "cut holds a model of the task 'weather', expected 'intent'" in message("cut")
