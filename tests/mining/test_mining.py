"""The expressions against the same mining in plain Python, and runs that are cut off."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import ibis
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table
from pyarrow import parquet

from turnwise.errors import CorpusError, InputError, StorageError
from turnwise.mining.keyphrases import UNIT, keyphrases, spelled, word_counts
from turnwise.mining.pairs import pairs
from turnwise.mining.run import STAGES, engine, mine
from turnwise.mining.sentences import sentences
from turnwise.mining.settings import MiningSettings
from turnwise.mining.sources import TextColumns

Texts = list[tuple[str, str]]


@pytest.fixture(scope="session")
def plain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_mining", Path(__file__).with_name("plain.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    return engine(tmp_path_factory.mktemp("engine"), threads=1)


def table(duck: Backend, texts: Texts) -> Table:
    groups, found = zip(*texts, strict=True)
    return ibis.memtable(pyarrow.table({"group": list(groups), "text": list(found)}))


def mined(duck: Backend, plain: ModuleType, texts: Texts, chosen: MiningSettings, threshold: int | None) -> list[Any]:
    found = sentences(table(duck, texts), chosen)
    number = len(plain.kept(texts, chosen))
    phrases = keyphrases(found, word_counts(found), number, chosen, threshold)
    rows = duck.to_pyarrow(pairs(found, phrases, chosen)).to_pylist()
    return sorted(plain.Pair(**row) for row in rows)


WORDS = st.sampled_from(["my", "card", "Card", "star", "Wars", "it's", "64gb", "Ünï", "москва", "the", "of", "_x_"])
GAPS = st.sampled_from([" "] * 6 + [", ", "  ", " - ", "!"])
TEXTS = st.builds(
    lambda start, parts, end: start + "".join(word + gap for word, gap in parts) + end,
    st.sampled_from(["", "\u00bf", " "]),
    st.lists(st.tuples(WORDS, GAPS), min_size=1, max_size=9),
    st.sampled_from(["", ".", "😀"]),
)


@given(
    texts=st.lists(st.tuples(st.sampled_from("ab"), TEXTS), min_size=2, max_size=25),
    threshold=st.sampled_from([None, 4 * UNIT // 10, 11 * UNIT // 10]),
    test=st.sampled_from([0.05, 0.5]),
    most=st.sampled_from([1, 2]),
)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_engine_finds_what_plain_python_finds(
    duck: Backend, plain: ModuleType, texts: Texts, threshold: int | None, test: float, most: int
) -> None:
    chosen = MiningSettings(shortest=4, longest=60, test=test, most=most, keyphrases=0.9)
    texts = plain.kept(texts, chosen)
    if not texts:
        return
    expected = sorted(plain.pairs(texts, chosen, float("-inf") if threshold is None else threshold))
    assert mined(duck, plain, texts, chosen, threshold) == expected
    for pair in expected:
        assert pair.template[pair.template_start : pair.template_end].lower() == pair.phrase
        assert pair.input[pair.input_start : pair.input_end].lower() == pair.phrase
    assert not {one.template for one in expected if one.test} & {one.template for one in expected if not one.test}


def test_a_score_by_hand(duck: Backend) -> None:
    """Three sentences; ``star`` and ``wars`` occur once each, ``i`` and ``saw`` three times.

    log(3 / 1) = 1.0986 for either; the two together score 2 * 1.0986 / 2^0.8 = 1.2620, the best of the sentence.
    """
    texts = [("a", "I saw star wars there"), ("a", "I saw him, I saw her"), ("a", "There she was at last")]
    found = sentences(table(duck, texts), MiningSettings())
    counts = word_counts(found)
    rows = keyphrases(found, counts, 3, MiningSettings(most=1, keyphrases=0.5), 12 * UNIT // 10)
    (row,) = duck.to_pyarrow(rows.join(found, "id").filter(ibis._.text == texts[0][1])).to_pylist()
    assert (row["at"], row["length"]) == (2, 2)
    assert row["score"] / UNIT == pytest.approx(1.2620, abs=1e-4)
    (word,) = duck.to_pyarrow(spelled(rows.filter(rows["length"] == 2).mutate(times=1), counts, 1)).to_pylist()
    assert word == {"phrase": "star wars", "times": 1}


def test_a_keyphrase_grows_as_long_as_both_go_on_alike(duck: Backend) -> None:
    texts = [
        ("a", "I really enjoyed the latest Star Wars movie."),
        ("a", "We could not stand any star wars movie."),
        ("b", "There was nothing good in Star Wars movies"),
    ]
    found = sentences(table(duck, texts), MiningSettings(test=0.0001))
    phrases = found.select("id", at=5, length=2, first=1, second=2, third=0)
    (pair,) = duck.to_pyarrow(pairs(found, phrases, MiningSettings())).to_pylist()
    assert (pair["group"], pair["phrase"], pair["words"]) == ("a", "star wars movie", 3)
    assert pair["template"][pair["template_start"] : pair["template_end"]].lower() == "star wars movie"


def test_the_threshold_gives_the_keyphrases_asked_for(tmp_path: Path, plain: ModuleType) -> None:
    facts = mine(["sample"], tmp_path / "out", work=tmp_path / "work", threads=1)
    assert facts["keyphrases_a_sentence"] == pytest.approx(1.65, abs=0.05)
    assert not (tmp_path / "work").exists()
    train = parquet.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    test = parquet.read_table(tmp_path / "out" / "test.parquet").to_pylist()
    assert (len(train), len(test)) == (facts["train_pairs"], facts["test_pairs"])
    sides = [{row[side] for row in rows for side in ("template", "input")} for rows in (train, test)]
    assert not sides[0] & sides[1]
    for row in train:
        assert row["input"][row["input_start"] : row["input_end"]].lower() == row["phrase"]
        assert row["template"] != row["input"]


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_run_that_was_cut_off_goes_on_and_ends_alike(
    tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = mine(["sample"], tmp_path / "whole", work=tmp_path / "work", threads=1)

    def stop(name: str) -> None:
        if name == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mine(["sample"], tmp_path / "out", work=tmp_path / "work", threads=1, on_stage=stop)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.parquet")}
    assert kept
    assert not (tmp_path / "out").exists()
    assert mine(["sample"], tmp_path / "out", work=tmp_path / "work", threads=1) == whole
    for name in ("train", "test"):
        one, other = (
            parquet.read_table(tmp_path / place / f"{name}.parquet").to_pylist() for place in ("whole", "out")
        )
        assert sorted(map(str, one)) == sorted(map(str, other))


def write_table(path: Path, rows: dict[str, list[str]]) -> None:
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.table(rows), path)
    elif path.suffix == ".jsonl":
        import json

        lines = [json.dumps(dict(zip(rows, row, strict=True))) for row in zip(*rows.values(), strict=True)]
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        mark = "\t" if path.suffix == ".tsv" else ","
        lines = [mark.join(row) for row in [tuple(rows), *zip(*rows.values(), strict=True)]]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


FRAMES = ("we really like {} here now", "now {} we like here really")
RARE = {"films": ("comets", "violins", "robots"), "birds": ("parrots", "zebras", "herons")}
BODY = {
    "body": [frame.format(word) for words in RARE.values() for word in words for frame in FRAMES],
    "forum": [forum for forum, words in RARE.items() for _ in words for _ in FRAMES],
}
FEW = MiningSettings(test=0.0001, threshold=0.5)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv", ".jsonl"])
def test_tables_with_columns_of_any_name(tmp_path: Path, suffix: str) -> None:
    write_table(tmp_path / f"raw{suffix}", BODY)
    facts = mine(
        [str(tmp_path / f"raw{suffix}")], tmp_path / "out", FEW, work=tmp_path / "work",
        columns=TextColumns("body", "forum"), threads=1,
    )  # fmt: skip
    assert (facts["sentences"], facts["groups"]) == (12, 2)
    train = parquet.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    assert {(row["group"], row["phrase"]) for row in train} >= {
        (forum, word) for forum, words in RARE.items() for word in words
    }


def test_plain_text_a_sentence_a_line_and_several_sources(tmp_path: Path) -> None:
    for forum in ("films", "birds"):
        lines = [text for text, of in zip(BODY["body"], BODY["forum"], strict=True) if of == forum]
        (tmp_path / "raw").mkdir(exist_ok=True)
        (tmp_path / "raw" / f"{forum}.txt").write_text("\n".join(lines), encoding="utf-8")
    facts = mine([str(tmp_path / "raw"), "sample@dev"], tmp_path / "out", FEW, work=tmp_path / "work", threads=1)
    assert facts["groups"] == 3
    train = parquet.read_table(tmp_path / "out" / "train.parquet")
    assert {"films", "birds"} <= set(train.column("group").to_pylist())


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (TextColumns("body", "forums"), "no column 'forums' for the group; did you mean 'forum'"),
        (TextColumns("bodi", "forum"), "no column 'bodi' for the text; did you mean 'body'"),
    ],
)
def test_a_column_that_is_missing_is_named(tmp_path: Path, columns: TextColumns, said: str) -> None:
    write_table(tmp_path / "raw.parquet", BODY)
    with pytest.raises(InputError, match=said):
        mine([str(tmp_path / "raw.parquet")], tmp_path / "out", work=tmp_path / "work", columns=columns)


def test_what_cannot_be_mined_says_why(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("hi\nyes\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"short.txt: no text has 9 to 127 characters"):
        mine([str(tmp_path / "short.txt")], tmp_path / "out", work=tmp_path / "work")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"empty.txt has no text"):
        mine([str(tmp_path / "empty.txt")], tmp_path / "out", work=tmp_path / "work-2")
    (tmp_path / "alone.txt").write_text("nothing here is said twice\nzebras eat green grass\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="no two of the 2 sentences of one group share a keyphrase"):
        mine([str(tmp_path / "alone.txt")], tmp_path / "out", work=tmp_path / "work-3")
    (tmp_path / "raw.parquet").write_bytes(b"no parquet")
    with pytest.raises(CorpusError, match=r"raw.parquet cannot be read"):
        mine([str(tmp_path / "raw.parquet")], tmp_path / "out", work=tmp_path / "w", columns=TextColumns("body"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shortest": 0}, "0 to 127 characters"),
        ({"shortest": 10, "longest": 9}, "10 to 9 characters"),
        ({"keyphrases": 2.0}, "keyphrases is 2"),
        ({"most": 3}, "most is 3"),
        ({"test": 1.0}, "test is 1"),
    ],
)
def test_values_out_of_range_are_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MiningSettings(**values)


def test_a_full_disk_says_what_to_do_and_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    real: Callable[..., Any] = Backend.to_parquet

    def full(self: Backend, rows: Table, path: Path) -> None:
        if "keyphrases" in str(path):
            raise duckdb.IOException("Could not write file: No space left on device")
        real(self, rows, path)

    monkeypatch.setattr(Backend, "to_parquet", full)
    with pytest.raises(StorageError, match=r"No space left on device.*--work.*same command goes on"):
        mine(["sample"], tmp_path / "out", work=tmp_path / "work", threads=1)
    assert sorted(path.name for path in (tmp_path / "work").glob("*.parquet")) == [
        "sentences.parquet", "texts-0.parquet", "threshold.parquet", "words.parquet",
    ]  # fmt: skip
    monkeypatch.undo()
    assert mine(["sample"], tmp_path / "out", work=tmp_path / "work", threads=1)["train_pairs"] > 0
