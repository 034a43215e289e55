import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

Console = Any


@pytest.fixture
def model(console: Console, small: Path) -> str:
    shutil.copytree(small, console.folder / "m")
    return "m"


def labels(console: Console, *texts: str) -> list[str]:
    return [json.loads(line)["label"] for line in console("predict", "m", *texts, "--json").stdout.splitlines()]


def version(console: Console) -> str:
    found: str = json.loads((console.folder / "m" / "task.json").read_text(encoding="utf-8"))["version"]
    return found


def test_the_real_command_adds_an_intent_without_training(turnwise: Any, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "m")
    done = turnwise("intent", "add", "m", "gift_wrap", "can you wrap it", "is gift wrapping free")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"2 utterances added, new intents: gift_wrap; 4 intents, model \w{12}\n", done.stdout)
    done = turnwise("predict", "m", "please wrap it as a gift", "--json")
    assert json.loads(done.stdout)["label"] == "gift_wrap"


def test_added_texts_answer_and_are_counted_once(console: Console, model: str) -> None:
    done = console("intent", "add", model, "wrap", "wrap the shoes", "wrap the shoes")
    assert done.stdout.startswith("1 utterances added, new intents: wrap; 4 intents, model ")
    assert labels(console, "wrap the shoes", "track my order") == ["wrap", "track"]
    done = console("intent", "add", model, "wrap", "wrap the shoes")
    assert done.stdout == f"0 utterances added; 4 intents, model {version(console)}\n"


def test_a_corpus_can_be_added(console: Console, model: str) -> None:
    (console.folder / "more.csv").write_text("body,topic\nhello there,greet\nwhat is the weather,oos\n")
    columns = ("--column", "text=body", "--column", "label=topic")
    done = console("intent", "add", model, "--corpus", "more.csv", *columns)
    assert done.stdout.startswith("2 utterances added, new intents: greet; 4 intents")
    assert labels(console, "hello there", "what is the weather") == ["greet", None]


def test_intents_and_utterances_are_removed(console: Console, model: str) -> None:
    before = version(console)
    done = console("intent", "remove", model, "refund")
    assert done.stdout == f"6 utterances removed; 2 intents, model {version(console)}\n"
    assert version(console) != before
    assert labels(console, "i want a refund")[0] != "refund"
    done = console("intent", "remove", model, "--text", "track my order")
    assert done.stdout.startswith("1 utterances removed; 2 intents")


def test_rejection_is_chosen_by_a_target(console: Console, trained: Path) -> None:
    shutil.copytree(trained, console.folder / "m")
    shown = console("intent", "reject", "m")
    assert shown.returncode == 0
    assert "in_scope_recall" in shown.stdout
    done = console("intent", "reject", "m", "--oos-recall", "1.0")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"texts scoring below -?\d\.\d{4} are out of scope from now on; model \w{12}\n", done.stdout)
    assert labels(console, "what is the weather", "will it rain") == [None, None]
    done = console("intent", "reject", "m", "--never")
    assert done.stdout.startswith("nothing is rejected from now on; model ")
    assert None not in labels(console, "what is the weather", "will it rain")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "m"), "give an intent with its texts, or --corpus, and not both"),
        (("add", "m", "wrap", "x", "--corpus", "c.csv"), "give an intent with its texts, or --corpus, and not both"),
        (("add", "m", "wrap"), "the intent 'wrap' has no text to add"),
        (("add", "m", " ", "x"), "the intent's name is empty"),
        (("add", "m", "wrap", "  "), "example 0 has no text; nothing was added"),
        (("remove", "m"), "name an intent, a text, or both"),
        (("remove", "m", "refnd"), "there is no intent 'refnd'; did you mean 'refund'"),
        (("remove", "m", "--text", "nowhere"), "no example has the text 'nowhere'"),
        (("reject", "m"), "the model has no held-out scores: fit it with --dev or --calibrate"),
        (("reject", "m", "--oos-recall", "0.9"), "the model has no held-out scores: fit it with --dev or --calibrate"),
        (("reject", "m", "--oos-recall", "0.9", "--never"), "give one target, or --never"),
        (("reject", "m", "--oos-recall", "0.9", "--oos-precision", "1"), "give one target, or --never"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(
    console: Console, model: str, arguments: tuple[str, ...], message: str
) -> None:
    before = (console.folder / "m" / "task.json").read_bytes()
    done = console("intent", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert (console.folder / "m" / "task.json").read_bytes() == before


@pytest.mark.parametrize("value", ["0", "1.5", "-1", "nan"])
def test_a_target_that_is_no_share_is_refused(console: Console, trained: Path, value: str) -> None:
    done = console("intent", "reject", trained, "--in-scope-recall", value)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"the target in_scope_recall is {float(value)}, expected a share above 0" in done.stderr
