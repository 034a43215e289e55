"""Pairwise cloze: pairs of all dialogue corpora, and decoders that learn from them.

    python benchmarks/convex_pretraining.py pairs
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

import _convex_texts
import _data

PAIRS = Path("runs/convex/pairs")


def mine_pairs(arguments: argparse.Namespace) -> dict[str, Any]:
    from turnwise.mining.run import mine
    from turnwise.mining.sources import TextColumns

    start = time.perf_counter()
    folder = _data.data_folder()
    texts = arguments.output.with_name("texts.parquet")
    texts.parent.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = Counter()
    if not texts.is_file():
        left_out = _convex_texts.evaluated(folder)
        schema = pyarrow.schema([("group", pyarrow.string()), ("text", pyarrow.string())])
        with parquet.ParquetWriter(texts.with_suffix(".tmp"), schema) as writer:
            for corpus in _convex_texts.CORPORA:
                rows = list(_convex_texts.rows(corpus, folder, left_out))
                counts[corpus.reader] += len(rows)
                print(time.strftime("%H:%M:%S"), corpus.place, len(rows), flush=True)
                groups, found = zip(*rows, strict=True)
                writer.write_table(pyarrow.table({"group": groups, "text": found}, schema=schema))
        texts.with_suffix(".tmp").replace(texts)
    facts = mine([str(texts)], arguments.output, work=arguments.output.with_name("work"),
                 columns=TextColumns("text", "group"), memory="3GB", threads=1, on_stage=lambda s: print(time.strftime("%H:%M:%S"), s, flush=True))
    print(json.dumps({k: v for k, v in facts.items() if not isinstance(v, list)}), time.perf_counter() - start)
    return facts


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("verb")
    parser.add_argument("--output", type=Path, default=PAIRS)
    mine_pairs(parser.parse_args())
