"""The tables of the tasks on labelled dialogues and of DSDF's INT, beside the published figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _markdown import Cells, figure_of, mean_of, read, table, with_machines

_INT = ("accuracy_all", "in_scope_accuracy", "in_out_accuracy", "oos_recall")
_INT_PUBLISHED = {
    "DSDF, BERT-base": (84.96, 95.20, 88.70, 38.87),
    "DSDF, BERT-base after entity number prediction": (86.27, 95.67, 89.60, 44.00),
}
_TITLES = {
    "acts-next/gsim": "acts of the next turn, GSIM",
    "acts-next/multiwoz": "acts of the next turn, MultiWOZ",
    "acts-next/sample": "acts of the next turn, sample corpus",
    "acts/gsim": "acts of a seen agent's turn, GSIM",
    "acts/multiwoz": "acts of a seen agent's turn, MultiWOZ",
    "acts/sample": "acts of every turn, sample corpus",
    "emotion/dailydialog": "emotion, DailyDialog",
    "emotion/sample": "emotion, sample corpus",
    "handoff/star": "hand-off, STAR",
    "handoff/sample": "hand-off, sample corpus",
    "satisfaction/stc3": "satisfaction, STC-3 train",
    "satisfaction/sample": "satisfaction, sample corpus",
}
_COLUMNS = {
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "macro_f1_of_13": "macro-F1 over 13 acts",
    "micro_f1_without_neutral": "micro-F1 without neutral",
    "average_precision": "area",
    "base_rate": "share of yes",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
    "majority": "commonest level",
    "kappa": "kappa",
}
_PUBLISHED = {
    "acts/gsim": {"micro_f1": 99.57, "macro_f1_of_13": 45.85},
    "acts-next/gsim": {"micro_f1": 99.57, "macro_f1_of_13": 45.85},
    "acts/multiwoz": {"micro_f1": 91.67},
    "acts-next/multiwoz": {"micro_f1": 91.67},
}
"""DSDF's best of each (tables 3 and 6)."""


def intent_recognition(results: Path) -> str:
    """INT on CLINC150: both classifiers as they answer and without the threshold from val, beside DSDF's."""
    cells = read(results / "dsdf_intent.json")
    rows = []
    for classifier in dict.fromkeys(name.split("/")[1] for name in cells if name.startswith("test/")):
        found = [cell for name, cell in cells.items() if name.startswith(f"test/{classifier}/")]
        for words, parts in (("", found), (", no threshold", [cell["without_threshold"] for cell in found])):
            rows.append([classifier + words, *(mean_of([100 * cell[key] for cell in parts]) for key in _INT)])
    if not rows:
        return ""
    rows += [[name, *(f"{value:.2f}" for value in values)] for name, values in _INT_PUBLISHED.items()]
    header = ["CLINC150, test, %", "accuracy, all", "accuracy, in scope", "in or out", "out-of-scope recall"]
    return with_machines(table(header, rows), cells)


def tasks(results: Path) -> str:
    """Each task fitted on all of its training dialogues, with intervals of one seed, beside DSDF's figures."""
    cells = {name: cell for name, cell in read(results / "tasks.json").items() if name.startswith("test/")}
    rows = []
    for protocol, title in _TITLES.items():
        found = _of(cells, protocol, 100)
        if found:
            rows.append([title, *(figure_of(found, key) for key in _COLUMNS), f"{found[0]['n']:,}"])
            published = _PUBLISHED.get(protocol)
            if published:
                theirs = (f"{published[key]:.2f}" if key in published else "" for key in _COLUMNS)
                rows.append([f"DSDF's best, {title.rpartition(', ')[2]}", *theirs, ""])
    return with_machines(table(["test, %", *_COLUMNS.values(), "answers"], rows), cells)


def shares(results: Path) -> str:
    """The headline figure of each task by the share of the training dialogues."""
    cells = read(results / "tasks.json")
    given = sorted({int(name.split("/")[3].removeprefix("share-")) for name in cells if name.startswith("test/")})
    rows = []
    for protocol, title in _TITLES.items():
        points = {share: _of(cells, protocol, share) for share in given}
        if any(points.values()):
            key = next(found[0]["figure"] for found in points.values() if found)
            values = (mean_of([100 * cell[key] for cell in points[share]]) for share in given)
            rows.append([title, _COLUMNS[key], *values])
    return table(["test, %", "metric", *(f"{share} % of the labels" for share in given)], rows)


def _of(cells: Cells, protocol: str, share: int) -> list[Mapping[str, Any]]:
    """The cells of a share, without those that had too few kinds of labels."""
    prefix = f"test/{protocol}/share-{share}/"
    return [cell for name, cell in cells.items() if name.startswith(prefix) and "figure" in cell]
