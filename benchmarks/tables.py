"""Draw the tables of README.md and docs/benchmarks.md from results/*.json.

    python benchmarks/tables.py            rewrites what stands between <!-- NAME --> and <!-- /NAME -->
    python benchmarks/tables.py --check    changes nothing; exits with 1 when a table is out of date

A table of results that are not there is empty: nothing is said about what was not measured.
"""

import argparse
import re
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _convex_tables import decoders, mined
from _desk_tables import desk, desk_latency
from _dialogue_tables import pii, pii_dev, pii_shares, state
from _grid_tables import grid
from _markdown import mean_of, percent, read, table
from _mining_tables import mining, mining_statistics
from _pretraining_tables import few_shot, intrinsic, preparation, throughput
from _response_tables import precedents, ranking, ranking_shares, ranking_speed, selection, shortlist
from _slot_tables import by_slot, dstc8, restaurants8k, snips, zero
from _slot_tables import decoders as slot_decoders
from _slot_tables import speed as slot_speed
from _task_tables import intent_recognition, shares, tasks

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCUMENTS = (HERE.parent / "README.md", HERE.parent / "docs" / "benchmarks.md")
DATASETS = {"banking": "BANKING77", "clinc": "CLINC150", "hwu": "HWU64"}
SIZES = {"10": "10-shot", "30": "30-shot", "full": "full"}
_HIDDEN = {"machine", "recipe", "held_out", "heads", "interval"}
_SHARES = ("accuracy", "accuracy_without_rejection", "recall", "precision", "auroc", "ece", "share_of_limit")
_VARIANTS = {
    "default": "default recipe",
    "default-s1": "default recipe after Stage 1",
    "thorough": "recipe intent-thorough",
    "no-names": "default recipe without intent names as texts",
    "1nn": "default recipe, 1-NN instead of three kinds of votes",
    "random": "default recipe from random weights",
    "frozen": "no training, 1-NN",
    "frozen-s1": "Stage 1 alone, 1-NN",
    "logistic": "no training, logistic regression",
    "mlp": "no training, two-layer MLP",
    "mlp-s1": "Stage 1, two-layer MLP",
    **{
        f"{loss}{tail}": f"ConvFiT {loss.upper()}{words}"
        for loss in ("smax", "cos", "ocl")
        for tail, words in (
            ("", ", S1 by the encoder's makers"),
            ("-s1", ", S1 by its makers, then S1 on our corpora"),
            ("-random", ", random weights, S2 only"),
            ("-random-s1", ", random weights, S1 + S2"),
        )
    },
}
Cells = Mapping[str, Mapping[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when a table is out of date")
    check = parser.parse_args().check
    stale = []
    for path in DOCUMENTS:
        before = path.read_text(encoding="utf-8")
        after = filled(before, RESULTS)
        if after != before:
            stale.append(path.name)
            if not check:
                path.write_text(after, encoding="utf-8")
    if check and stale:
        sys.exit(f"error: out of date: {', '.join(stale)}; run: python benchmarks/tables.py")
    print("\n".join(f"written: {name}" for name in stale) or "every table is up to date")


def filled(document: str, results: Path) -> str:
    """The document with every known table between its markers drawn anew."""
    for name, draw in TABLES.items():
        pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n)(.*?)(<!-- /{re.escape(name)} -->)", re.DOTALL)
        if pattern.search(document):
            drawn = draw(results)
            document = pattern.sub(lambda m, drawn=drawn: m[1] + (f"\n{drawn}\n\n" if drawn else "") + m[3], document)
    return document


def headline(results: Path) -> str:
    """Accuracy of the default recipe beside the best published figures, a row a dataset."""
    cells, best = read(results / "intents.json"), _published()["best"]
    rows = []
    for dataset, title in DATASETS.items():
        ours = [mean_of(_accuracies(cells, dataset, size, "default")) for size in SIZES]
        theirs = [f"{value:.2f}" if found else "" for found, value in zip(ours, best[dataset], strict=True)]
        if any(ours):
            rows.append([title, *_beside(ours, theirs)])
    header = [
        "accuracy in %, test",
        *(cell for size in SIZES.values() for cell in (size, f"{size}, best of ConvFiT")),
    ]
    return _with_note(table(header, rows), cells, [f"test/{d}/{s}/default/" for d in DATASETS for s in SIZES])


def variants(results: Path) -> str:
    """Every variant that was run, in the columns of ConvFiT's Table 4."""
    cells = read(results / "intents.json")
    present = {name.split("/")[3] for name in cells if name.startswith("test/") and name.split("/")[2] in SIZES}
    order = [*(name for name in _VARIANTS if name in present), *sorted(present - set(_VARIANTS))]
    rows = [
        [_VARIANTS.get(variant, variant)]
        + [mean_of(_accuracies(cells, dataset, size, variant)) for dataset in DATASETS for size in SIZES]
        for variant in order
    ]
    return _with_note(table(["variant", *_columns()], rows), cells, ["test/"])


def train_10(results: Path) -> str:
    """The variants on DialoGLUE's own train_10 files: sample 0 of 10 shots."""
    cells = read(results / "intents.json")
    names = {name.split("/")[3] for name in cells if re.fullmatch(r"test/\w+/10/[^/]+/0", name)}
    rows = [
        [_VARIANTS.get(variant, variant)]
        + [percent(cells.get(f"test/{dataset}/10/{variant}/0", {}).get("accuracy")) for dataset in DATASETS]
        for variant in [*(v for v in _VARIANTS if v in names), *sorted(names - set(_VARIANTS))]
    ]
    return table(["train_10 files", *DATASETS.values()], rows)


def everything(results: Path) -> str:
    """Fits on all training data, the dev part included."""
    cells = read(results / "intents.json")
    names = {name.split("/")[3] for name in cells if re.fullmatch(r"test/\w+/all/[^/]+/\d+", name)}
    rows = [
        [_VARIANTS.get(variant, variant)]
        + [mean_of(_accuracies(cells, dataset, "all", variant)) for dataset in DATASETS]
        for variant in [*(v for v in _VARIANTS if v in names), *sorted(names - set(_VARIANTS))]
    ]
    return table(["train and dev together", *DATASETS.values()], rows)


def goals(results: Path) -> str:
    """The default recipe beside the goals set for it."""
    cells, reference = read(results / "intents.json"), _published()
    rows = []
    for dataset, title in DATASETS.items():
        for at, (size, words) in enumerate(SIZES.items()):
            if found := mean_of(_accuracies(cells, dataset, size, "default")):
                best, goal = reference["best"][dataset][at], reference["goals"][dataset][at]
                rows.append([f"{title}, {words}", found, f"{best:.2f}", f"{goal:.1f}"])
    return table(["accuracy in %, test", "default recipe", "best of ConvFiT", "goal"], rows)


def fit_seconds(results: Path) -> str:
    """Wall-clock seconds of the fits of the table of variants."""
    cells = read(results / "intents.json")
    names = {name.split("/")[3] for name, cell in cells.items() if name.startswith("test/") and "seconds" in cell}
    rows = [
        [_VARIANTS.get(variant, variant)]
        + [
            f"{statistics.mean(found):.0f}" if (found := _values(cells, dataset, size, variant, "seconds")) else ""
            for dataset in DATASETS
            for size in SIZES
        ]
        for variant in [*(v for v in _VARIANTS if v in names), *sorted(names - set(_VARIANTS))]
    ]
    return _with_note(table(["seconds to fit", *_columns()], rows), cells, ["test/"])


def published(results: Path) -> str:
    """ConvFiT's Table 4, as printed."""
    rows = [
        [name, *("" if value is None else f"{value:.2f}" for value in values)]
        for name, values in _published()["rows"].items()
    ]
    return table(["published", *_columns()], rows)


def records(name: str) -> Callable[[Path], str]:
    """A drawing of any results file: a list of records under ``rows`` with what else it says, or cells by name."""

    def draw(results: Path) -> str:
        document = read(results / name)
        listed = document.get("rows")
        cells = listed if listed is not None else [{"": key} | dict(cell) for key, cell in document.items()]
        rest = {key: value for key, value in document.items() if key != "rows"} if listed is not None else {}
        machines = {cell["machine"] for cell in cells if isinstance(cell.get("machine"), str)}
        if machines:
            rest["measured on"] = "; ".join(sorted(machines))
        keys = list(dict.fromkeys(key for cell in cells for key, value in cell.items() if _scalar(key, value)))
        drawn = table([_words(key) for key in keys], [[_number(key, cell.get(key)) for key in keys] for cell in cells])
        return "\n\n".join(part for part in (drawn, _facts(rest)) if part) if drawn else ""

    return draw


def speed(results: Path) -> str:
    """Seconds to fit; for a peer, how many times the seconds of ours that reach its accuracy soonest."""
    cells = read(results / "speed.json")
    own = [cell for name, cell in cells.items() if name.startswith("ours/")]
    rows = []
    for name, cell in cells.items():
        reach = [one["seconds"] for one in own if one["accuracy"] >= cell["accuracy"]]
        ratio = f"{cell['seconds'] / min(reach):.1f}" if reach and not name.startswith("ours/") else ""
        seconds = f"{cell['seconds']:,.1f}"
        rows.append([name, seconds, percent(cell["accuracy"]), f"{cell.get('sentences', 0):,}", ratio])
    header = ["recipe", "seconds", "accuracy in %", "sentences encoded", "times ours to the same accuracy"]
    drawn = table(header, rows)
    machines = "; ".join(sorted({str(cell["machine"]) for cell in cells.values()}))
    return f"{drawn}\n\n- measured on: {machines}" if drawn else ""


def figures(results: Path) -> str:
    """ConvFiT's Figures 4 to 6: a row a curve."""
    cells = read(results / "figures.json")
    titles = {"4": "Stage 1 on so many pairs", "5": "one epoch of OCL, negatives a positive pair", "6": "bank"}
    curves: dict[tuple[str, str, str], dict[str, float]] = {}
    for name, cell in sorted(cells.items()):
        figure, dataset, recipe, *point = name.split("/")
        found = cell["bank"] if figure == "6" else {point[0]: cell["accuracy"]}
        curves.setdefault((figure, dataset, recipe), {}).update(found)
    rows = []
    for (figure, dataset, recipe), curve in curves.items():
        points = sorted(curve.items(), key=lambda point: float(point[0]) if point[0].isdigit() else float("inf"))
        what = {"intent": "default recipe", "frozen": "no training, 1-NN", "ocl": "ConvFiT OCL"}[recipe]
        told = ", ".join(f"{int(at):,}: {percent(y)}" if at.isdigit() else f"{at}: {percent(y)}" for at, y in points)
        rows.append([figure, DATASETS[dataset], what, titles[figure], told])
    return table(["figure", "10-shot", "recipe", "varied", "accuracy in %"], rows)


TABLES: dict[str, Callable[[Path], str]] = {
    "results": headline,
    "results: variants": variants,
    "results: train_10": train_10,
    "results: all": everything,
    "results: goals": goals,
    "results: seconds": fit_seconds,
    "results: published": published,
    "results: oos": records("oos.json"),
    "results: nlupp": records("nlupp.json"),
    "results: inference": records("inference.json"),
    "results: speed": speed,
    "results: throughput": throughput,
    "results: preparation": preparation,
    "results: intrinsic": intrinsic,
    "results: few-shot": few_shot,
    "results: figures": figures,
    "results: int": intent_recognition,
    "results: tasks": tasks,
    "results: shares": shares,
    "results: state": state,
    "results: selection": selection,
    "results: ranking": ranking,
    "results: shortlist": shortlist,
    "results: ranking-speed": ranking_speed,
    "results: ranking-shares": ranking_shares,
    "results: precedents": precedents,
    "results: pii": pii,
    "results: pii-dev": pii_dev,
    "results: pii-shares": pii_shares,
    "results: slots": restaurants8k,
    "results: slots-dstc8": dstc8,
    "results: slots-decoders": slot_decoders,
    "results: slots-snips": snips,
    "results: slots-zero": zero,
    "results: slots-each": by_slot,
    "results: slots-speed": slot_speed,
    "results: desk": desk,
    "results: desk-latency": desk_latency,
    "results: mined": mined,
    "results: decoders": decoders,
    "results: grid": grid,
    "results: mining": mining,
    "results: mining-statistics": mining_statistics,
    "results: service": records("service.json"),
}


def _published() -> dict[str, Any]:
    return read(HERE / "published.json")


def _values(cells: Cells, dataset: str, size: str, variant: str, key: str) -> list[float]:
    prefix = f"test/{dataset}/{size}/{variant}/"
    return [float(cell[key]) for name, cell in cells.items() if name.startswith(prefix) and key in cell]


def _accuracies(cells: Cells, dataset: str, size: str, variant: str) -> list[float]:
    return [100 * value for value in _values(cells, dataset, size, variant, "accuracy")]


def _beside(left: Sequence[str], right: Sequence[str]) -> list[str]:
    return [cell for pair in zip(left, right, strict=True) for cell in pair]


def _columns() -> list[str]:
    return [f"{title} {size}" for title in DATASETS.values() for size in SIZES.values()]


def _with_note(table: str, cells: Cells, prefixes: Sequence[str]) -> str:
    if not table:
        return ""
    machines = sorted(
        {cell["machine"] for name, cell in cells.items() if name.startswith(tuple(prefixes)) and "machine" in cell}
    )
    note = "Mean ± standard deviation over samples (10 and 30 shots) or seeds (full); without ± there was one."
    return f"{table}\n\n{note} Measured on: {'; '.join(machines)}." if machines else f"{table}\n\n{note}"


def _scalar(key: str, value: object) -> bool:
    return key not in _HIDDEN and isinstance(value, str | int | float)


def _words(key: str) -> str:
    return key.replace("_ms", ", ms").replace("_", " ")


def _number(key: str, value: object) -> str:
    """A cell; shares in percent, other numbers with few digits."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else ("yes" if value else "no")
    if isinstance(value, float) and 0 <= value <= 1 and key.endswith(_SHARES):
        return f"{100 * value:.2f} %"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _facts(found: Mapping[str, object]) -> str:
    """What a results file says beside its rows, as a list."""

    def said(key: str, value: object) -> str:
        if isinstance(value, Mapping):
            return ", ".join(
                f"{_words(name)} ({said(name, item)})"
                if isinstance(item, Mapping)
                else f"{_words(name)} {said(name, item)}"
                for name, item in value.items()
            )
        return _number(key, value)

    return "\n".join(f"- {_words(key)}: {said(key, value)}" for key, value in found.items() if value not in (None, ""))


if __name__ == "__main__":
    main()
