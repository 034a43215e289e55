"""The tables of pairwise cloze: what was mined, and what decoders find in held-out pairs."""

from pathlib import Path

from _markdown import Cell, percent, read, table, with_machines

_KINDS = {
    "all": "all",
    "task": "task-oriented and customer service",
    "open": "open-domain",
    "permissive": "all under CC BY, CC BY-SA, MIT, Apache, CDLA or BSD",
    "permissive-task": "of these, task-oriented and customer service",
    "permissive-open": "of these, open-domain",
}
_PUBLISHED = (
    ("ConVEx, Reddit, 1.2 billion pairs", 0.848, 0.853),
    ("ConVEx, the same without the auxiliary loss", 0.827, 0.839),
    ("ConVEx, CC100", 0.859, 0.863),
)
"""Precision and recall of section 4, on held-out pairs of their own corpus."""


def mined(results: Path) -> str:
    """Pairs and sentences of each kind of corpora."""
    found = read(results / "convex_pretraining.json").get("pairs")
    if found is None:
        return ""
    rows = [
        [title, *(f"{found['pairs'][kind][key]:,}" for key in ("train", "train_sentences", "test"))]
        for kind, title in _KINDS.items()
        if kind in found["pairs"]
    ]
    drawn = table(["dialogue corpora", "pairs", "sentences in them", "test pairs"], rows)
    seconds = ", ".join(f"{name} {value:,.0f} s" for name, value in found["seconds"].items())
    return with_machines(
        f"{drawn}\n\n- {found['texts']:,} texts, {found['sentences']:,} distinct; {seconds}", {"": found}
    )


def decoders(results: Path) -> str:
    """Precision and recall on held-out pairs, before and after, of every decoder; the paper's beside."""
    cells = {name: cell for name, cell in read(results / "convex_pretraining.json").items() if "after" in cell}
    rows = [
        [
            f"`{name}`: {_told(cell)}",
            f"{cell['pairs']:,}",
            f"{cell['steps']:,}",
            f"{cell['seconds'] / 60:.1f}",
            *(percent(cell["after"].get(kind, {}).get(key)) for kind in ("all", "task", "open") for key in _SCORES),
        ]
        for name, cell in cells.items()
    ]
    if not rows:
        return ""
    rows += [
        [title, "", "", "", percent(precision), percent(recall), *[""] * 4] for title, precision, recall in _PUBLISHED
    ]
    header = ["decoder", "pairs", "steps", "minutes"]
    header += [f"{key}, {kind}" for kind in ("all", "task", "open") for key in _SCORES]
    return with_machines(table(header, rows), cells)


_SCORES = ("precision", "recall")


def _told(cell: Cell) -> str:
    """What sets a decoder apart, in words."""
    parts = [
        "the encoder learns too" if cell["tuned"] else f"over {cell['encoder']}",
        _KINDS.get(cell["kind"], cell["kind"]) if cell["kind"] != "all" else "",
        f"{cell['share']:.1%} of the pairs" if cell["share"] < 1 else "",
        "" if cell["auxiliary"] else "no auxiliary loss",
        {"adadelta": "Adadelta", "adamw": "AdamW"}[cell["optimizer"]] + f" {cell['rate']:g}",
    ]
    return ", ".join(part for part in parts if part)
