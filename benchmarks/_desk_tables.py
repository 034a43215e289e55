"""The tables of desks: each task with an encoder of its own and over one trunk, and the time of a turn."""

import statistics
from pathlib import Path

from _markdown import Cell, figure_of, read, table, with_machines

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
_DESKS = {
    "own": "an encoder each",
    "shared": "one trunk",
    "shared-joint-heads": "the same, heads as the trunk left them",
    "shared-cross": "these heads, and a cross-encoder ranks the best five again",
}
_ALONE = {
    "emotion": ("tasks.json", "test/emotion/sample/share-100/"),
    "handoff": ("tasks.json", "test/handoff/sample/share-100/"),
    "pii": ("pii.json", "test/sample/share-100/"),
    "ranking": ("ranking.json", "fit/sample/"),
    "satisfaction": ("tasks.json", "test/satisfaction/sample/share-100/"),
}
"""Where else a task was fitted alone by its default recipe on the same parts: a file of results, and its cells."""


def desk(results: Path) -> str:
    """Test scores in percent of every kind of desk."""
    cells = read(results / "desk.json")
    kinds = [kind for kind in _DESKS if kind != "own"]
    whole = {kind: [cell for name, cell in cells.items() if name.startswith(f"{kind}/")] for kind in kinds}
    alone = {task: _alone(results, task) for task in _FIGURES}
    rows = []
    for task, keys in _FIGURES.items():
        over = [[cell["members"][task] for cell in desks if task in cell["members"]] for desks in whole.values()]
        figures = {key: [figure_of(found, key) for found in (alone[task], *over)] for key in keys}
        rows += [[f"{task}, {_WORDS[key]}", *figures[key]] for key in keys if any(figures[key])]
    if rows:
        rows.append(
            ["minutes to fit", _minutes(list(alone.values())), *(_minutes([desks]) for desks in whole.values())]
        )
    chosen = {**cells, **{f"{task}/{at}": cell for task, own in alone.items() for at, cell in enumerate(own)}}
    return with_machines(table(["test", *(_DESKS[kind] for kind in ("own", *whole))], rows), chosen)


def _alone(results: Path, task: str) -> list[Cell]:
    """The cells of a task with an encoder of its own: of the desk's own run, or those of the task's benchmark."""
    own = [cell for name, cell in read(results / "desk.json").items() if name.startswith(f"own/{task}/")]
    if own or task not in _ALONE:
        return own
    file, start = _ALONE[task]
    found = [cell for name, cell in read(results / file).items() if name.startswith(start)]
    return [{**cell, **cell.get("both", {})} for cell in found]  # of PII: the model and the rules together


def desk_latency(results: Path) -> str:
    """Milliseconds of a request for one new turn, all layers."""
    cells = read(results / "desk.json")
    rows = [
        [
            _DESKS[name.split("/")[1]],
            *(f"{cell[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")),
            str(cell["requests"]),
            f"{cell['bytes'] / 1e6:.0f}",
        ]
        for name, cell in cells.items()
        if name.startswith("latency/")
    ]
    return table(["desk", "p50 (ms)", "p95 (ms)", "p99 (ms)", "requests", "megabytes on disk"], rows)


def _minutes(fits: list[list[Cell]]) -> str:
    """Of all fits together, each the mean of its seeds; "" when one of them was not measured."""
    if not all(fits):
        return ""
    return f"{sum(statistics.mean(cell['seconds'] for cell in seeds) for seeds in fits) / 60:.1f}"
