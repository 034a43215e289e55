"""The tables of slots: by training size beside what ConVEx published, each slot with 64 examples, SNIPS, and speed."""

import statistics
from pathlib import Path

from _markdown import Cell, Cells, read, table, with_machines

RESTAURANTS8K = {
    8198: (95.8, 96.0, 95.8),
    4099: (94.1, 94.1, 94.2),
    2049: (91.2, 92.6, 92.5),
    1024: (88.5, 90.6, 90.7),
    512: (81.1, 86.4, 88.2),
    256: (63.8, 81.8, 83.9),
    128: (57.6, 76.0, 78.2),
    64: (40.5, 71.7, 73.5),
}
"""Span-ConveRT, ConVEx, ConVEx ensemble: ConVEx, tables 9 and 11."""
DSTC8 = {
    "Buses_1": {1133: 96.0, 566: 92.6, 283: 88.6, 141: 84.0, 70: 75.2, 35: 65.4},
    "Events_1": {1498: 92.7, 749: 88.4, 374: 87.2, 187: 82.2, 93: 66.6, 47: 54.0},
    "Homes_1": {2064: 98.3, 1032: 96.1, 516: 95.4, 258: 94.8, 129: 94.0, 65: 92.0},
    "RentalCars_1": {874: 94.0, 437: 93.1, 218: 87.9, 109: 78.8, 54: 62.3, 27: 50.3},
}
"""The best of each row of ConVEx, table 10."""
_SNIPS = {
    1: ("Weather", 71.5, 74.7),
    2: ("Music", 77.6, 77.6),
    3: ("Playlist", 79.0, 79.0),
    6: ("Restaurant", 73.8, 73.8),
    7: ("Creative", 67.4, 73.4),
}
"""By fold: the domain, ConVEx, and the best of its table 4."""
VARIANTS = {
    "default": "default recipe",
    "average": "weights of its members averaged",
    "one": "one member",
    "default-no-aux": "decoder without the auxiliary loss",
    "random": "decoder not pre-trained",
    "scratch": "CNN and CRF from nothing",
    "convex": "recipe convex",
    "convex-random": "recipe convex, decoder not pre-trained",
}
_SHARES = ("share-0.015625", "share-0.0625", "share-0.25", "aux")
DECODERS = {
    "random": "none: random weights",
    "share-0.015625": "a 64th of the pairs",
    "share-0.0625": "a 16th",
    "share-0.25": "a quarter",
    "open": "open-domain text alone",
    "task": "task-oriented text alone",
    "no-aux": "all, without the auxiliary loss",
    "aux-adamw": "all, trained with AdamW",
    "aux": "all: the embedded one",
}
"""Decoders of convex_pretraining.py, by name."""


def restaurants8k(results: Path) -> str:
    """Mean F1 of the slots by training size."""
    cells = read(results / "slots.json")
    rows = [
        [f"{size:,}", *(f"{figure:.1f}" for figure in published), *_of_variants(cells, f"restaurants8k/{size}")]
        for size, published in RESTAURANTS8K.items()
    ]
    head = ["examples", "Span-ConveRT, published", "ConVEx, published", "its ensemble", *VARIANTS.values()]
    chosen = _chosen(cells, "restaurants8k")
    return with_machines(table(head, rows), chosen) if chosen else ""


def dstc8(results: Path) -> str:
    """Mean F1 of the slots by domain and training size."""
    cells = read(results / "slots.json")
    rows = [
        [f"{domain}, {size:,}", f"{best:.1f}", *_of_variants(cells, f"dstc8/{domain}/{size}")]
        for domain, sizes in DSTC8.items()
        for size, best in sizes.items()
    ]
    head = ["domain, examples", "best published", *VARIANTS.values()]
    chosen = _chosen(cells, "dstc8")
    return with_machines(table(head, rows), chosen) if chosen else ""


def snips(results: Path) -> str:
    """F1 of an episode, averaged over the episodes: from its examples, and from the names of the slots alone."""
    cells = read(results / "slots.json")
    rows = []
    for fold, (domain, convex, best) in _SNIPS.items():
        found = [cell for name, cell in cells.items() if name.startswith(f"test/default/snips/{fold}/")]
        if found:
            mean = f"{100 * statistics.mean(cell['f1'] for cell in found):.1f}"
            seconds = f"{statistics.median(cell['seconds'] for cell in found):.1f}"
            named = cells.get(f"test/default/named/{fold}/0")
            alone = f"{100 * named['f1']:.1f}" if named else ""
            rows.append([domain, f"{convex:.1f}", f"{best:.1f}", mean, str(len(found)), seconds, alone])
    head = ["domain", "ConVEx, published", "best published", "default recipe", "episodes", "seconds an episode"]
    head.append("no example, the slots' names")
    return with_machines(table(head, rows), _chosen(cells, "snips"))


def by_slot(results: Path, size: int = 64) -> str:
    """F1 of each slot of RESTAURANTS-8K with a few examples, as ConVEx's figure 4."""
    cells = read(results / "slots.json")
    found = {
        words: [cell for name, cell in cells.items() if name.startswith(f"test/{variant}/restaurants8k/{size}/")]
        for variant, words in VARIANTS.items()
    }
    slots = sorted({slot for group in found.values() for cell in group for slot in cell["labels"]})
    rows = [
        [slot, *(_mean([cell["labels"][slot]["f1"] for cell in group]) for group in found.values())] for slot in slots
    ]
    return table(["slot", *found], rows)


def speed(results: Path) -> str:
    """Seconds to fit, and what labelling all slots costs beside the encoder alone."""
    cells = read(results / "slots.json")
    rows = []
    for name, cell in cells.items():
        kind, _, size = name.removeprefix("test/default/").removesuffix("/0").partition("/")
        if kind == "speed" and size.startswith("snips-"):
            rows.append([f"an episode of SNIPS, {_SNIPS[int(size[6:])][0]}", f"{cell['seconds']:.1f}", "", "", ""])
        elif kind == "speed":
            cost = [f"{cell[key]:.2f}" for key in ("cost", "in_turn_cost")]
            rows.append([f"default recipe, {size}", f"{cell['seconds']:.0f}", *cost, ""])
        elif kind == "trainer":
            rows.append(
                [f"fine-tuned whole by Trainer, {size}", f"{cell['seconds']:.0f}", "", "", _mean([cell["mean_f1"]])]
            )
    head = ["what, examples", "seconds to fit", "labelling, in encoders", "slots in turn, in encoders", "mean F1"]
    return with_machines(table(head, rows), {**_chosen(cells, "speed"), **_chosen(cells, "trainer")})


def decoders(results: Path) -> str:
    """Mean F1 on RESTAURANTS-8K by the decoder that is begun from."""
    cells, trained = read(results / "slots.json"), read(results / "convex_pretraining.json")
    rows = []
    for name, words in DECODERS.items():
        figures = [_mean(_of_seeds(cells, _variant(name), f"restaurants8k/{size}")) for size in (64, 256, 512)]
        told = trained.get(name, {})
        facts = [f"{told[key]:,}" if key in told else "" for key in ("pairs", "steps")]
        rows += [[words, *facts, *figures]] if any(figures) else []
    head = ["decoder begun from", "pairs", "steps of pre-training", "64 examples", "256", "512"]
    return with_machines(table(head, rows), _chosen(cells, "restaurants8k"))


def by_pairs(results: Path, size: int = 64) -> dict[str, list[tuple[float, float]]]:
    """For a picture: mean F1 with a few examples by the number of pairs, of decoders with the auxiliary loss."""
    cells, trained = read(results / "slots.json"), read(results / "convex_pretraining.json")
    lines: dict[str, list[tuple[float, float]]] = {}
    for line, names in (("all corpora", _SHARES), ("one kind of corpora", ("task", "open"))):
        found = [(name, mean_f1(cells, _variant(name), f"restaurants8k/{size}")) for name in names]
        lines[line] = [(trained[name]["pairs"], value) for name, value in found if value is not None]
    return {line: points for line, points in lines.items() if points}


def zero(results: Path) -> str:
    """What the decoder takes for a value before anything is fitted, as ConVEx's figure 5."""
    cells = {name: cell for name, cell in read(results / "slots.json").items() if "/zero/" in name}
    rows = [
        [
            f"{100 * cell['answered']:.1f}",
            f"{100 * cell['right']:.1f}",
            ", ".join(f"{slot} {100 * share:.1f}" for slot, share in cell["recall"].items()),
            ", ".join(cell["frequent"]),
        ]
        for cell in cells.values()
    ]
    head = [
        "sentences with an answer, %",
        "a marked value, %",
        "values found, % of each slot",
        "frequent other answers",
    ]
    return with_machines(table(head, rows), cells)


def mean_f1(cells: Cells, variant: str, cell: str) -> float | None:
    """Of a variant's seeds; None where none is measured."""
    found = _of_seeds(cells, variant, cell)
    return statistics.mean(found) if found else None


def _of_seeds(cells: Cells, variant: str, cell: str) -> list[float]:
    return [one["mean_f1"] for name, one in cells.items() if name.startswith(f"test/{variant}/{cell}/")]


def _variant(decoder: str) -> str:
    return {"random": "random", "aux": "default"}.get(decoder, f"default-{decoder}")


def _of_variants(cells: Cells, cell: str) -> list[str]:
    return [_mean(_of_seeds(cells, variant, cell)) for variant in VARIANTS]


def _mean(values: list[float]) -> str:
    """In percent, with the standard deviation of several; "" of none."""
    if not values:
        return ""
    mean = f"{100 * statistics.mean(values):.1f}"
    return f"{mean} ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else mean


def _chosen(cells: Cells, kind: str) -> dict[str, Cell]:
    return {name: cell for name, cell in cells.items() if name.split("/")[2] == kind}
