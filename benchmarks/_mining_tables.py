"""The tables of mining: what it costs by the number of sentences, and its statistics beside ConVEx's Table 2."""

from pathlib import Path

from _markdown import Cell, read, table, with_machines

_WAYS = {"duckdb": "`turnwise mine`", "plain": "plain Python"}
_PUBLISHED = {
    "texts": 3_680_746_776,
    "sentences": 1_993_294_538,
    "keyphrases": 3_296_519_827,
    "train_pairs": 1_172_174_919,
    "test_pairs": 61_696_649,
    "words_a_keyphrase": 1.3,
}
"""ConVEx, Table 2."""
_ROWS = {
    "texts": "texts",
    "sentences": "sentences after the filter by length",
    "keyphrases": "extracted keyphrases",
    "train_pairs": "training pairs",
    "test_pairs": "test pairs",
    "words_a_keyphrase": "words a keyphrase",
    "keyphrases_a_sentence": "keyphrases a sentence",
    "words": "different words",
}


def mining(results: Path) -> str:
    """Cost by size; ``faster`` says how many times the seconds and the CPU seconds of plain Python are ours."""
    cells = read(results / "mining.json")
    rows = []
    for name in sorted(cells, key=lambda name: (int(name.split("/")[1]), name)):
        way, size = name.split("/")
        cell, beside = cells[name], cells.get(f"plain/{size}")
        compared = beside if way == "duckdb" else None
        rows.append(
            [
                f"{_WAYS[way]}, {int(size):,}",
                f"{cell['seconds']:,.0f}",
                f"{cell['cpu_seconds']:,.0f}",
                f"{1e6 * cell['cpu_seconds'] / int(size):.0f}",
                f"{int(size) / cell['seconds']:,.0f}",
                f"{cell['peak_bytes'] / 1e9:.2f}",
                f"{cell['disk_bytes'] / 1e9:.2f}",
                *(_times(compared, cell, key) for key in ("seconds", "cpu_seconds")),
            ]
        )
    header = [
        "way, sentences", "seconds", "CPU seconds", "CPU microseconds a sentence", "sentences a second", "memory (GB)",
        "disk (GB)", "times faster", "times faster, CPU",
    ]  # fmt: skip
    drawn = with_machines(table(header, rows), cells)
    ours = [cell for name, cell in cells.items() if name.startswith("duckdb/")]
    told = sorted({f"--threads {cell['threads']} --memory {cell['memory_limit']}" for cell in ours})
    return f"{drawn}\n- `turnwise mine` ran with {'; '.join(told)}" if told else drawn


def mining_statistics(results: Path) -> str:
    """The rows of ConVEx's Table 2, as published and of each size."""
    cells = read(results / "mining.json")
    sizes = sorted(int(name.split("/")[1]) for name in cells if name.startswith("duckdb/"))
    found = [cells[f"duckdb/{size}"] for size in sizes]
    rows = [[words, _number(_PUBLISHED, key), *(_number(cell, key) for cell in found)] for key, words in _ROWS.items()]
    return table(["what", "ConVEx, Reddit", *(f"{size:,} generated" for size in sizes)], rows) if sizes else ""


def _times(plain: Cell | None, cell: Cell, key: str) -> str:
    return f"{plain[key] / cell[key]:.1f}" if plain else ""


def _number(cell: Cell, key: str) -> str:
    value = cell.get(key)
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else f"{value:,}"
