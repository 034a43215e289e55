"""``turnwise mine`` and ``turnwise pretrain --pairs``, one after the other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnwise.encoder import Encoder
from turnwise.pretrained_decoder import load_decoder

Console = Any

RECIPE = """
task = "pretrain"
[objectives.pairwise_cloze]
layers = [1, 2]
batch_size = 8
hidden = 24
width = 16
wide = 16
attention = 8
[training]
steps = 4
optimizer = "adadelta"
learning_rate = 0.3
frozen = true
precision = "fp32"
[evaluation]
every = 2
checkpoint = 2
patience = 0
"""


@pytest.fixture
def flags(console: Console, checkpoint: Callable[[str], Path]) -> tuple[str | Path, ...]:
    (console.folder / "mine.toml").write_text(RECIPE)
    done = console("mine", "sample", "-o", "pairs", "--threads", "1", "--test", "0.2")
    assert done.returncode == 0, done.stderr
    return ("pretrain", "--pairs", "pairs", "--recipe", "mine.toml", "--encoder", checkpoint("bert"), "-o", "decoder")


def test_a_decoder_comes_out_of_mined_pairs(
    console: Console, flags: tuple[str | Path, ...], checkpoint: Callable[[str], Path]
) -> None:
    done = console(*flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("4 steps; ") and "decoder written to decoder" in done.stdout
    assert "held-out pairs" in done.stdout and "recall" in done.stdout
    decoder = load_decoder(console.folder / "decoder", Encoder.load(checkpoint("bert")))
    assert decoder.layers == (1, 2)
    assert not (console.folder / "decoder.work").exists()
    again = console(*flags, "--json", "-", "--steps", "2")
    facts = json.loads(again.stdout)
    assert facts["steps"] == 2 and facts["pairs"] > 50
    assert facts["dev"]["pairs"] > 5


def test_flags_that_do_not_go_with_pairs_are_refused(console: Console) -> None:
    for flags, message in (
        ((), "there is nothing to learn from; name dialogues with --corpus, or mined pairs with --pairs"),
        (("--pairs", "pairs", "--corpus", "sample"), "--corpus is of dialogues, and --pairs pairs names pairs"),
        (("--pairs", "pairs", "--without-mlm"), "--without-mlm is of dialogues"),
        (("--pairs", "pairs", "--dev", "sample"), "--dev is of dialogues"),
        (("--pairs", "pairs"), "--pairs pairs has no train.parquet; write it with: turnwise mine"),
        (("--pairs", "pairs", "--recipe", "cs-bert"), "has no train.parquet"),
        (("--corpus", "sample", "--recipe", "pairwise-cloze"), "pairwise_cloze learns from pairs, not from dialogues"),
    ):
        done = console("pretrain", "-o", "out", *flags)
        assert done.returncode != 0
        assert message in " ".join(done.stderr.split())
        assert not (console.folder / "out").exists() and not (console.folder / "out.work").exists()
