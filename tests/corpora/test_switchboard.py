"""Switchboard, on conversations written for the test."""

import io
import os
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from turnwise.corpora import switchboard
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(switchboard.read(path, split, DEFAULT_COLUMNS))


def write(path: Path, split: str, files: dict[str, str]) -> None:
    folder = path / "swda_data" / split
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())


def test_every_line_is_a_turn_of_nobody_in_particular(tmp_path: Path) -> None:
    write(tmp_path, "val", {"12.txt": "A|Do you sail,|qy\nA|or row?|qrr\nB|Um, no.|nn\n", "9.txt": "B|Hm.|b\r\n"})
    assert switchboard.splits(tmp_path) == ("train", "val", "test")
    short, long = read(tmp_path, "val")
    assert (short.id, short.turns) == (
        "switchboard:val:9",
        (Turn(None, "Hm.", labels={"acts": ("b",), "participant": "B"}),),
    )
    assert (long.id, long.turns) == (
        "switchboard:val:12",
        (
            Turn(None, "Do you sail,", labels={"acts": ("qy",), "participant": "A"}),
            Turn(None, "or row?", labels={"acts": ("qrr",), "participant": "A"}),
            Turn(None, "Um, no.", labels={"acts": ("nn",), "participant": "B"}),
        ),
    )


def test_an_archive_is_read_split_by_split(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "swda_data.tar.xz", "w:xz") as tar:
        for split in ("train", "test"):
            header = tarfile.TarInfo(f"swda_data/{split}/1.txt")
            header.size = len(content := f"A|this is {split}|sd\n".encode())
            tar.addfile(header, io.BytesIO(content))
    assert [(d.id, d.turns[0].text) for d in read(tmp_path, "test")] == [("switchboard:test:1", "this is test")]
    with pytest.raises(CorpusError, match=r"holds no file swda_data/val/\*.txt"):
        read(tmp_path, "val")


def test_broken_lines_are_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        "train",
        {"1.txt": "A|fine|sd\nC|who?|qw\nA|no act\nB|  |b\n", "2.txt": "A|a|b|c\n", "3.txt": "B|ok|b"},
    )
    found = []
    with pytest.raises(CorpusError) as caught:
        for dialogue in switchboard.read(tmp_path, "train", DEFAULT_COLUMNS):
            found.append(dialogue.id)
    assert found == ["switchboard:train:3"]
    assert caught.value.problems == (
        "swda_data/train/1.txt, line 2 is 'C|who?|qw', expected A|TEXT|ACT or B|TEXT|ACT",
        "swda_data/train/1.txt, line 3 is 'A|no act', expected A|TEXT|ACT or B|TEXT|ACT",
        "swda_data/train/1.txt, line 4 is 'B|  |b', expected A|TEXT|ACT or B|TEXT|ACT",
        "swda_data/train/2.txt, line 1 is 'A|a|b|c', expected A|TEXT|ACT or B|TEXT|ACT",
    )


def test_the_folder_must_hold_the_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds neither swda_data.tar.xz \(.tar.gz, .tar\) nor the folder swda_data"):
        switchboard.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published() -> None:
    path = Path(DATA or "") / "switchboard"
    expected = {"train": (1_115, 192_390), "val": (21, 3_272), "test": (19, 4_078)}
    ids: set[str] = set()
    acts: Counter[object] = Counter()
    participants: Counter[object] = Counter()
    for split, (conversations, utterances) in expected.items():
        dialogues = read(path, split)
        turns = [turn for dialogue in dialogues for turn in dialogue.turns]
        assert (len(dialogues), len(turns)) == (conversations, utterances)
        ids.update(dialogue.id for dialogue in dialogues)
        acts.update(turn.labels["acts"] for turn in turns)
        participants.update(turn.labels["participant"] for turn in turns)
    assert len(ids) == 1_115 + 21 + 19
    assert (len(acts), acts[("sd",)]) == (41, 75_136)
    assert participants == {"A": 103_144, "B": 96_596}
