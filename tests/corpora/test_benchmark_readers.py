"""Each published format, on a few lines written for the test."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import parse, read_corpus
from turnwise.dialogue import Span, intents
from turnwise.errors import CorpusError, InputError


def pairs(spec: str) -> list[tuple[str, tuple[str, ...] | None]]:
    return [(d.turns[0].text, intents(d.turns[0])) for d in read_corpus(spec)]


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def test_banking77(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", 'text,category\n"card,\nwhere?",card_arrival\n')
    write(tmp_path / "test.csv", "text,category\nno cash,pending_cash\n")
    write(tmp_path / "categories.json", [])
    (only,) = read_corpus(f"banking77:{tmp_path}")
    assert (only.id, only.turns[0].text, intents(only.turns[0])) == (
        "banking77:train:0",
        "card,\nwhere?",
        ("card_arrival",),
    )
    assert pairs(f"banking77:{tmp_path}@test") == [("no cash", ("pending_cash",))]


def test_dialoglue_knows_dev_as_val_and_names_the_dataset_in_its_ids(tmp_path: Path) -> None:
    for split in ("train", "val", "test", "train_10", "train_5"):
        write(tmp_path / "hwu" / f"{split}.csv", f"text,category\n{split},alarm_set\n")
    source = parse(f"dialoglue:{tmp_path}/hwu", None)
    assert source.splits == ("train", "train_5", "train_10", "val", "test")
    assert pairs(f"dialoglue:{tmp_path}/hwu@dev") == [("val", ("alarm_set",))]
    assert [d.id for d in read_corpus(f"dialoglue:{tmp_path}/hwu@train_10")] == ["dialoglue:train_10:hwu:0"]


CLINC = {
    "oos_val": [["why", "oos"]],
    "val": [["a", "yes"]],
    "train": [["hi", "greeting"], ["bye", "goodbye"]],
    "oos_test": [["dow", "oos"]],
    "test": [["b", "no"]],
    "oos_train": [["c", "oos"]],
}


def test_clinc150_makes_oos_the_empty_tuple(tmp_path: Path) -> None:
    (tmp_path / "data_full.json.gz").write_bytes(gzip.compress(json.dumps(CLINC).encode()))
    write(tmp_path / "data_small.json", {**CLINC, "train": [["hey", "greeting"]]})
    assert pairs(f"clinc150:{tmp_path}") == [("hi", ("greeting",)), ("bye", ("goodbye",))]
    assert pairs(f"clinc150:{tmp_path}@test+oos_test") == [("b", ("no",)), ("dow", ())]
    assert pairs(f"clinc150:{tmp_path}/data_small.json") == [("hey", ("greeting",))]
    assert pairs(f"clinc150:{tmp_path}/data_full.json@dev") == [("a", ("yes",))]
    assert parse(f"clinc150:{tmp_path}@all").splits == ("train", "val", "test", "oos_test", "oos_train", "oos_val")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "data_full.json is empty"),
        ("{", "data_full.json is not JSON: line 1, column 2"),
        ("[]", "data_full.json is no CLINC150 file; expected an object with train, val"),
        ('{"train": 3}', "data_full.json is no CLINC150 file:\n  train is no list"),
    ],
)
def test_clinc150_refuses_other_files(tmp_path: Path, content: str, message: str) -> None:
    write(tmp_path / "data_full.json", content)
    with pytest.raises(CorpusError, match=message):
        list(read_corpus(f"clinc150:{tmp_path}"))


def test_clinc150_names_rows_that_are_no_pairs(tmp_path: Path) -> None:
    write(tmp_path / "data_full.json", {"train": [["hi", "greeting"], ["bye"], 7]})
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(f"clinc150:{tmp_path}"))
    assert caught.value.problems == (
        "train[1] is ['bye'], expected a pair [text, intent]",
        "train[2] is 7, expected a pair [text, intent]",
    )


def test_clinc150_needs_its_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no data_full.json"):
        parse(f"clinc150:{tmp_path}")


def test_banking77_oos_reads_paired_lines(tmp_path: Path) -> None:
    for folder, label in (("train", "card"), ("test", "cash"), ("id-oos/test", "oos"), ("ood-oos/test", "oos")):
        write(tmp_path / folder / "seq.in", f"first of {folder}\nsecond\n")
        write(tmp_path / folder / "label", f"{label}\n{label}\n")
    spec = f"banking77_oos:{tmp_path}"
    assert parse(spec, None).splits == ("train", "test", "id_oos_test", "ood_oos_test")
    assert pairs(spec) == [("first of train", ("card",)), ("second", ("card",))]
    assert pairs(f"{spec}@ood_oos_test") == [("first of ood-oos/test", ()), ("second", ())]
    assert next(read_corpus(f"{spec}@id_oos_test")).id == "banking77_oos:id_oos_test:0"


def test_banking77_oos_refuses_files_of_different_length(tmp_path: Path) -> None:
    write(tmp_path / "train" / "seq.in", "a\nb\n")
    write(tmp_path / "train" / "label", "x\n")
    with pytest.raises(CorpusError, match="label ends before line 2, the other goes on"):
        list(read_corpus(f"banking77_oos:{tmp_path}"))


def test_banking77_oos_needs_its_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder that holds train/seq.in"):
        parse(f"banking77_oos:{tmp_path}")


def fold(tmp_path: Path, number: int, rows: Any) -> None:
    write(tmp_path / "hotels" / f"fold{number}.json", rows)


def test_nlupp_has_several_intents_and_slots_an_utterance(tmp_path: Path) -> None:
    slots = {
        "time": {"text": "8 am", "span": [3, 7], "value": {"hour": 8}},
        "date": {"text": "today", "span": [8, 13], "values": {"type": "absolute"}},
        "person": {"text": "Li", "span": [14, 16], "value": "Li"},
    }
    rows = [{"text": "at 8 am today Li", "intents": ["arrive", "change"], "slots": slots}, {"text": "hm"}]
    fold(tmp_path, 0, rows)
    first, second = read_corpus(f"nlupp:{tmp_path}/hotels@fold0")
    assert first.id == "nlupp:fold0:hotels-0"
    assert intents(first.turns[0]) == ("arrive", "change")
    assert first.turns[0].spans["slots"] == (
        Span(3, 7, "time", '{"hour": 8}'),
        Span(8, 13, "date", '{"type": "absolute"}'),
        Span(14, 16, "person", "Li"),
    )
    assert intents(second.turns[0]) == ()
    assert second.turns[0].spans == {"slots": ()}


def test_nlupp_folds_can_be_left_out_and_joined(tmp_path: Path) -> None:
    for number in (0, 1, 2, 10):
        fold(tmp_path, number, [{"text": f"text {number}", "intents": ["x"]}])

    def texts(split: str) -> list[str]:
        return [d.turns[0].text for d in read_corpus(f"nlupp:{tmp_path}/hotels@{split}")]

    assert texts("all") == ["text 0", "text 1", "text 2", "text 10"]
    assert texts("not_fold1") == ["text 0", "text 2", "text 10"]
    assert texts("fold2+fold0") == ["text 2", "text 0"]
    with pytest.raises(InputError, match=r"no split 'train'; valid: fold0, fold1, fold2, fold10"):
        texts("")
    with pytest.raises(InputError, match=rf"name one of its domains: {tmp_path}/hotels"):
        parse(f"nlupp:{tmp_path}@fold0")


def test_nlupp_names_broken_utterances(tmp_path: Path) -> None:
    fold(tmp_path, 0, [{"text": "ok"}, {"text": "hi", "slots": {"time": {"span": [0, 9]}}}, {"intents": "x"}])
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(f"nlupp:{tmp_path}/hotels@fold0"))
    assert caught.value.problems[0] == "utterance 1: turns[0].spans.slots[0].end is 9 but the text has 2 characters"
    assert [problem.split(":")[0] for problem in caught.value.problems[1:]] == ["utterance 2", "utterance 2"]


def test_every_reader_says_where_it_is_from() -> None:
    from turnwise.corpora import READERS

    assert len({reader.name for reader in READERS}) == len(READERS)
    for reader in READERS:
        assert all((reader.description, reader.source, reader.licence))
        assert all(reader.layers)
