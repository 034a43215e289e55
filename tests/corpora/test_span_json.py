"""RESTAURANTS-8K and the DSTC8 span sets: on rows written for the test, and the published counts."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import dstc8_spans, parse, restaurants8k
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def row(text: str, *labels: tuple[str, int | None, int], asked: list[str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"userInput": {"text": text}}
    if asked is not None:
        found["context"] = {"requestedSlots": asked}
    if labels:
        places = [
            (slot, {"endIndex": end} | ({} if start is None else {"startIndex": start})) for slot, start, end in labels
        ]
        found["labels"] = [{"slot": slot, "valueSpan": place} for slot, place in places]
    return found


def write(folder: Path, name: str, *rows: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def read(path: Path, split: str) -> list[Dialogue]:
    return list(restaurants8k.READER.read(path, split, DEFAULT_COLUMNS))


def test_an_utterance_is_a_turn_with_values_and_what_was_asked(tmp_path: Path) -> None:
    write(tmp_path, "test", row("hello"))
    write(tmp_path, "train_10", row("x"))
    write(
        tmp_path,
        "train_2",
        row("Ida at 7", ("time", 7, 8), ("first_name", None, 3), asked=["time"]),
        row("no", asked=[]),
    )
    assert restaurants8k.READER.splits(tmp_path) == ("train_2", "train_10", "test")
    first, second = read(tmp_path, "train_2")
    spans = {"slots": (Span(0, 3, "first_name"), Span(7, 8, "time"))}
    assert first == Dialogue(
        "restaurants8k:train_2:0", (Turn("customer", "Ida at 7", spans, {"requested": ("time",)}),)
    )
    assert (second.turns[0].spans, second.turns[0].labels) == ({"slots": ()}, {"requested": ()})


def test_broken_rows_are_named_and_the_others_read(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        "train_0",
        {"text": "hi"},
        row("hi", ("time", 0, 3)),
        {**row("hi"), "labels": [{"slot": "time", "valueSpan": {"startIndex": 1}}]},
        {**row("hi"), "context": {"requestedSlots": "time"}},
        row("fine"),
    )
    found = restaurants8k.READER.read(folder, "train_0", DEFAULT_COLUMNS)
    assert next(found).id == "restaurants8k:train_0:4"
    with pytest.raises(CorpusError) as caught:
        next(found)
    one, two, three, four = caught.value.problems
    assert one.startswith("dialogue 0 is {'text': 'hi'}, expected userInput")
    assert "end is 3 but the text has 2 characters" in two
    assert three.startswith("dialogue 2: labels[0] is {'slot': 'time'")
    assert four.startswith("dialogue 3: context is {'requestedSlots': 'time'}")


def test_dstc8_names_the_service_and_its_folders(tmp_path: Path) -> None:
    write(tmp_path / "Buses_1", "train_0", row("to Ulm", ("to_location", 3, 6)))
    (only,) = dstc8_spans.READER.read(tmp_path / "Buses_1", "train_0", DEFAULT_COLUMNS)
    assert only.id == "dstc8_spans:train_0:Buses_1:0"
    with pytest.raises(InputError, match=r"holds no train_0\.json; name one of its folders: .*Buses_1"):
        dstc8_spans.READER.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_restaurants8k() -> None:
    """The sizes and the spans of ConVEx's Table 6, which repeats the figure of people for time in training."""
    found = list(parse(f"restaurants8k:{Path(DATA or '') / 'restaurants8k'}@all").read())
    sizes = Counter(dialogue.id.split(":")[1] for dialogue in found)
    assert sizes == {f"train_{n}": 8_198 >> n for n in range(9)} | {"test": 3_731}
    spans = Counter((d.id.split(":")[1], span.label) for d in found for span in d.turns[0].spans["slots"])
    slots = ("people", "time", "date", "first_name", "last_name")
    assert [spans["train_0", slot] for slot in slots] == [2_164, 1_972, 1_721, 887, 891]
    assert [spans["test", slot] for slot in slots] == [983, 853, 802, 413, 426]


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_dstc8() -> None:
    """The sizes of the paper's Table 7; the test file of RentalCars_1 is kept elsewhere."""
    sizes = {"Buses_1": (1_133, 377), "Events_1": (1_498, 521), "Homes_1": (2_064, 587)}
    for service, expected in sizes.items():
        found = parse(f"dstc8_spans:{Path(DATA or '') / 'dstc8_spans' / service}@train_0+test").read()
        counts = Counter(dialogue.id.split(":")[1] for dialogue in found)
        assert (counts["train_0"], counts["test"]) == expected
