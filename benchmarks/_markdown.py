"""Tables in Markdown from results: what every drawing of them shares."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = Sequence[str]


def read(path: Path) -> dict[str, Any]:
    """The content of a results file; {} when it is not there."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def mean_of(values: Sequence[float]) -> str:
    """Mean and, of several, standard deviation, with two digits; "" of none."""
    if not values:
        return ""
    mean = f"{statistics.mean(values):.2f}"
    return f"{mean} ± {statistics.stdev(values):.2f}" if len(values) > 1 else mean


def percent(value: float | None) -> str:
    """A share in percent; "" of None."""
    return "" if value is None else f"{100 * value:.2f}"


def table(header: Row, rows: Sequence[Row]) -> str:
    """A Markdown table without the columns that are empty throughout; "" without rows."""
    kept = [at for at in range(len(header)) if any(row[at] for row in rows)]
    if not kept:
        return ""
    lines = [
        [header[at] for at in kept],
        ["---", *["---:"] * (len(kept) - 1)],
        *([row[at] for at in kept] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
