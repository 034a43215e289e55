"""Presidio's synthetic data: on texts written for the test, and the published figures."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import parse
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.presidio import READER, split_of
from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def row(text: str, template: Any, *spans: tuple[int, int, str]) -> dict[str, Any]:
    marked = [
        {"entity_type": label, "entity_value": text[start:end], "start_position": start, "end_position": end}
        for start, end, label in spans
    ]
    return {"full_text": text, "masked": "", "spans": marked, "template_id": template, "metadata": None}


def write(folder: Path, *rows: Any) -> Path:
    (folder / "synth_dataset_v2.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def template(split: str) -> int:
    return next(number for number in range(100) if split_of(number) == split)


def test_a_text_is_a_turn_with_its_spans_in_order(tmp_path: Path) -> None:
    text = "Ida from Graz 😀 writes"
    folder = write(
        tmp_path, row("hello", template("dev")), row(text, template("train"), (9, 13, "GPE"), (0, 3, "PERSON"))
    )
    assert READER.splits(folder) == ("train", "dev", "test")
    (only,) = read(folder, "train")
    spans = {"pii": (Span(0, 3, "PERSON"), Span(9, 13, "GPE"))}
    assert only == Dialogue("presidio:train:1", (Turn(None, text, spans),), {"template": template("train")})
    assert read(folder, "dev")[0].turns[0].spans == {"pii": ()}
    assert read(folder, "test") == []
    assert [d.id for d in parse(f"presidio:{folder}@all").read()] == ["presidio:train:1", "presidio:dev:0"]


def test_the_split_of_a_template_is_fixed() -> None:
    """The first eight bytes of the SHA-256 of "0" to "7", as numbers, end in 0, 3, 6, 3, 4, 3, 9, 0."""
    assert [split_of(number) for number in range(8)] == [
        "train",
        "train",
        "train",
        "train",
        "train",
        "train",
        "test",
        "train",
    ]
    counted = Counter(split_of(number) for number in range(10_000))
    assert counted["train"] == pytest.approx(7_000, rel=0.03)
    assert counted["dev"] == pytest.approx(1_000, rel=0.1)


def test_broken_rows_are_named_and_the_others_read(tmp_path: Path) -> None:
    good = template("train")
    folder = write(
        tmp_path,
        {"full_text": "hi"},
        row("hi", good, (0, 9, "PERSON")),
        {**row("hi", good), "spans": [{"start": 0}]},
        row("fine", good),
    )
    with pytest.raises(CorpusError) as caught:
        read(folder, "train")
    one, two, three = caught.value.problems
    assert one.startswith("dialogue 0 is {'full_text': 'hi'}, expected full_text, template_id and spans")
    assert "end is 9 but the text has 2 characters" in two
    assert three.startswith("dialogue 2: spans[0] is {'start': 0}, expected start_position")
    assert [d.id for d in _good(folder)] == ["presidio:train:3"]


def _good(folder: Path) -> list[Dialogue]:
    found: list[Dialogue] = []
    with pytest.raises(CorpusError):
        for dialogue in READER.read(folder, "train", DEFAULT_COLUMNS):
            found.append(dialogue)
    return found


def test_the_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no synth_dataset_v2\.json"):
        READER.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published() -> None:
    """1,500 texts and 2,863 spans of 17 types; the parts share no template, and hold all 209."""
    path = Path(DATA or "") / "presidio_synth"
    parts = {split: read(path, split) for split in READER.splits(path)}
    spans = Counter(span.label for part in parts.values() for d in part for span in d.turns[0].spans["pii"])
    assert {split: len(part) for split, part in parts.items()} == {"train": 1_051, "dev": 159, "test": 290}
    assert (spans.total(), len(spans)) == (2_863, 17)
    assert spans["PERSON"] == 857
    templates = {split: {d.labels["template"] for d in part} for split, part in parts.items()}
    assert sum(map(len, templates.values())) == len(set.union(*templates.values())) == 209
