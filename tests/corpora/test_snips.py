"""SNIPS in its two forms and as episodes: on rows written for the test, and the published counts."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import parse, snips, snips_episodes
from turnwise.corpora.bio import tagged
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(snips.READER.read(path, split, DEFAULT_COLUMNS))


def by_tokens(folder: Path, words: str, tags: str, labels: str) -> Path:
    part = folder / "train"
    part.mkdir(parents=True)
    for name, text in (("seq.in", words), ("seq.out", tags), ("label", labels)):
        (part / name).write_text(text, encoding="utf-8")
    return folder


def test_tags_become_spans() -> None:
    """The words new york run on, "ulm" begins anew with B-, an I- behind another label begins a span."""
    words = ["from", "new", "york", "ulm", "to", "bern"]
    text, spans = tagged(words, ["O", "B-a", "I-a", "B-a", "I-b", "B-b"])
    assert text == "from new york ulm to bern"
    assert spans == (Span(5, 13, "a"), Span(14, 17, "a"), Span(18, 20, "b"), Span(21, 25, "b"))
    with pytest.raises(CorpusError, match="there are 1 tags, expected 6"):
        tagged(words, ["O"])
    with pytest.raises(CorpusError, match="the tag 'X-a' is neither"):
        tagged(["a"], ["X-a"])


def test_by_tokens(tmp_path: Path) -> None:
    folder = by_tokens(tmp_path, "play  abba \nrain\nhi you\n", "O B-artist \nO\nO\n", "PlayMusic\nGetWeather\nX\n")
    assert snips.READER.splits(folder) == ("train",)
    found = snips.READER.read(folder, "train", DEFAULT_COLUMNS)
    turn = Turn("customer", "play abba", {"slots": (Span(5, 9, "artist"),)}, {"intent": ("PlayMusic",)})
    assert next(found) == Dialogue("snips:train:0", (turn,))
    assert next(found).turns[0].spans == {"slots": ()}
    with pytest.raises(CorpusError, match="line 3: there are 1 tags, expected 2"):
        next(found)


def test_the_original(tmp_path: Path) -> None:
    pieces = [{"text": "rate "}, {"text": " this ", "entity": "object_select"}, {"text": "é"}]
    (tmp_path / "RateBook").mkdir()
    content = json.dumps({"RateBook": [{"data": pieces}, {"data": [{}]}]}, ensure_ascii=False)
    (tmp_path / "RateBook" / "validate_RateBook.json").write_bytes(content.encode("latin-1"))
    assert snips.READER.splits(tmp_path) == ("valid",)
    found = snips.READER.read(tmp_path, "valid", DEFAULT_COLUMNS)
    turn = Turn("customer", "rate  this é", {"slots": (Span(6, 10, "object_select"),)}, {"intent": ("RateBook",)})
    assert next(found) == Dialogue("snips:valid:RateBook:0", (turn,))
    with pytest.raises(CorpusError, match="row 1 is"):
        next(found)


def test_it_must_be_one_of_the_two(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds neither train/seq\.in nor"):
        snips.READER.splits(tmp_path)


def episode(support: Any, batch: Any) -> dict[str, Any]:
    return {"support": support, "batch": batch}


def sentences(*rows: tuple[str, str]) -> dict[str, Any]:
    words, tags = ([row[side].split() for row in rows] for side in (0, 1))
    return {"seq_ins": words, "seq_outs": tags, "labels": [["GetWeather"]] * len(rows)}


def test_episodes(tmp_path: Path) -> None:
    good = episode(sentences(("in ulm", "O B-city")), sentences(("rain", "O"), ("snow", "O")))
    broken = episode(sentences(("in ulm", "O")), {"seq_ins": []})
    (tmp_path / "snips-test-1-shot-5.json").write_text(json.dumps({"GetWeather": [good, broken]}), encoding="utf-8")
    assert snips_episodes.READER.splits(tmp_path) == ("1_support", "1_query")
    found = snips_episodes.READER.read(tmp_path, "1_support", DEFAULT_COLUMNS)
    first = next(found)
    assert (first.id, first.labels) == ("snips_episodes:1_support:GetWeather:0:0", {"episode": 0})
    assert first.turns[0].spans == {"slots": (Span(3, 6, "city"),)}
    with pytest.raises(CorpusError, match="there are 1 tags, expected 2"):
        next(found)
    with pytest.raises(CorpusError, match=r"GetWeather\[1\] has no batch with"):
        list(snips_episodes.READER.read(tmp_path, "1_query", DEFAULT_COLUMNS))
    with pytest.raises(InputError, match="holds no snips-test-N-shot-5"):
        snips_episodes.READER.splits(tmp_path.parent)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_snips() -> None:
    """13,784 and 2,100 in training and 700 to measure; by tokens 13,084, 700 and 700 with 39 kinds of slots."""
    folder = Path(DATA or "") / "snips"
    for path, expected in (
        ("seq", {"train": 13_084, "valid": 700, "test": 700}),
        ("2017-06-custom-intent-engines", {"train_full": 13_784, "train": 2_100, "valid": 700}),
    ):
        found = list(parse(f"snips:{folder / path}@all").read())
        assert Counter(dialogue.id.split(":")[1] for dialogue in found) == expected
        assert len({span.label for dialogue in found for span in dialogue.turns[0].spans["slots"]}) == 39


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_episodes() -> None:
    """100 episodes of 10 sentences to ask about in each fold that is there."""
    path = Path(DATA or "") / "snips_5shot_episodes" / "xval_snips_shot_5"
    found = list(parse(f"snips_episodes:{path}@1_query+2_query+3_query+6_query+7_query").read())
    assert Counter(dialogue.id.split(":")[1] for dialogue in found) == {f"{n}_query": 1_000 for n in (1, 2, 3, 6, 7)}
    assert {dialogue.labels["episode"] for dialogue in found} == set(range(100))
