import json
from pathlib import Path

import pytest

from turnwise.errors import StorageError
from turnwise.tasks.intent.evaluation import evaluate, report, stages, write_json
from turnwise.tasks.intent.examples import Utterance
from turnwise.tasks.intent.model import IntentModel

FOUND = [
    Utterance("where is my parcel", ("track",), "a/0"),
    Utterance("i want a refund", ("refund",), "a/2"),
    Utterance("block my card", ("track",), "b/0"),
    Utterance("<b>hello</b> & co", ("greet",), "c/0"),
]


def test_answers_are_compared_with_the_labels(fitted: IntentModel, folder: Path) -> None:
    counted: list[int] = []
    found = evaluate(IntentModel.load(folder), FOUND, draws=20, progress=counted.append)
    assert sum(counted) == 4
    assert found.metrics["n"] == 4
    assert found.metrics["accuracy"] == 0.5
    assert found.metrics["dialogues"] == 3  # the first two utterances are of one dialogue
    assert found.metrics["model"] == fitted.version
    assert found.metrics["unknown_labels"] == ["greet"]
    assert [outcome.gold for outcome in found.outcomes] == [utterance.labels for utterance in FOUND]
    assert [turn.text for turn in found.turns] == [utterance.text for utterance in FOUND]
    assert json.loads(json.dumps(found.metrics, allow_nan=False)) == found.metrics


def test_figures_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "figures.json", {"größe": 1})
    assert json.loads((tmp_path / "new" / "figures.json").read_text(encoding="utf-8")) == {"größe": 1}
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_json(tmp_path / "file" / "figures.json", {})


def test_the_report_draws_the_space_before_and_after(fitted: IntentModel, tmp_path: Path) -> None:
    found = [
        *FOUND,
        *(Utterance(text, labels) for text, labels in zip(fitted.bank.texts, fitted.bank.labels, strict=True)),
    ]
    path = tmp_path / "report.html"
    drawn: list[int] = []
    evaluation = evaluate(fitted, found, draws=20)
    report(path, fitted, evaluation, title="Shop <1>", corpus="a.csv", progress=drawn.append)
    page = path.read_text(encoding="utf-8")
    assert "Shop &lt;1&gt;" in page and "Shop <1>" not in page
    assert "<b>hello</b>" not in page
    assert "before Stage 1" in page and "after Stage 2" in page
    assert "after Stage 1" not in page  # the tiny encoder was not adapted
    assert sum(drawn) == 2
    assert page.rstrip().endswith("</html>")


def test_a_report_on_one_intent_has_no_space(fitted: IntentModel, tmp_path: Path) -> None:
    evaluation = evaluate(fitted, FOUND[:1], draws=20)
    report(tmp_path / "report.html", fitted, evaluation, title="One", corpus="a.csv")
    assert "after Stage 2" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_encoder_that_is_gone_is_left_out_of_the_stages(folder: Path, tmp_path: Path) -> None:
    model = IntentModel.load(folder)
    assert [title for title, _ in stages(model)] == ["before Stage 1"]
    model.facts["encoder"] = str(tmp_path / "gone")
    assert stages(model) == []
    model.facts["encoder"] = "encoders/gone"  # a relative folder, seen from elsewhere: no name on a hub
    assert stages(model) == []
