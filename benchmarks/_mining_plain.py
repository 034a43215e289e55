"""Mine in plain Python, one process, a loop over sentences: what ``turnwise mine`` is measured beside.

    python benchmarks/_mining_plain.py INPUT.parquet THRESHOLD OUTPUT.parquet

It is the module that the tests of mining take as truth. It is told the threshold, which ``turnwise mine`` has to find.
"""

import importlib.util
import sys
from pathlib import Path

import pyarrow
from pyarrow import parquet

from turnwise.mining.settings import MiningSettings

_PLAIN = Path(__file__).parents[1] / "tests" / "mining" / "plain.py"


def main(given: str, threshold: float, output: str) -> None:
    spec = importlib.util.spec_from_file_location("plain_mining", _PLAIN)
    assert spec is not None and spec.loader is not None
    plain = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = plain
    spec.loader.exec_module(plain)
    table = parquet.read_table(given)
    settings = MiningSettings()
    texts = plain.kept(zip(table["group"].to_pylist(), table["text"].to_pylist(), strict=True), settings)
    pairs = plain.pairs(texts, settings, round(threshold * plain.UNIT))
    rows = dict(zip(plain.Pair._fields, map(list, zip(*pairs, strict=True)), strict=True))
    parquet.write_table(pyarrow.table(rows), output)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
