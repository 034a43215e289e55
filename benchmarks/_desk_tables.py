"""The tables of desks: each task with an encoder of its own and over one trunk, and the time of a turn."""

from pathlib import Path

from _markdown import Cell, figure_of, mean_of, read, table, with_machines

_FIGURES = {
    "intent": ("accuracy", "exact_match"),
    "acts": ("micro_f1",),
    "emotion": ("micro_f1", "macro_f1"),
    "handoff": ("average_precision",),
    "pii": ("f1",),
    "satisfaction": ("macro_f1", "kappa"),
    "state": ("joint_accuracy",),
    "ranking": ("recall@1", "recall@5"),
}
_WORDS = {
    "accuracy": "accuracy",
    "exact_match": "exact match",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "average_precision": "area",
    "f1": "entity F1",
    "kappa": "quadratic kappa",
    "joint_accuracy": "joint accuracy",
    "recall@1": "recall@1",
    "recall@5": "recall@5",
}


def desk(results: Path) -> str:
    """Test scores in percent of both kinds of desks."""
    cells = read(results / "desk.json")
    shared = [cell for name, cell in cells.items() if name.startswith("shared/")]
    rows = []
    for task, keys in _FIGURES.items():
        own = [cell for name, cell in cells.items() if name.startswith(f"own/{task}/")]
        over = [cell["members"][task] for cell in shared if task in cell["members"]]
        rows += [
            [f"{task}, {_WORDS[key]}", figure_of(own, key), figure_of(over, key)]
            for key in keys
            if any(key in cell for cell in (*own, *over))
        ]
    if rows:
        own = [cell for name, cell in cells.items() if name.startswith("own/")]
        rows.append(["minutes to fit", _minutes(own), _minutes(shared)])
    return with_machines(table(["test", "an encoder each", "one trunk"], rows), cells)


def desk_latency(results: Path) -> str:
    """Milliseconds of a request for one new turn, all layers."""
    cells = read(results / "desk.json")
    rows = [
        [
            {"own": "an encoder each", "shared": "one trunk"}[name.split("/")[1]],
            *(f"{cell[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")),
            str(cell["requests"]),
            f"{cell['bytes'] / 1e6:.0f}",
        ]
        for name, cell in cells.items()
        if name.startswith("latency/")
    ]
    return table(["desk", "p50 (ms)", "p95 (ms)", "p99 (ms)", "requests", "megabytes on disk"], rows)


def _minutes(cells: list[Cell]) -> str:
    return mean_of([sum(cell["seconds"] for cell in cells) / 60]) if cells else ""
