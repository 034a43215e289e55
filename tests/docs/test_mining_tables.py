"""The tables of mining from cells of invented figures, and the sentences it is measured on."""

import json
from pathlib import Path
from types import ModuleType

from pyarrow import parquet

TURNS = [
    "I like the new film with the robots a lot", "I like the old song about the parrots", "Do you like the new song?",
    "The film with the parrots is old", "Do you know the song about the robots?",
]  # fmt: skip


def cell(seconds: float, **more: object) -> dict[str, object]:
    return {
        "seconds": seconds, "cpu_seconds": seconds / 2, "peak_bytes": 2_500_000_000, "disk_bytes": 1_000_000_000,
        "sentences": 90_000, "machine": "m", **more,
    }  # fmt: skip


def test_both_ways_stand_beside_each_other_and_say_how_many_times_faster(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    facts = {"texts": 100_000, "keyphrases": 150_000, "words_a_keyphrase": 1.35, "threads": 2, "memory_limit": "4GB"}
    cells = {"duckdb/100000": cell(10, **facts), "plain/100000": cell(125), "duckdb/1000000": cell(80, **facts)}
    (tmp_path / "mining.json").write_text(json.dumps(cells), encoding="utf-8")
    tables: ModuleType = script("_mining_tables")
    lines = tables.mining(tmp_path).splitlines()
    assert lines[2] == "| `turnwise mine`, 100,000 | 10 | 5 | 50 | 10,000 | 2.50 | 1.00 | 12.5 | 12.5 |"
    assert lines[3].startswith("| plain Python, 100,000 | 125 | 62 |")
    assert lines[4].startswith("| `turnwise mine`, 1,000,000 | 80 |")
    assert lines[-2:] == ["- measured on: m", "- `turnwise mine` ran with --threads 2 --memory 4GB"]
    lines = tables.mining_statistics(tmp_path).splitlines()
    assert lines[0] == "| what | ConVEx, Reddit | 100,000 generated | 1,000,000 generated |"
    assert lines[2] == "| texts | 3,680,746,776 | 100,000 | 100,000 |"
    assert "| words a keyphrase | 1.30 | 1.35 | 1.35 |" in lines


def test_no_results_no_table(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tables: ModuleType = script("_mining_tables")
    assert (tables.mining(tmp_path), tables.mining_statistics(tmp_path)) == ("", "")


def test_sentences_are_walks_through_the_turns_and_the_same_for_a_seed(script, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    texts: ModuleType = script("_mining_texts")
    model = texts.walks(TURNS)
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        texts.write(tmp_path / name, model, 200, seed=seed)
    one, same, other = (parquet.read_table(tmp_path / name).to_pylist() for name in ("one", "same", "other"))
    assert one == same != other
    assert len(one) == 200
    known = {word for turn in TURNS for word in turn.split()}
    words = [row["text"].split() for row in one]
    assert {row[0] for row in words} <= {turn.split()[0] for turn in TURNS} | {w for row in words for w in row} - known
    made_up = {word for row in words for word in row} - known
    assert made_up
    assert all(word.istitle() and word.endswith("n") for word in made_up)
    assert "robots" in {word for row in words for word in row}
