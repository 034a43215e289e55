import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COLUMNS = ("--column", "text=body", "--column", "label=topic")
QUICK = ("--steps", "1")
Console = Any


@pytest.fixture
def tiny_encoder(checkpoint: Callable[[str], Path]) -> Path:
    return checkpoint("bert")


def fit(console: Console, *arguments: str | Path) -> Any:
    return console("fit", "intent", *arguments, "-o", "model")


def task(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    return found


def test_a_fitted_folder_is_whole(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert names == {"task.json", "README.md", "bank.json", "intent.safetensors", "encoder"}
    assert [path.name for path in trained.parent.iterdir()] == ["model"]
    assert task(trained)["facts"]["held_out"]["source"] == "dev"


def test_the_flags_reach_the_training(console: Console, shop: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    flags = ("--shots", "2", "--seed", "7", "--k", "3", "--steps", "2", "--encoder", tiny_encoder, "--calibrate")
    done = fit(console, "--corpus", f"csv:{shop}@train", *COLUMNS, *flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 utterances of 3 intents" in done.stdout
    assert "note: nothing could be held out to calibrate on; give 5 or more utterances an intent" in done.stdout
    facts = task(tmp_path / "model")["facts"]
    assert facts["recipe"]["training"]["seed"] == 7
    assert facts["recipe"]["training"]["steps"] == 2
    assert facts["recipe"]["inference"]["neighbours"] == 3
    assert facts["encoder"] == str(tiny_encoder)


def test_calibration_and_unlabelled_texts(console: Console, shop: Path, tiny_encoder: Path) -> None:
    (console.folder / "chats.txt.csv").write_text("text\nwhere is it\nrefund please\n")
    flags = ("--calibrate", "--unlabelled", "chats.txt.csv", "--encoder", tiny_encoder, *QUICK)
    done = fit(console, "--corpus", f"csv:{shop}@train", "--column", "label=topic", "--column", "text=body", *flags)
    assert done.returncode == 1  # the columns of --corpus hold for --unlabelled too
    assert "no column 'body' among 'text'" in done.stderr
    (console.folder / "chats.txt.csv").write_text("body,topic\nwhere is it,\nrefund please,\n")
    done = fit(console, "--corpus", f"csv:{shop}@train", *COLUMNS, *flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert "held out, utterances: 3" in done.stdout


def test_the_default_split_is_train_and_a_single_file_is_taken_whole(
    console: Console, shop: Path, tiny_encoder: Path
) -> None:
    rest = (*COLUMNS, *QUICK, "--encoder", tiny_encoder, "--recipe", "frozen")
    for corpus, count in [(f"csv:{shop}", 18), (shop / "test.csv", 5), (f"csv:{shop}@train+test", 23)]:
        done = fit(console, "--corpus", corpus, *rest)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{count} utterances of 3 intents" in done.stdout
    done = fit(console, "--corpus", f"csv:{shop}@tset", *rest)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: csv:{shop}@tset: there is no split 'tset'; did you mean 'test'?")


def test_the_rightmost_at_starts_the_split(console: Console, shop: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(shop, tmp_path / "shop@home")
    rest = (*COLUMNS, *QUICK, "--encoder", tiny_encoder, "--recipe", "frozen")
    assert fit(console, "--corpus", "csv:shop@home@test", *rest).stdout.startswith("5 utterances")
    assert fit(console, "--corpus", "csv:shop@home@", *rest).stdout.startswith("18 utterances")
    done = fit(console, "--corpus", "csv:shop@home", *rest)
    assert done.returncode == 1
    assert "The rightmost @ starts the split; write csv:shop@home@ when it belongs to the path" in done.stderr


ROWS = "where is it,track\nrefund me,refund\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "c.csv is empty or its first line is; expected a header such as: text,label"),
        (b"text,label\n", "c.csv has a header but no rows"),
        (b"text,label\nwhere,a,b\n", "line 2: number of cells 3, expected 2"),
        (b'text,label\n"where,a\n', "line 2: a quoted cell begins in this row and is never closed"),
        (
            b"body,label\nwhere,a\n",
            "no column 'text' among 'body', 'label'; name the one that holds the text: --column",
        ),
        (b"text,topic\nwhere,a\n", "has an intent: expected labels.intent on customer turns, or a label column"),
        (
            b"text,label\nwhere,a\nwhen,a\n",
            "found 1 intent (a) in 2 utterances; telling intents apart needs at least 2",
        ),
        (b"text,label\n,a\n  ,b\n", "none of the 2 turns has an intent"),
        (b"text,label\nwhere,oos\nwhen,oos\n", "found 0 intents (none) in 2 utterances"),
        (b"text,label\nGr\xfc\xdfe,a\n", "line 2: byte 13 of the file is 0xfc, which is not UTF-8; convert the file"),
        ("text,label\nwhere,a\n".encode("utf-16"), "is UTF-16, not UTF-8; convert it"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value[:24]),
)
def test_a_table_that_cannot_be_used_says_why(console: Console, content: bytes, message: str) -> None:
    (console.folder / "c.csv").write_bytes(content)
    done = fit(console, "--corpus", "c.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert not (console.folder / "model").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "c.jsonl is empty; expected one dialogue a line, as JSON"),
        ('{"id": "a", "turns": [', "line 1: not JSON"),
        ('{"id": "a"}', "line 1: turns is missing"),
        ('{"id": "a", "turns": [{"speaker": "customer", "text": 3}]}', "turns[0].text is 3, expected a text"),
        ('{"id": "a", "turns": [{"speaker": "customer", "text": "hi"}]}', "none of the 1 turns has an intent"),
        ('{"id": "a", "turns": [{"speaker": "customer", "text": "a\\ud800"}]}', "turns[0].text"),
    ],
)
def test_dialogues_that_cannot_be_used_say_why(console: Console, content: str, message: str) -> None:
    (console.folder / "c.jsonl").write_text(content + "\n" if content else "")
    done = fit(console, "--corpus", "c.jsonl")
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_odd_texts_are_learnt(console: Console, tiny_encoder: Path) -> None:
    rows = [
        ("我的包裹在哪里 🙂", "包裹"),
        ("退款", "退款"),
        ("x" * 1_000_000, "long"),
        ("where", "包裹"),
        ("one", "single"),
    ]
    content = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
    (console.folder / "c.csv").write_text(content, encoding="utf-8")
    done = fit(console, "--corpus", "c.csv", "--encoder", tiny_encoder, *QUICK)
    assert done.returncode == 0
    (warned,) = done.stderr.splitlines()
    assert warned.startswith("warning: ")
    assert "of the tokens of these texts are unknown to the encoder" in warned
    assert "5 utterances of 4 intents" in done.stdout
    done = console("predict", "model", "我的包裹在哪里 🙂", "--json")
    assert json.loads(done.stdout)["label"] in {"包裹", "退款"}
    assert "`包裹`" in (console.folder / "model" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--recipe", "intnet"), 1, "there is no recipe 'intnet'; did you mean 'intent'?"),
        (("--recipe", "convfit-stage1"), 1, "has task = 'pretrain', expected task = \"intent\""),
        (("--recipe", "nowhere.toml"), 1, "there is no recipe 'nowhere.toml'"),
        (("--encoder", "./nowhere"), 1, "there is no encoder folder ./nowhere; name a folder with config.json"),
        (("--encoder", "."), 1, ". is no encoder folder: it has no config.json"),
        (("--encoder", "no/such-encoder"), 1, "cannot get the encoder 'no/such-encoder'"),
        (("--shots", "0"), 1, "--shots is 0, expected at least 1"),
        (("--steps", "0"), 1, "steps is 0"),
        (("--k", "0"), 1, "neighbours is 0, expected at least 1"),
        (("--seed", "-1"), 2, "Invalid value for '--seed'"),
        (("--seed", "99999999999999999999"), 2, "Invalid value for '--seed'"),
        (("--column", "txt=body"), 1, "there is no column name 'txt'; did you mean 'text'?"),
        (("--dev", "nowhere.csv"), 1, "there is no file or folder nowhere.csv"),
        (("--unlabelled", "nowhere.csv"), 1, "there is no file or folder nowhere.csv"),
    ],
)
def test_flags_that_cannot_be_used_say_why(console: Console, flags: tuple[str, ...], code: int, message: str) -> None:
    (console.folder / "c.csv").write_text("text,label\n" + ROWS)
    done = fit(console, "--corpus", "c.csv", *flags)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert not (console.folder / "model").exists()


def test_what_is_not_a_model_is_not_replaced(console: Console, shop: Path) -> None:
    (console.folder / "model").mkdir()
    (console.folder / "model" / "thesis.txt").write_text("years of work")
    done = fit(console, "--corpus", f"csv:{shop}@train", *COLUMNS)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot write model: it holds other things (task.json is not there), which would be lost" in done.stderr
    assert (console.folder / "model" / "thesis.txt").read_text() == "years of work"


def test_an_output_inside_a_file_is_an_error(console: Console, shop: Path, tiny_encoder: Path) -> None:
    (console.folder / "file").write_text("")
    rest = (*COLUMNS, *QUICK, "--encoder", tiny_encoder)
    done = console("fit", "intent", "--corpus", f"csv:{shop}@train", *rest, "-o", "file/model")
    assert done.returncode == 1
    assert done.stderr == "error: cannot write file/model: file is a file; choose another; nothing was changed\n"


def test_a_missing_flag_points_to_the_help(console: Console) -> None:
    done = console("fit", "intent", "--corpus", "c.csv")
    assert done.returncode == 2
    assert done.stderr.endswith("Try: turnwise fit intent --help\n")


def test_softmax_goes_the_same_way(console: Console, shop: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    rest = (*COLUMNS, *QUICK, "--encoder", tiny_encoder)
    flags = ("--classifier", "softmax", "--dev", f"csv:{shop}@test")
    done = fit(console, "--corpus", f"csv:{shop}@train", *flags, *rest)
    assert (done.returncode, done.stderr) == (0, "")
    assert task(tmp_path / "model")["facts"]["recipe"]["objective"]["kind"] == "softmax"
    done = console("evaluate", "model", "--corpus", f"csv:{shop}@dev", *COLUMNS, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert {"in_out_accuracy", "accuracy_all"} <= set(json.loads(done.stdout))
    done = console("predict", "model", "where is my parcel")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4)  # the answer and three neighbours
    done = console("intent", "add", "model", "gift", "wrap it")
    assert done.returncode == 1
    assert "a softmax classifier takes no new class" in done.stderr
    for wrong, said in (
        (("--classifier", "svm"), "the classifier is 'svm'"),
        (("--classifier", "softmax", "--recipe", "intent"), "softmax is asked for"),
        (("--classifier", "softmax", "--k", "3"), "softmax has no [inference]"),
    ):
        done = fit(console, "--corpus", f"csv:{shop}@train", *wrong, *rest)
        assert done.returncode == 1
        assert said in done.stderr
