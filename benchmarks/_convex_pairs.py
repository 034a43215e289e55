"""Mine the texts of ``_convex_texts`` once, and write the pairs of some corpora as small files."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute as pc
from pyarrow import Table, parquet

import _convex_texts
import _data
from _convex_kinds import KINDS, corpora_of

COLUMNS = ("group", "template", "template_start", "template_end", "input", "input_start", "input_end")
_SCHEMA = pyarrow.schema([("group", pyarrow.string()), ("text", pyarrow.string())])


def mined(arguments: argparse.Namespace) -> dict[str, Any]:
    """Texts, pairs of all of them, and a folder of pairs that licences let pass on; returns what was counted."""
    from turnwise.mining.run import mine
    from turnwise.mining.sources import TextColumns

    start = time.perf_counter()
    folder: Path = arguments.pairs
    texts = folder.with_name("texts.parquet")
    if not texts.is_file():
        _write_texts(texts)
    seconds = {"texts": time.perf_counter() - start}
    start = time.perf_counter()
    whole = folder.with_name("mined")
    if not (whole / "mining.json").is_file():
        mine(
            [str(texts)], whole, work=folder.with_name("mined.work"), columns=TextColumns("text", "group"),
            memory="3GB", threads=arguments.threads, on_stage=lambda stage: print(stage, flush=True),
        )  # fmt: skip
    facts = json.loads((whole / "mining.json").read_text(encoding="utf-8"))
    seconds["mining"] = time.perf_counter() - start
    kept = ("texts", "groups", "sentences", "keyphrases", "keyphrases_a_sentence", "words_a_keyphrase", "threshold")
    return {
        **{name: facts[name] for name in kept},
        "seconds": seconds,
        "pairs": {kind: _compact(whole, folder, kind) for kind in KINDS},
    }


def _write_texts(path: Path) -> None:
    folder = _data.data_folder()
    left_out = _convex_texts.evaluated(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".tmp")
    with parquet.ParquetWriter(half, _SCHEMA) as writer:
        for corpus in _convex_texts.CORPORA:
            groups, found = zip(*_convex_texts.rows(corpus, folder, left_out), strict=True)
            print(time.strftime("%H:%M:%S"), corpus.place, len(found), flush=True)
            writer.write_table(Table.from_pydict({"group": groups, "text": found}, schema=_SCHEMA))
    half.replace(path)


def _compact(whole: Path, folder: Path, kind: str) -> dict[str, int]:
    """Count the pairs of a kind; those of the kind that the folder is named after are written there."""
    counts: dict[str, int] = {}
    for side in ("train", "test"):
        table = parquet.read_table(whole / f"{side}.parquet", columns=list(COLUMNS))
        table = of_kind(table, kind).sort_by([(name, "ascending") for name in ("group", "template", "input")])
        counts |= {side: len(table), f"{side}_sentences": _distinct(table)}
        if folder.name == kind:
            folder.mkdir(parents=True, exist_ok=True)
            parquet.write_table(
                table, folder / f"{side}.parquet", compression="zstd", compression_level=19,
                data_page_size=1 << 28, row_group_size=10**7, use_dictionary=["group"],
            )  # fmt: skip
            counts[f"{side}_bytes"] = (folder / f"{side}.parquet").stat().st_size
    return counts


def of_kind(table: Table, kind: str) -> Table:
    """The pairs of the corpora of a kind."""
    corpus = pc.list_element(pc.split_pattern(table["group"], ":"), 0)
    return table.filter(pc.is_in(corpus, value_set=pyarrow.array(sorted(corpora_of(kind)))))


def _distinct(table: Table) -> int:
    return len(pc.unique(pyarrow.chunked_array([*table["template"].chunks, *table["input"].chunks])))
