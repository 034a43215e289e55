import json
import os
import signal
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

Console = Any

RECIPE = """
task = "pretrain"
[objectives.next_turn]
batch_size = 4
[riders.masked_lm]
[training]
epochs = 1
precision = "fp32"
[input]
format = "tod"
max_tokens = 24
[evaluation]
every = 20
patience = 9
share = 0.25
checkpoint = 4
"""


def talks(count: int, *, agent: str = "agent", first: int = 0) -> str:
    rows = [("where is my parcel", "it comes today"), ("i want a refund", "done"), ("block my card", "it is blocked")]
    content = ""
    for number in range(first, first + count):
        customer, answer = rows[number % 3]
        turns = [{"speaker": "customer", "text": f"{customer} {number}"}, {"speaker": agent, "text": answer}]
        labels = {"domains": ["orders", "cards"][number % 2 : number % 2 + 1]}
        content += json.dumps({"id": str(number), "turns": turns, "labels": labels}) + "\n"
    return content


@pytest.fixture
def chats(console: Console) -> str:
    (console.folder / "chats.jsonl").write_text(talks(12))
    (console.folder / "mine.toml").write_text(RECIPE)
    return "chats.jsonl"


@pytest.fixture
def flags(chats: str, checkpoint: Callable[[str], Path]) -> tuple[str | Path, ...]:
    """A run of a recipe of its own on a tiny encoder."""
    return ("pretrain", "--corpus", chats, "--recipe", "mine.toml", "--encoder", checkpoint("bert"), "-o", "adapted")


def facts(folder: Path) -> Any:
    return json.loads((folder / "turnwise.json").read_text(encoding="utf-8"))


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def there(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"chats.jsonl", "mine.toml"}


# -- what it does ----------------------------------------------------------------------------------------------


def test_an_adapted_encoder_can_be_fitted(
    console: Console, chats: str, checkpoint: Callable[[str], Path], shop: Path
) -> None:
    flags = ("--encoder", checkpoint("bert"), "--batch-size", "4", "--limit", "8", "--epochs", "1", "--seed", "3")
    done = console("pretrain", "--corpus", chats, *flags, "-o", "adapted")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 steps; 12 dialogues, 24 turns; examples: 8 of response_ranking; ")
    assert "turnwise fit intent --encoder adapted" in done.stdout
    assert there(console.folder) == {"adapted"}
    known = facts(console.folder / "adapted")
    assert known["base"] == str(checkpoint("bert"))
    assert known["objectives"]["response_ranking"]["batch_size"] == 4
    columns = ("--column", "text=body", "--column", "label=topic")
    corpus = ("--corpus", f"csv:{shop}@train", *columns)
    done = console("fit", "intent", *corpus, "--encoder", "adapted", "--recipe", "frozen", "-o", "model")
    assert (done.returncode, done.stderr) == (0, "")
    done = console("evaluate", "model", "--corpus", f"csv:{shop}", *columns, "--report", "r.html")
    assert done.returncode == 0, done.stderr
    assert "after Stage 1" in (console.folder / "r.html").read_text(encoding="utf-8")


def test_corpora_are_chained_and_scores_stand_before_and_after(console: Console, flags: tuple[str | Path, ...]) -> None:
    (console.folder / "more.jsonl").write_text(talks(6, first=20))
    (console.folder / "dev.jsonl").write_text(talks(5, first=40))
    done = console(*flags, "--corpus", "more.jsonl", "--dev", "dev.jsonl", "--json", "facts.json", "--steps", "6")
    assert (done.returncode, done.stderr) == (0, "")
    known = json.loads((console.folder / "facts.json").read_text(encoding="utf-8"))
    assert (known["dialogues"], known["dev"]["dialogues"], known["steps"]) == (18, 5, 6)
    assert known["tokens_per_second"] > 0
    assert set(known["dev"]["before"]) == set(known["dev"]["after"]) == {"next_turn", "masked_lm"}
    assert "5 held-out dialogues" in done.stdout
    for name, score, shown in [("next_turn", "accuracy", "{:.1%}"), ("next_turn", "loss", "{:.3f}")]:
        [row] = [line for line in done.stdout.splitlines() if name in line and f"│ {score}" in line]
        assert shown.format(known["dev"]["before"][name][score]) in row
        assert shown.format(known["dev"]["after"][name][score]) in row
    assert "perplexity" in done.stdout


def test_where_takes_a_part_of_the_corpora(console: Console, flags: tuple[str | Path, ...]) -> None:
    done = console(*flags, "--where", "domains=cards", "--where", "words>=6", "--without-mlm", "--json", "-")
    assert done.returncode == 0, done.stderr
    known = json.loads(done.stdout)
    # Every other dialogue; of these "i want a refund 9" and its "done" have 6 words, "block my card 11" has 7 with its
    # answer: all six; a quarter is held out.
    assert known["dialogues"] + known["dev"]["dialogues"] == 6
    assert set(known["loss"]) == {"next_turn"}
    assert known["riders"] == {}


def test_quick_is_short(console: Console, flags: tuple[str | Path, ...]) -> None:
    done = console(*flags, "--quick", "--epochs", "1000")
    assert done.returncode == 0, done.stderr
    assert facts(console.folder / "adapted")["training"]["steps"] == 60


def test_random_weights_of_an_architecture(console: Console, chats: str, checkpoint: Callable[[str], Path]) -> None:
    flags = ("--encoder", checkpoint("bert"), "--random", "--batch-size", "4", "--epochs", "0.5")
    done = console("pretrain", "--corpus", chats, *flags, "-o", "adapted")
    assert (done.returncode, done.stderr) == (0, "")


# -- stopping and going on -------------------------------------------------------------------------------------


def step_of(work: Path) -> int:
    """The step of the last checkpoint; while it is being replaced there is none to read."""
    try:
        return int(json.loads((work / "checkpoint" / "run.json").read_text(encoding="utf-8"))["done"])
    except (OSError, ValueError):
        return 0


def started(console: Console, *arguments: str | Path) -> int:
    """A run that has written a checkpoint."""
    process = console.start(*arguments)
    assert isinstance(process, int)
    deadline = time.monotonic() + 60
    while not step_of(console.folder / "adapted.work"):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_a_run_that_was_cut_off_goes_on_and_ends_with_the_same_weights(
    console: Console, flags: tuple[str | Path, ...], number: signal.Signals, code: int
) -> None:
    long = (*flags, "--steps", "60")
    assert console(*long).returncode == 0
    expected, known = weights(console.folder / "adapted"), facts(console.folder / "adapted")
    os.kill(started(console, *long), number)
    assert console.finish().returncode == code
    step = step_of(console.folder / "adapted.work")
    assert step < 60
    done = console(*long)
    assert (done.returncode, done.stderr) == (0, "")
    if step:  # cut off between two renames, the checkpoint has another name
        assert done.stdout.startswith(f"going on from step {step} of the run in adapted.work; --restart starts anew\n")
    assert weights(console.folder / "adapted") == expected
    assert facts(console.folder / "adapted") == known
    assert there(console.folder) == {"adapted"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_was_stopped_says_the_command_that_goes_on(
    console: Console, flags: tuple[str | Path, ...], number: signal.Signals, code: int
) -> None:
    long = (*flags, "--steps", "100000")
    os.kill(started(console, *long, "--restart"), number)
    done = console.finish()
    assert done.returncode == code
    step = step_of(console.folder / "adapted.work")
    assert step >= 4
    lines = done.stderr.splitlines()
    assert lines[:2] == [
        "stopping after this step; once more stops at once",
        f"stopped; the run is kept in adapted.work, its last checkpoint is of step {step}. To go on:",
    ]
    assert lines[2] == "  turnwise " + " ".join(map(str, long))
    assert there(console.folder) == {"adapted.work"}
    # What goes on is the same run, so that another number of steps is another run.
    done = console(*flags, "--steps", "8")
    assert done.returncode == 1
    assert "the work folder adapted.work is of another run" in done.stderr
    assert "recipe.training.steps was 100000 and is 8" in done.stderr


def test_another_corpus_is_another_run_until_restarted(console: Console, flags: tuple[str | Path, ...]) -> None:
    assert console(*flags, "--keep-work", "--work", "w").returncode == 0
    logged = (console.folder / "w" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert any("loss/next_turn" in line for line in logged)
    (console.folder / "chats.jsonl").write_text(talks(13))
    done = console(*flags, "--work", "w")
    assert done.returncode == 1
    assert "corpora.chats.jsonl was " in done.stderr
    done = console(*flags, "--work", "w", "--restart")
    assert (done.returncode, done.stderr) == (0, "")
    known = facts(console.folder / "adapted")
    assert known["dialogues"] + known["dev"]["dialogues"] == 13
    assert there(console.folder) == {"adapted"}


def test_a_full_disk_loses_nothing(console: Console, flags: tuple[str | Path, ...]) -> None:
    """No file may grow beyond 60 kB: the weights of the first checkpoint are larger."""
    done = console(*flags, "--steps", "5", largest_file=60_000)
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write adapted.work/checkpoint: File too large")
    assert there(console.folder) == {"adapted.work"}
    done = console(*flags, "--steps", "5")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("going on from the stored turns of the run in adapted.work")
    assert there(console.folder) == {"adapted"}


@pytest.mark.skipif(find_spec("tensorboard") is not None, reason="tensorboard is installed")
def test_tensorboard_is_an_extra(console: Console, flags: tuple[str | Path, ...]) -> None:
    done = console(*flags, "--tensorboard")
    assert done.returncode == 1
    assert "tensorboard is not installed; run: pip install 'turnwise[tensorboard]'" in done.stderr


def test_logs_go_where_they_are_wanted_when_the_folder_is_removed(tmp_path: Path) -> None:
    from turnwise.cli.run_folder import Work

    work = Work.open(tmp_path / "w", {"seed": 0})
    (tmp_path / "w" / "tensorboard").mkdir()
    (tmp_path / "w" / "tensorboard" / "events").write_text("losses")
    (tmp_path / "w" / "train").mkdir()
    assert Work.open(tmp_path / "w", {"seed": 0}).begun and not work.begun
    work.remove(logs=tmp_path / "encoder" / "logs")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        "encoder/logs/tensorboard/events"
    ]


# -- from scratch ----------------------------------------------------------------------------------------------


def test_from_a_tokenizer_of_ones_own(console: Console, flags: tuple[str | Path, ...], chats: str) -> None:
    from turnwise.tokenizer import train_tokenizer

    train_tokenizer([talks(12)]).save(console.folder / "words")
    fresh = ("pretrain", "--corpus", chats, "--recipe", "mine.toml", "--tokenizer", "words", "--steps", "2")
    done = console(*fresh, "-o", "adapted")
    assert (done.returncode, done.stderr) == (0, "")
    assert facts(console.folder / "adapted")["base"] == "small from random weights"
    config = json.loads((console.folder / "adapted" / "config.json").read_text(encoding="utf-8"))
    assert (config["hidden_size"], config["num_hidden_layers"]) == (256, 4)
    for wrong, message in [
        (("--size", "tiny"), "there is no size 'tiny'"),
        (("--encoder", "embedded", "--random"), "leave out --encoder and --random"),
        (("--tokenizer", "nowhere"), "there is no tokenizer folder nowhere"),
    ]:
        done = console(*fresh, *wrong, "-o", "other")
        assert done.returncode == 1
        assert message in done.stderr


# -- what cannot be used ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--recipe", "intent"), 1, "has task = 'intent', expected task = \"pretrain\""),
        (("--recipe", "nothing"), 1, "there is no recipe 'nothing'"),
        (("--epochs", "0"), 1, "epochs is 0"),
        (("--steps", "0"), 1, "steps is 0"),
        (("--learning-rate", "-1"), 1, "learning_rate is -1.0"),
        (("--batch-size", "1"), 1, "batch_size is 1; in-batch negatives need at least 2"),
        (("--limit", "1"), 1, "limit"),
        (("--limit", "0"), 1, "limit"),
        (("--recipe", "cs-bert", "--limit", "9"), 1, "which the recipe cs-bert does not have"),
        (("--recipe", "dsdf-mlm", "--without-mlm"), 1, "--without-mlm leaves the recipe dsdf-mlm nothing to learn"),
        (("--seed", "-1"), 2, "Invalid value for '--seed'"),
        (("--encoder", "./nowhere"), 1, "there is no encoder folder ./nowhere"),
        (("--corpus", "single.csv"), 1, "response ranking needs at least 2 pairs of turns, found 0 in 2 dialogues"),
        (("--corpus", "nowhere.jsonl"), 1, "there is no file or folder nowhere.jsonl"),
        (("--dev", "nowhere.jsonl"), 1, "there is no file or folder nowhere.jsonl"),
        (("--corpus", "broken.jsonl"), 1, "broken.jsonl has 1 problem"),
        (("--where", "domain=cards"), 1, "there is no layer 'domain'; did you mean 'domains'?"),
        (("--where", "turns"), 1, "--where 'turns' is no condition"),
        (("--recipe", "cs-bert", "--corpus", "mute.jsonl"), 1, "next_turn needs agent turns that answer something"),
    ],
)
def test_what_cannot_be_used_says_why(
    console: Console,
    chats: str,
    checkpoint: Callable[[str], Path],
    flags: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    (console.folder / "single.csv").write_text("text\nhello\nbye\n")
    (console.folder / "broken.jsonl").write_text(talks(3) + "{\n")
    (console.folder / "mute.jsonl").write_text(talks(3, agent="customer"))
    corpus = () if "--corpus" in flags else ("--corpus", chats)
    base = () if "--encoder" in flags else ("--encoder", checkpoint("bert"))
    done = console("pretrain", *corpus, *base, *flags, "-o", "adapted")
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert not (console.folder / "adapted").exists()
    assert not (console.folder / "adapted.work").exists()


def test_three_wrong_keys_are_told_at_once(console: Console, flags: tuple[str | Path, ...]) -> None:
    text = RECIPE.replace("batch_size", "batchsize").replace("epochs", "epoch").replace("[input]", "[imput]")
    (console.folder / "mine.toml").write_text(text)
    done = console(*flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert "recipe mine.toml has 3 problem(s):" in done.stderr
    for near in ("batch_size", "epochs", "input"):
        assert f"did you mean '{near}'?" in done.stderr


def test_what_is_no_encoder_is_not_replaced(console: Console, chats: str) -> None:
    (console.folder / "adapted").mkdir()
    (console.folder / "adapted" / "notes.txt").write_text("mine")
    done = console("pretrain", "--corpus", chats, "-o", "adapted")
    assert done.returncode == 1
    assert "cannot write adapted: it holds other things (config.json is not there)" in done.stderr
    assert (console.folder / "adapted" / "notes.txt").read_text() == "mine"


def test_a_folder_of_other_things_is_no_work_folder(console: Console, flags: tuple[str | Path, ...]) -> None:
    (console.folder / "notes").mkdir()
    (console.folder / "notes" / "notes.txt").write_text("mine")
    for more in ((), ("--restart",)):
        done = console(*flags, "--work", "notes", *more)
        assert done.returncode == 1
        assert "cannot write notes: it holds other things" in done.stderr
        assert (console.folder / "notes" / "notes.txt").read_text() == "mine"
