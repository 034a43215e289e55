"""Draws the report of ``turnwise check`` as tables."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnwise.corpora.check import Report
from turnwise.corpora.tally import LayerCount, Lengths, SplitCount

_MOST_LABELS = 200
_MOST_SPLITS = 8
_MOST_CONFLICTS = 10
_PIPE_WIDTH = 160
_LONGEST_EXAMPLE = 120
_ON = {"turn": "labels of turns", "span": "spans", "dialogue": "labels of dialogues"}

Row = tuple[str, Sequence[int | str]]


def show(report: Report) -> None:
    """Print the report on stdout."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(_splits(report))
    for on, name in _keys(report.splits):
        console.print(_layer(report.splits, on, name))
    for line in _notes(report):
        console.print(Text(line), soft_wrap=True)
    if report.errors:
        console.print(Text(f"\n{len(report.errors)} error{'' if len(report.errors) == 1 else 's'}:", style="bold red"))
        for error in report.errors:
            console.print(Text(f"  {error}"), soft_wrap=True)
    else:
        console.print(Text("\nNo errors.", style="green"))


def _splits(report: Report) -> Table:
    counts = report.splits
    rows: list[Row] = [
        ("dialogues", [c.dialogues for c in counts]),
        ("turns", [c.turns for c in counts]),
        *(
            (f"  {speaker}", [c.speakers.get(speaker, 0) for c in counts])
            for speaker in ("customer", "agent", "neither")
            if any(speaker in c.speakers for c in counts)
        ),
        ("turns a dialogue", [_lengths(c.turns_per_dialogue) for c in counts]),
        ("characters a turn", [_lengths(c.characters) for c in counts]),
        ("tokens a turn", [_lengths(c.tokens) for c in counts]),
        ("empty texts", [c.empty_texts for c in counts]),
        ("repeated customer texts", [c.duplicates for c in counts]),
        ("texts with several labellings", [len(c.conflicts) for c in counts]),
        ("errors", [len(c.errors) for c in counts]),
    ]
    table = _table(f"{report.corpus} ({report.reader})", "", _names(counts), rows)
    table.caption = "lengths: median, 95th percentile, longest; tokens as the embedded encoder counts them"
    return table


def _layer(counts: Sequence[SplitCount], on: str, name: str) -> Table:
    layers = [next((layer for layer in c.layers if (layer.on, layer.name) == (on, name)), None) for c in counts]
    totals: Counter[str] = Counter()
    for layer in layers:
        totals.update(layer.labels if layer else {})
    labels = sorted(totals, key=lambda label: (-totals[label], label))
    rows: list[Row] = [
        ("annotated", [layer.annotated if layer else 0 for layer in layers]),
        ("annotated as none", [layer.none if layer else 0 for layer in layers]),
        ("different labels", [str(len(layer.labels) if layer else 0) for layer in layers]),
        *((f"  {label}", [_count(layer, label) for layer in layers]) for label in labels[:_MOST_LABELS]),
    ]
    if len(labels) > _MOST_LABELS:
        rows.append((f"  ... and {len(labels) - _MOST_LABELS} more (--json has all)", ["" for _ in layers]))
    return _table(f"{name} ({_ON[on]})", "label", _names(counts), rows)


def _table(title: str, first: str, names: Sequence[str], rows: Sequence[Row]) -> Table:
    """A column a split; beyond the first few, which would not fit, the sums of all of them."""
    table = Table(title=Text(title), title_justify="left", caption_justify="left")
    table.add_column(Text(first), overflow="fold")
    many = len(names) > _MOST_SPLITS
    for name in (*names[:_MOST_SPLITS], *([f"all {len(names)}"] if many else [])):
        table.add_column(Text(name), justify="right")
    for head, cells in rows:
        shown = [f"{cell:,}" if isinstance(cell, int) else cell for cell in cells[:_MOST_SPLITS]]
        numbers = [cell for cell in cells if isinstance(cell, int)]
        if many:
            shown.append(f"{sum(numbers):,}" if numbers else "")
        table.add_row(Text(head), *map(Text, shown))
    return table


def _notes(report: Report) -> Iterable[str]:
    for overlap in report.overlaps:
        both = f"{overlap.first} and {overlap.second}"
        yield f"{both} share {overlap.texts:,} customer texts, such as {_cut(overlap.examples[0])}"
    for count in report.splits:
        if count.duplicate_examples:
            example = _cut(count.duplicate_examples[0])
            yield f"{count.name} repeats {count.duplicates:,} customer texts, such as {example}"
        for conflict in count.conflicts[:_MOST_CONFLICTS]:
            ways = " / ".join(", ".join(intents) or "(none)" for intents in conflict.intents)
            yield f"{count.name}: {_cut(conflict.text)} is labelled {ways}"
        if len(count.conflicts) > _MOST_CONFLICTS:
            yield f"{count.name}: ... and {len(count.conflicts) - _MOST_CONFLICTS} more such texts (--json has all)"


def _keys(counts: Sequence[SplitCount]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((layer.on, layer.name) for c in counts for layer in c.layers))


def _names(counts: Sequence[SplitCount]) -> list[str]:
    return [c.name for c in counts]


def _count(layer: LayerCount | None, label: str) -> int:
    return layer.labels.get(label, 0) if layer else 0


def _lengths(lengths: Lengths | None) -> str:
    return "" if lengths is None else f"{lengths.median:,.0f}, {lengths.p95:,.0f}, {lengths.longest:,}"


def _cut(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_EXAMPLE else f"{text[:_LONGEST_EXAMPLE]}...")
