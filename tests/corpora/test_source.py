from pathlib import Path

import pytest

from turnwise.corpora import parse, read_corpus
from turnwise.errors import CorpusError, InputError


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    for split in ("train", "val", "test"):
        (folder / f"{split}.csv").write_text(f"text,label\n{split},x\n")
    return folder


def test_the_reader_of_a_single_file_is_inferred(shop: Path) -> None:
    source = parse(f"{shop}/train.csv", "test")
    assert (source.reader.name, source.path, source.split) == ("csv", shop / "train.csv", "train")
    assert parse(f"csv:{shop}/train.csv").split == "train"


def test_a_home_folder_is_expanded(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(shop))
    assert parse("~/train.csv").path == shop / "train.csv"


def test_the_default_split_is_the_callers(shop: Path) -> None:
    assert parse(f"csv:{shop}").split == "train"
    assert parse(f"csv:{shop}", "test").split == "test"
    assert parse(f"csv:{shop}", "dev").split == "val"
    assert parse(f"csv:{shop}", None).splits == ("train", "val", "test")
    assert parse(f"csv:{shop}@", "test").split == "test"


@pytest.mark.parametrize("name", ["dev", "val", "valid", "validation"])
def test_the_names_of_the_development_split_are_the_same(shop: Path, name: str) -> None:
    assert parse(f"csv:{shop}@{name}").split == "val"


def test_splits_are_joined_left_out_and_never_doubled(shop: Path) -> None:
    assert parse(f"csv:{shop}@test+train").splits == ("test", "train")
    assert parse(f"csv:{shop}@not_dev").splits == ("train", "test")
    assert parse(f"csv:{shop}@train+all").splits == ("train", "val", "test")
    assert [d.id for d in read_corpus(f"csv:{shop}@train+test")] == ["csv:train:0", "csv:test:0"]


def test_the_rightmost_at_starts_the_split(tmp_path: Path) -> None:
    folder = tmp_path / "me@home"
    folder.mkdir()
    (folder / "train.csv").write_text("text\nhi\n")
    assert parse(f"csv:{folder}@train").path == folder
    assert parse(f"csv:{folder}@").path == folder
    with pytest.raises(InputError, match=r"The rightmost @ starts the split; write csv:.*me@home@ when it belongs"):
        parse(f"csv:{folder}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bankin77:data", r"no reader 'bankin77'; did you mean 'banking77'\? Valid: sample, jsonl, csv, parquet"),
        ("cvs:shop.csv", r"no reader 'cvs'; did you mean 'csv'\?"),
        ("banking77", "banking77 names no path; write banking77:PATH@SPLIT"),
        ("csv:@train", "csv:@train names no path; write csv:PATH@SPLIT"),
        ("sample:shop", "sample is built in and takes no path; write sample or sample@SPLIT"),
        ("data/shop.xlsx", "say which reader, READER:PATH@SPLIT; it is inferred for single .jsonl, .csv"),
        ("", "is empty; write READER:PATH@SPLIT"),
        ("nowhere/shop.csv", r"there is no file or folder nowhere/shop.csv; the working directory is /"),
        ("csv:nowhere@train", r"there is no file or folder nowhere; the working directory is /"),
    ],
)
def test_a_corpus_that_cannot_be_found_is_explained(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_corpus(spec)


def test_an_unknown_split_names_the_nearest_and_all(shop: Path) -> None:
    with pytest.raises(InputError, match=r"no split 'tran'; did you mean 'train'\? Valid: train, val, test"):
        parse(f"csv:{shop}@tran")
    with pytest.raises(InputError, match=r"no split 'xy'; valid: train$"):
        parse(f"{shop}/train.csv@xy")
    with pytest.raises(InputError, match="without train no split is left"):
        parse(f"{shop}/train.csv@not_train")


def test_splits_that_share_an_id_cannot_be_joined(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text('{"id": "1", "turns": [{"speaker": null, "text": ""}]}')
    with pytest.raises(CorpusError, match="split test repeats the dialogue '1'"):
        list(read_corpus(f"jsonl:{tmp_path}@train+test"))


def test_a_file_without_permission_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "train.csv").mkdir()
    with pytest.raises(InputError, match=r"holds no \.csv or \.tsv file"):
        read_corpus(f"csv:{tmp_path}/train.csv")
