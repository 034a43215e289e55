import json

import pytest
import typer
from typer.testing import CliRunner

from turnwise.abilities import TABLE, recommend
from turnwise.cli.objectives import objectives
from turnwise.errors import InputError

app = typer.Typer()
app.command()(objectives)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def first_cells(text: str) -> list[str]:
    cells = [line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│")]
    return [cell for cell in cells if cell]


def test_every_row_is_listed_and_no_line_is_wider_than_a_wide_terminal() -> None:
    text = run()
    assert first_cells(text) == [entry.name for entry in TABLE]
    assert max(map(len, text.splitlines())) <= 160
    assert "DSDF, table 1" in text and "ours" in text


def test_a_task_has_its_objectives_in_order_and_a_command_to_start_with() -> None:
    text = run("--task", "intent")
    assert first_cells(text) == [choice.objective.name for choice in recommend("intent")]
    assert text.endswith("turnwise pretrain --recipe dsdf-enp --corpus CORPUS -o ENCODER\n")


def test_slots_are_learned_from_pairs() -> None:
    text = run("--task", "slots")
    assert "Mine pairs with turnwise mine" in text
    assert text.endswith("turnwise pretrain --recipe pairwise-cloze --pairs PAIRS -o DECODER\n")


def test_json_holds_the_same() -> None:
    assert [entry["name"] for entry in json.loads(run("--json"))] == [entry.name for entry in TABLE]
    found = json.loads(run("--task", "selection", "--json"))
    assert found[0]["objective"]["name"] == "response_matching"
    assert found[0]["shared"] == ["coherence", "siamese"]


def test_an_unknown_task_is_an_error() -> None:
    with pytest.raises(InputError, match="there is no task 'intnt'"):
        CliRunner().invoke(app, ["--task", "intnt"], catch_exceptions=False)
