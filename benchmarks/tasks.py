"""Acts, emotions, hand-off and satisfaction on real dialogues, and how much each needs of the labels.

    python benchmarks/tasks.py --list
    python benchmarks/tasks.py --cells acts-next/gsim handoff/star/share-20 --seeds 0
    python benchmarks/tasks.py --draw

A cell PROTOCOL/share-N is fitted on N % of the training dialogues (drawn with the seed, of which fewer are part of
more); PROTOCOL alone is all of 5, 10, 20, 50 and 100 %. The dev dialogues are the same for every share: they choose
the epoch and the thresholds. ``--on dev`` fits and measures on training and dev dialogues alone, which is where
choices of the recipes are made. A share with too few kinds of labels to fit anything says so under ``problem``.
``_task_data.py`` says what each protocol is. Results: results/tasks.json, and a drawing of the curves,
results/tasks.html.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import _cells
import _data
import _shares
from _task_data import PROTOCOLS, Parts, Protocol, drawn
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.tasks.fit import fit_task
from turnwise.tasks.model import TaskModel
from turnwise.tasks.recipes import task_recipe

SHARES = (5, 10, 20, 50, 100)
UNIVERSAL = 13
_FIGURES = {
    "micro_f1": "Micro-F1 (%)",
    "macro_f1": "Macro-F1 (%)",
    "average_precision": "Area under precision and recall (%)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=[], metavar="PROTOCOL[/share-N]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--train", type=int, help="training dialogues at most, instead of the protocol's number")
    parser.add_argument("--dev", type=int, help="dev dialogues at most, likewise")
    parser.add_argument("--set", nargs="*", default=[], metavar="TABLE.KEY=VALUE", help="override the recipe")
    parser.add_argument("--encoder", default="embedded", help="embedded, or an encoder folder")
    parser.add_argument("--tag", default="", help="name of such an encoder or override in the results")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "tasks.json")
    parser.add_argument("--draw", action="store_true", help="only draw the curves again")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print(*(f"{name}/share-{share}" for name in PROTOCOLS for share in SHARES), sep="\n")
        return
    for cell in [] if arguments.draw else arguments.cells:
        name, _, share = cell.partition("/share-")
        if name not in PROTOCOLS or (share and share not in map(str, SHARES)):
            parser.error(f"there is no cell {cell}; --list shows them")
        for number in [int(share)] if share else SHARES:
            for seed in arguments.seeds:
                title = f"{arguments.on}/{name}{arguments.tag}/share-{number}/{seed}"
                _cells.compute(
                    arguments.output, title, lambda p=PROTOCOLS[name], n=number, s=seed: run(p, n, s, arguments)
                )
    draw(arguments.output)


def run(protocol: Protocol, share: int, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit on a share of the training dialogues, measure on all test dialogues."""
    train, dev, test = protocol.parts()
    train = drawn(train, arguments.train or protocol.train)
    dev = drawn(dev, arguments.dev or protocol.dev)
    taken = drawn(train, max(2, round(share * len(train) / 100)), seed=seed)
    tables = _data.tables_of(arguments.set)
    try:
        measured = dev if arguments.on == "dev" else test
        found = measure(protocol, (taken, dev, measured), arguments.encoder, seed, tables)
        return found | ({"set": arguments.set} if arguments.set else {})
    except CorpusError as error:
        return {"problem": str(error), "train": {"dialogues": len(taken)}}


def measure(
    protocol: Protocol, parts: Parts, encoder: str, seed: int, tables: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Fit on the first part, choose on the second, measure on the third; ``encoder`` is embedded or a folder.

    Raises CorpusError when the first part has too few kinds of labels.
    """
    taken, dev, measured = parts
    given = {"parameters": protocol.parameters, "training": {"seed": seed}}
    tables = {name: {**given.get(name, {}), **tables.get(name, {})} for name in (*given, *tables)}
    recipe = task_recipe(protocol.recipe, tables)
    start = time.perf_counter()
    model = fit_task(taken, Encoder.load(encoder), recipe, dev=dev)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    found = model.evaluate(measured)
    taking = time.perf_counter() - start
    found |= extra(found, model, protocol, measured)
    return {
        **_cells.kept(found),
        "figure": protocol.figure,
        "train": {"dialogues": len(taken), "labels": model.facts["examples"]},
        "dev": len(dev),
        "seconds": seconds,
        "seconds_to_measure": taking,
        "epochs": model.facts["epochs"],
        "steps": model.facts["steps"],
        "settings": {"training": model.facts["training"], "input": model.facts["input"], **tables},
    }


def extra(found: Mapping[str, Any], model: TaskModel, protocol: Protocol, measured: list[Any]) -> dict[str, Any]:
    """Figures beside the task's own: as the papers count, and with the published threshold."""
    more: dict[str, Any] = {}
    if protocol.parts.__name__ == "gsim":
        occurring = [row for row in found["labels"].values() if row["support"] + row["predicted"]]
        more["macro_f1_of_13"] = sum(row["f1"] for row in occurring) / UNIVERSAL
    if protocol.neutral is not None:
        more["micro_f1_without_neutral"] = micro_f1_without(found["labels"], protocol.neutral)
        more["threshold"] = model.learned["threshold"]
        model.learned = {**model.learned, "threshold": 0.3}
        second = model.evaluate(measured, draws=0)
        more["published_threshold"] = {key: second[key] for key in ("micro_f1", "macro_f1")} | {
            "micro_f1_without_neutral": micro_f1_without(second["labels"], protocol.neutral)
        }
    return more


def micro_f1_without(labels: Mapping[str, Mapping[str, float]], neutral: str) -> float:
    """2 TP / (predicted + gold) over all labels but one."""
    rows = [row for name, row in labels.items() if name != neutral]
    both = sum(row["recall"] * row["support"] for row in rows)
    whole = sum(row["predicted"] + row["support"] for row in rows)
    return 2 * both / whole if whole else 0.0


def draw(path: Path) -> None:
    """The curves as one self-contained page: a chart a protocol, mean over seeds, a mark at each share."""
    curves: dict[str, dict[float, list[_shares.Cell]]] = {}
    for name, cell in _cells.read(path).items():
        on, *protocol, share, _ = name.split("/")
        if on == "test" and "figure" in cell:
            curves.setdefault("/".join(protocol), {}).setdefault(int(share.removeprefix("share-")), []).append(cell)
    charts = []
    for name, cells in sorted(curves.items()):
        key = next(iter(cells.values()))[0]["figure"]
        points = _shares.line(cells, lambda c, k=key: c[k], lambda c: f"{c['train']['labels']:,} labels")
        charts.append(_shares.chart(name, _FIGURES[key], {name: points}))
    _shares.write(path, charts)


if __name__ == "__main__":
    main()
