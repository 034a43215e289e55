"""The grid as tables: DSDF's Tables 2 to 7 for our encoder, and which findings of the papers hold for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _grid_gains import Difference, by_seed, compared, difference, verdict
from _grid_names import ARM_TITLES, FINDINGS, TASK_FIGURES
from _markdown import Cells, mean_of, read, table, with_machines

SIZES = {"small": "Subsampled", "medium": "Subsampled less", "whole": "All data"}
_MARKS = {1: " ▲", 0: "", -1: " ▼"}


def grid(results: Path) -> str:
    """Every table of the grid, of each size that was measured."""
    cells = read(results / "grid.json")
    parts = []
    for size, words in SIZES.items():
        own = {name: cell for name, cell in cells.items() if name.startswith(f"{size}/")}
        if own:
            parts += [f"### {words}", _pretraining(own)]
            parts += [part for task in TASK_FIGURES for part in _task(own, size, task)]
            parts.append(with_machines(_findings(own, size), own))
    return "\n\n".join(part for part in parts if part)


def _task(cells: Cells, size: str, task: str) -> list[str]:
    """A row an arm: mean and deviation over seeds, marked where beyond noise, and DSDF's figure of the same arm."""
    figures = TASK_FIGURES[task]
    rows = []
    for arm, title in ARM_TITLES.items():
        found = {metric: by_seed(cells, size, task, arm, metric) for metric in figures.metrics}
        seeds = len(found[figures.headline])
        if seeds:
            ours = [_marked(cells, size, task, metric, values) for metric, values in found.items()]
            theirs = [f"{value:.2f}" for value in figures.published.get(arm, ())] or [""] * len(figures.compared)
            rows.append([title, *ours, str(seeds), *theirs])
    if not rows:
        return []
    header = [
        f"{task}, test, %",
        *figures.metrics.values(),
        "seeds",
        *(f"DSDF: {figures.metrics[metric]}" for metric in figures.compared),
    ]
    return [f"**{task}**: {figures.about}. {_limits(cells, size, task)}", table(header, rows)]


def _marked(cells: Cells, size: str, task: str, metric: str, values: Mapping[int, float]) -> str:
    gain = difference(values, by_seed(cells, size, task, "none", metric))
    return mean_of(list(values.values())) + (_MARKS[gain.sign] if gain is not None else "")


def _limits(cells: Cells, size: str, task: str) -> str:
    """What was learned from and measured on, and how DSDF's figures differ; of several limits, each."""
    figures = TASK_FIGURES[task]
    said = []
    for name, cell in cells.items():
        if name.startswith(f"{size}/{task}/"):
            taken = cell["limits"]
            parts = (f"{part} {taken[part] or 'all'}" for part in ("train", "dev", "test"))
            epochs = f", {taken['epochs']} epochs" if taken["epochs"] else ""
            said.append(f"Ours: {', '.join(parts)} ({figures.unit}){epochs}, {cell['n']:,} answers.")
    return f"{' '.join(dict.fromkeys(said))} DSDF: BERT-base, {figures.protocol}."


def _pretraining(cells: Cells) -> str:
    """Tokens, steps and minutes of each arm."""
    rows = []
    for arm, title in ARM_TITLES.items():
        facts: Mapping[str, Any] = next(
            (cell["pretraining"] for name, cell in cells.items() if f"/{arm}/" in name and cell["pretraining"]), {}
        )
        if facts:
            minutes = f"{facts['seconds'] / 60:.1f}"
            rows.append([title, f"{facts['tokens']:,}", f"{facts['steps']:,}", minutes])
    return table(["pre-training", "tokens", "steps", "minutes"], rows)


def _findings(cells: Cells, size: str) -> str:
    """Each finding of the papers, and whether it holds here."""
    rows = []
    for finding in FINDINGS:
        found = compared(cells, size, finding)
        told = "; ".join(f"{task} {_told(one)}" for task, one in found.items() if one is not None)
        rows.append([finding.said, finding.source, verdict(found), told])
    return table(
        ["finding of the papers", "where", "holds for the 22 M encoder?", "difference in points (noise)"], rows
    )


def _told(found: Difference) -> str:
    return f"{found.mean:+.2f}" + ("" if found.noise is None else f" ({found.noise:.2f})")
