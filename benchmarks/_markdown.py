"""Tables in Markdown from results: what every drawing of them shares."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Sequence[str]
Cell = Mapping[str, Any]
Cells = Mapping[str, Cell]


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


def figure_of(found: Sequence[Cell], key: str) -> str:
    """A share in percent: mean and deviation of several cells, of one the value with its interval; "" of none."""
    values = [cell[key] for cell in found if key in cell]
    interval = found[0].get("intervals", {}).get(key) if found else None
    if len(values) == 1 and interval is not None:
        return f"{percent(values[0])} ({percent(interval[0])} to {percent(interval[1])})"
    return mean_of([100 * value for value in values])


def with_machines(drawn: str, cells: Cells) -> str:
    """A table with the machines of its cells below it."""
    machines = sorted({str(cell["machine"]) for cell in cells.values() if "machine" in cell})
    return f"{drawn}\n\n- measured on: {'; '.join(machines)}" if drawn and machines else drawn
