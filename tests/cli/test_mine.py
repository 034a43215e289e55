"""Mining from the command line."""

import json
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

Console = Any
ODD = "<script>alert(1)</script>"


def posts(console: Console) -> None:
    frames = ("we really like {} here now", "now {} we like here really")
    rows = [(forum, frame.format(f"{word}s")) for forum, word in (("b", "comet"), ("a", ODD)) for frame in frames]
    table = {"forum": [forum for forum, _ in rows], "body": [text for _, text in rows]}
    parquet.write_table(pyarrow.table(table), console.folder / "posts.parquet")


def test_pairs_statistics_and_a_report(console: Console) -> None:
    posts(console)
    flags = ("--text", "body", "--group", "forum", "--threshold", "0.1", "--test", "0.0001")
    done = console("mine", "posts.parquet", *flags, "-o", "pairs", "--report", "report.html")
    assert done.returncode == 0, done.stderr
    assert "Groups: 2" in done.stdout
    assert "pairs written to pairs" in done.stdout
    facts = json.loads((console.folder / "pairs" / "mining.json").read_text())
    assert facts["train_pairs"] == parquet.read_table(console.folder / "pairs" / "train.parquet").num_rows > 0
    html = (console.folder / "report.html").read_text(encoding="utf-8")
    assert "<b>BLANK</b>" in html
    assert "<mark>comets</mark>" in html
    assert "<script>" not in html
    assert not (console.folder / "pairs.work").exists()


def test_a_run_that_the_disk_stopped_goes_on(console: Console) -> None:
    done = console("mine", "sample", "-o", "pairs", largest_file=60_000)
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert not (console.folder / "pairs").exists()
    assert (console.folder / "pairs.work").is_dir()
    done = console("mine", "sample", "-o", "pairs", "--keyphrases", "1")
    assert done.returncode == 1
    assert "of another run" in done.stderr
    done = console("mine", "sample", "-o", "pairs")
    assert done.returncode == 0, done.stderr
    assert "going on with the run in pairs.work" in done.stderr


def test_what_cannot_be_mined_says_why_and_leaves_nothing(console: Console) -> None:
    posts(console)
    for arguments, said in (
        (("posts.parquet", "--text", "body", "--group", "forums"), "did you mean 'forum'"),
        (("nothing.parquet", "--text", "body"), "there is no table nothing.parquet"),
        (("samples",), "samples"),
        (("sample", "--test", "2"), "test is 2"),
    ):
        done = console("mine", *arguments, "-o", "pairs")
        assert done.returncode == 1, done.stdout
        assert said in done.stderr
        assert not list(Path(console.folder).glob("pairs*"))
