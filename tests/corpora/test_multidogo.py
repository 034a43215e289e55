"""MultiDoGO, on rows written for the test and on the published files."""

import os
from collections import Counter
from pathlib import Path

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.multidogo import READER
from turnwise.dialogue import Dialogue, Span
from turnwise.errors import CorpusError, InputError


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def write(folder: Path, content: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dev.tsv").write_text(content, encoding="utf-8")
    return folder


TURNS = "conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent\n"
SENTENCES = "conversationId\tturnNumber\tsentenceNumber\tutteranceId\tutterance\tslot-labels\tintent\n"


def test_rows_of_a_conversation_are_customer_turns_in_order(tmp_path: Path) -> None:
    content = (
        f"{TURNS}a\t10.0\tx\tfly to Ulm\tO O arrival_city\tbookflight<div>thankyou\n"
        "a\t2.0\tx\tMia Li 7 8\tname name age O\tcontentonly\nb\t1\tx\thi\tO\toutofdomain\n"
    )
    first, second = read(write(tmp_path / "airline", content), "dev")
    assert (first.id, second.id) == ("multidogo:dev:a", "multidogo:dev:b")
    assert first.labels == {"domains": ("airline",)}
    name, fly = first.turns
    assert (name.speaker, name.text, name.labels) == ("customer", "Mia Li 7 8", {"intent": ("contentonly",)})
    assert name.spans == {"slots": (Span(0, 6, "name"), Span(7, 8, "age"))}
    assert fly.labels == {"intent": ("bookflight", "thankyou")}
    assert fly.spans == {"slots": (Span(7, 10, "arrival_city"),)}
    assert (second.turns[0].labels, second.turns[0].spans) == ({"intent": ()}, {"slots": ()})


def test_sentences_are_turns(tmp_path: Path) -> None:
    content = f"{SENTENCES}a\t1\t1\tx\tnow\tO\tconfirmation\na\t1\t0\tx\tyes\tO\tconfirmation<div>outofdomain\n"
    (only,) = read(write(tmp_path, content), "dev")
    assert [turn.text for turn in only.turns] == ["yes", "now"]
    assert only.turns[0].labels == {"intent": ("confirmation",)}


def test_tokens_are_split_at_one_space_only(tmp_path: Path) -> None:
    content = f'{TURNS}a\t0\tx\t"12\n\t6  Ulm, "\tO O zip zip O\tcontentonly\n'
    with pytest.raises(CorpusError) as caught:
        read(write(tmp_path, content), "dev")
    assert caught.value.problems == ("line 2: number of slot labels 5, expected 4 as of tokens",)
    (only,) = read(write(tmp_path, content.replace("zip zip", "zip")), "dev")
    assert only.turns[0].text == "12\n\t6  Ulm, "
    assert only.turns[0].spans == {"slots": (Span(7, 11, "zip"),)}


def test_every_broken_row_is_named(tmp_path: Path) -> None:
    content = (
        f"{TURNS}a\tfirst\tx\thi\tO\ty\nb\tnan\tx\thi\tO\ty\nc\t0\tx\thi\tO\ty\nd\t0\tx\thi\tO\ty\n"
        "c\t1\tx\thi\tO\ty\nd\t1\n"
    )
    found = READER.read(write(tmp_path, content), "dev", DEFAULT_COLUMNS)
    assert [next(found).id, next(found).id] == ["multidogo:dev:c", "multidogo:dev:d"]
    with pytest.raises(CorpusError) as caught:
        next(found)
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "line 2: turnNumber or sentenceNumber is no number",
        "line 3: turnNumber or sentenceNumber is no number",
        "line 7: number of cells 2, expected 6 as in the header",
        "line 6: id 'multidogo:dev:c' is already used on line 4",
    ]


def test_other_tables_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no MultiDoGO file; it lacks conversationId, turnNumber, slot-labels among"):
        read(write(tmp_path / "level" / "media", "utterance\tintent\nhi\tx\n"), "dev")
    with pytest.raises(InputError, match=r"holds no train\.tsv; name one of its folders: .*level/media"):
        READER.splits(tmp_path / "level")
    assert READER.splits(tmp_path / "level" / "media") == ("dev",)


DATA = os.environ.get("TURNWISE_DATA")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("sentence_level/airline", {"train": (1_701, 14_354), "dev": (243, 2_051), "test": (486, 4_067)}),
        ("sentence_level/fastfood", {"train": (1_600, 15_263), "dev": (228, 2_080), "test": (459, 4_425)}),
        ("sentence_level/finance", {"train": (1_665, 15_388), "dev": (237, 2_209), "test": (477, 4_421)}),
        ("sentence_level/media", {"train": (1_702, 12_238), "dev": (243, 1_749), "test": (487, 3_491)}),
        ("turn_level/airline", {"train": (1_682, 13_519), "dev": (240, 1_966), "test": (482, 3_931)}),
        ("turn_level/fastfood", {"train": (1_563, 14_059), "dev": (223, 1_933), "test": (448, 4_058)}),
        ("turn_level/finance", {"train": (1_684, 15_213), "dev": (240, 2_167), "test": (482, 4_361)}),
        ("turn_level/media", {"train": (1_694, 11_944), "dev": (242, 1_689), "test": (484, 3_400)}),
    ],
)
def test_published(folder: str, expected: dict[str, tuple[int, int]]) -> None:
    """Conversations and rows of each split."""
    path = Path(DATA or "") / "multidogo" / "paper_splits" / f"splits_annotated_at_{folder}"
    found = {split: read(path, split) for split in READER.splits(path)}
    assert list(found) == ["train", "dev", "test"]
    assert {split: (len(d), sum(len(x.turns) for x in d)) for split, d in found.items()} == expected
    dialogues = [dialogue for split in found.values() for dialogue in split]
    assert max(Counter(dialogue.id for dialogue in dialogues).values()) == 1
    spans = [(turn.text, span) for d in dialogues for turn in d.turns for span in turn.spans["slots"]]
    assert len(spans) > 2_000
    assert all(text[span.start : span.end].strip() == text[span.start : span.end] != "" for text, span in spans)
