import gzip
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import read_corpus

Console = Any
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text("body;topic\nwhere?;track|late\n谢谢;oos\n", encoding="utf-8")
    return path


COLUMNS = ("--column", "text=body", "--column", "label=topic")


def test_a_table_becomes_jsonl(turnwise: Run, shop: Path, tmp_path: Path) -> None:
    done = turnwise("convert", "shop.csv", *COLUMNS, "-o", "new/shop.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 dialogues written to new/shop.jsonl\n", "")
    lines = (tmp_path / "new" / "shop.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == {
        "id": "csv:shop:0",
        "turns": [{"speaker": "customer", "text": "where?", "labels": {"intent": ["track", "late"]}}],
    }
    assert "谢谢" in lines[1]


def test_the_suffix_packs_and_converting_again_changes_nothing(turnwise: Run, shop: Path, tmp_path: Path) -> None:
    for output in ("a.jsonl.gz", "b.jsonl.xz"):
        assert turnwise("convert", "shop.csv", *COLUMNS, "-o", output).returncode == 0
        assert turnwise("convert", output, "-o", "back.jsonl").returncode == 0
        with gzip.open(tmp_path / "a.jsonl.gz", "rb") as file:
            assert file.read() == (tmp_path / "back.jsonl").read_bytes()


def test_all_splits_are_written(turnwise: Run, tmp_path: Path) -> None:
    for split in ("test", "train"):
        (tmp_path / f"{split}.csv").write_text(f"text,label\n{split},x\n")
    assert turnwise("convert", "csv:.", "-o", "all.jsonl").returncode == 0
    assert [d.id for d in read_corpus(str(tmp_path / "all.jsonl"))] == ["csv:train:0", "csv:test:0"]


@pytest.mark.parametrize("corpus", ["a.jsonl", "./a.jsonl", "link.jsonl", "jsonl:.", "jsonl:.@a"])
def test_a_corpus_is_never_overwritten_by_itself(turnwise: Run, tmp_path: Path, corpus: str) -> None:
    content = '{"id": "a", "turns": [{"speaker": null, "text": "hi"}]}\n'
    (tmp_path / "a.jsonl").write_text(content)
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    done = turnwise("convert", corpus, "-o", "a.jsonl")
    assert done.returncode == 1
    assert f"error: the output a.jsonl belongs to the corpus {corpus} itself" in done.stderr
    assert (tmp_path / "a.jsonl").read_text() == content


def test_a_broken_corpus_leaves_the_older_output(turnwise: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nhi,x\nhi\n")
    (tmp_path / "out.jsonl").write_text("older")
    done = turnwise("convert", "a.csv", "-o", "out.jsonl")
    assert done.returncode == 1
    assert "a.csv has 1 problem:\n  line 3: number of cells 1, expected 2" in done.stderr
    assert (tmp_path / "out.jsonl").read_text() == "older"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "out.jsonl"]


def test_another_suffix_is_refused(turnwise: Run, shop: Path) -> None:
    done = turnwise("convert", "shop.csv", *COLUMNS, "-o", "shop.json")
    assert (done.returncode, done.stderr) == (
        1,
        "error: the output shop.json does not end in .jsonl, .jsonl.gz or .jsonl.xz\n",
    )


def test_a_full_disk_leaves_the_older_output(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "hello there\n" * 1000)
    (tmp_path / "out.jsonl").write_text("older")

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))

    command = [Path(sys.executable).with_name("turnwise"), "convert", "a.csv", "-o", "out.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, preexec_fn=full, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write out.jsonl: File too large. Free space")
    assert (tmp_path / "out.jsonl").read_text() == "older"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "out.jsonl"]


def test_redaction_replaces_personal_data_and_counts_it_by_kind(turnwise: Run, tmp_path: Path) -> None:
    rows = "text\nmail a@example.org or b@example.org\nring 612 345 678\nmy name is Anna Petrova\nhello\n"
    (tmp_path / "a.csv").write_text(rows)
    done = turnwise("convert", "a.csv", "--redact", "--region", "ES", "-o", "out.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "4 dialogues written to out.jsonl",
        "4 stretches of personal data replaced by UCI_TOKEN",
        "        2  email",
        "        1  name",
        "        1  phone",
        "No rule finds everything: read a sample of the result before you pass it on.",
    ]
    assert [d.turns[0].text for d in read_corpus(str(tmp_path / "out.jsonl"))] == [
        "mail UCI_TOKEN or UCI_TOKEN",
        "ring UCI_TOKEN",
        "my name is UCI_TOKEN",
        "hello",
    ]
    again = turnwise("convert", "out.jsonl", "--redact", "-o", "again.jsonl")
    assert again.stdout.splitlines()[1] == "0 stretches of personal data replaced by UCI_TOKEN"
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_redaction_refuses_what_it_cannot_do(turnwise: Run, tmp_path: Path) -> None:
    content = '{"id": "a", "turns": [{"speaker": null, "text": "a@example.org"}]}\n'
    (tmp_path / "a.jsonl").write_text(content)
    for arguments, message in (
        (("--redact", "-o", "a.jsonl"), "error: the output a.jsonl belongs to the corpus a.jsonl itself"),
        (("--region", "GB", "-o", "b.jsonl"), "error: --region says which phone numbers are replaced; give --redact"),
        (("--redact", "--region", "UK", "-o", "b.jsonl"), "error: there is no phone plan of the region 'UK'"),
        (("--form", "numbered", "-o", "b.jsonl"), "error: --model, --form and --key-file say how"),
        (("--redact", "--key-file", "k", "-o", "b.jsonl"), "error: --key-file is the secret of pseudonyms"),
        (("--redact", "--form", "pseudonym", "-o", "b.jsonl"), "error: the environment variable TURNWISE_PSEUDONYM"),
        (("--redact", "--model", "nowhere", "-o", "b.jsonl"), "error: there is no model folder nowhere"),
    ):
        done = turnwise("convert", "a.jsonl", *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith(message)
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]
    assert (tmp_path / "a.jsonl").read_text() == content


def test_where_takes_some_dialogues_only(turnwise: Run, tmp_path: Path) -> None:
    where = ("--where", "handoff=true", "--where", "turns>=4")
    done = turnwise("convert", "sample@dev", *where, "-o", "some.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in (tmp_path / "some.jsonl").read_text(encoding="utf-8").splitlines()]
    assert 0 < len(found) < sum(1 for _ in read_corpus("sample@dev"))
    assert all(len(dialogue["turns"]) >= 4 for dialogue in found)
    assert all(any(turn.get("labels", {}).get("handoff") is True for turn in d["turns"]) for d in found)


def test_where_that_holds_of_nothing_names_the_nearest_layer_and_writes_nothing(turnwise: Run, tmp_path: Path) -> None:
    done = turnwise("convert", "sample@dev", "--where", "emotin=anger", "-o", "none.jsonl")
    assert done.returncode == 1
    assert "'emotion'" in done.stderr
    assert not (tmp_path / "none.jsonl").exists()


def test_numbers_and_pseudonyms_in_place_of_the_token(turnwise: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nmail a@example.org or b@example.org\nA@example.org\n")
    done = turnwise("convert", "a.csv", "--redact", "--form", "numbered", "-o", "numbered.jsonl")
    assert done.stdout.splitlines()[1] == "3 stretches of personal data replaced by kind and number"
    assert [d.turns[0].text for d in read_corpus(str(tmp_path / "numbered.jsonl"))] == [
        "mail [EMAIL_1] or [EMAIL_2]",
        "[EMAIL_1]",
    ]
    (tmp_path / "key").write_text("a key that is long enough\n")
    done = turnwise("convert", "a.csv", "--redact", "--form", "pseudonym", "--key-file", "key", "-o", "keyed.jsonl")
    assert done.returncode == 0
    assert "long enough" not in done.stdout + done.stderr + (tmp_path / "keyed.jsonl").read_text()
    first, second = (d.turns[0].text for d in read_corpus(str(tmp_path / "keyed.jsonl")))
    assert first.startswith(f"mail {second} or [EMAIL_")


def test_a_fitted_model_redacts_too(console: Console, checkpoint: Callable[[str], Path]) -> None:
    """The model may find anything after three steps; what the rules find is gone, and nothing of it is left behind."""
    mail = '{"id": "%s", "turns": [{"speaker": "customer", "text": "mail anna@example.org", "spans": {"pii": [%s]}}]}'
    span = '{"start": 5, "end": 21, "label": "contact"}'
    (console.folder / "a.jsonl").write_text("\n".join(mail % (number, span) for number in range(6)) + "\n")
    (console.folder / "b.jsonl").write_text(mail.replace(', "spans": {"pii": [%s]}', "") % "b" + "\n")
    fit = ("fit", "pii", "-c", "a.jsonl", "--dev", "a.jsonl", "--encoder", checkpoint("bert"), "--steps", "3")
    done = console(*fit, "-o", "model")
    assert done.returncode == 0, done.stderr
    done = console("convert", "b.jsonl", "--redact", "--model", "model", "--form", "numbered", "-o", "out.jsonl")
    assert done.returncode == 0, done.stderr
    assert "No model finds everything" in done.stdout
    (only,) = read_corpus(str(console.folder / "out.jsonl"))
    assert "anna" not in only.turns[0].text
    assert "_1]" in only.turns[0].text
    assert (dict(only.turns[0].spans), dict(only.turns[0].evidence)) == ({}, {})
    done = console("predict", "model", "mail anna@example.org", "agent: ok")
    assert done.returncode == 0, done.stderr
    assert "[CONTACT_1]" in done.stdout
    assert console("convert", "b.jsonl", "--redact", "--model", ".", "-o", "out2.jsonl").returncode == 1
