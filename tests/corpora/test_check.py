from pathlib import Path

import pytest

from turnwise.corpora.check import Overlap, Report, check
from turnwise.corpora.tally import Conflict, LayerCount, Lengths
from turnwise.corpora.tokens import count_tokens
from turnwise.corpora.write import write_jsonl
from turnwise.dialogue import Dialogue, Span, Turn, utterance
from turnwise.errors import InputError


@pytest.fixture
def report(tmp_path: Path) -> Report:
    desk = Dialogue(
        "1",
        (
            Turn("customer", "Where is A1?", {"slots": (Span(9, 11, "order"),)}, {"intent": ("track",)}),
            Turn("agent", "Where is A1?", {}, {"acts": ("ask", "greet")}),
            Turn(None, " ", {"slots": ()}, {"state": {"order.id": ("A1",)}}),
        ),
        {"satisfaction": 3},
    )
    write_jsonl(
        [desk, utterance("where  is a1?", ["late"], id="2"), utterance("WHERE IS A1?", [], id="3")],
        tmp_path / "train.jsonl",
    )
    write_jsonl([utterance("where is A1?", ["late"], id="4"), utterance("bye", id="5")], tmp_path / "test.jsonl")
    return check(f"jsonl:{tmp_path}", count_tokens=lambda texts: [len(text.split()) for text in texts])


def test_dialogues_turns_and_lengths_are_counted(report: Report) -> None:
    train, test = report.splits
    assert (train.name, train.dialogues, train.turns) == ("train", 3, 5)
    assert train.speakers == {"customer": 3, "agent": 1, "neither": 1}
    # sizes 3, 1, 1; their 95th percentile lies 0.9 of the way from the second to the third
    assert train.turns_per_dialogue == Lengths(1.67, 1.0, pytest.approx(2.8), 3)
    assert train.tokens == Lengths(2.4, 3.0, 3.0, 3)
    assert test.characters == Lengths(7.5, 7.5, pytest.approx(11.55), 12)
    assert report.errors == ()


def test_layers_and_labels_are_counted(report: Report) -> None:
    assert report.splits[0].layers == (
        LayerCount("satisfaction", "dialogue", 1, 0, {"3": 1}),
        LayerCount("slots", "span", 2, 1, {"order": 1}),
        LayerCount("acts", "turn", 1, 0, {"ask": 1, "greet": 1}),
        LayerCount("intent", "turn", 3, 1, {"late": 1, "track": 1}),
        LayerCount("state", "turn", 1, 0, {"order.id": 1}),
    )


def test_duplicates_conflicts_and_overlaps_ignore_case_blanks_and_agents(report: Report) -> None:
    train = report.splits[0]
    assert (train.duplicates, train.duplicate_examples, train.empty_texts) == (2, ("where is a1?",), 1)
    assert train.conflicts == (Conflict("where is a1?", ((), ("late",), ("track",))),)
    assert report.overlaps == (Overlap("train", "test", 1, ("where is a1?",)),)


def test_errors_of_all_splits_are_gathered_and_the_rest_is_counted(tmp_path: Path) -> None:
    good = '{"id": "a", "turns": [{"speaker": "agent", "text": "hi"}]}\n'
    (tmp_path / "train.jsonl").write_text(f"{good}{{}}\n")
    (tmp_path / "dev.jsonl").write_text("")
    (tmp_path / "test.jsonl").write_text(good)
    report = check(f"jsonl:{tmp_path}")
    assert [split.dialogues for split in report.splits] == [1, 0, 1]
    assert report.splits[0].tokens is None
    assert report.errors == (
        "train: line 2: id is missing",
        "train: line 2: turns is missing",
        f"dev: {tmp_path}/dev.jsonl is empty; expected one dialogue a line, as JSON",
        "test: the id 'a' is in split train too; ids must be unique",
    )


def test_only_the_named_split_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text\nhi\n")
    (tmp_path / "test.csv").write_text("text\nhi\n")
    report = check(f"csv:{tmp_path}@test")
    assert [split.name for split in report.splits] == ["test"]
    assert report.overlaps == ()


def test_progress_counts_the_dialogues(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "hi\n" * 7)
    seen: list[int] = []
    check(f"{tmp_path}/a.csv", progress=seen.append)
    assert sum(seen) == 7


def test_a_corpus_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file or folder"):
        check(f"{tmp_path}/a.csv")


def test_tokens_are_those_of_the_embedded_encoder() -> None:
    from turnwise.encoder import Encoder

    texts = ["where is my parcel?", "", "包裹 🙂", "unbelievably long " * 40]
    encoder = Encoder.load(max_tokens=512)
    assert count_tokens(texts) == [len(tokens.ids) for tokens in encoder.codec.tokenise(texts)]
    assert count_tokens(["word " * 1000]) == [1002]
