"""Dialogue state tracking: joint and slot accuracy, beside the ceiling of a picklist.

    python benchmarks/state.py
    python benchmarks/state.py --cells woz2 multiwoz21 --forms default
    python benchmarks/state.py --cells woz2 --forms default --on dev --set training.average=0.995 --tag=-average

Every cell is fitted twice, by the published form (recipe state-picklist) and by the default (recipe state). The best
epoch is chosen on the dev part; the test part is only measured. ``--on dev`` measures on the dev part, which is where
choices of the recipes are made. ``sgd`` and ``sim-m`` have values, and SGD whole
services, that training never sees: the slots of SGD, and the values of its categorical ones, come from the schemas of
train, dev and test, which are no labels, and each dialogue has the slots of its services; Sim-M has no file of values,
so that only copying can name new ones. MultiWOZ has no training part here: four fifths of the
dialogues of val are trained on, the fifth chooses the epoch, test is measured. Results: results/state.json.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import _cells
import _data
from _task_data import Parts
from turnwise.corpora import read_corpus
from turnwise.corpora.json_file import load_json
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.tasks.fit import fit_task
from turnwise.tasks.recipes import task_recipe

FORMS = {"published": "state-picklist", "default": "state"}


@dataclass(frozen=True)
class Cell:
    """A corpus: its reader with the folder under the data, its splits, and its ontology."""

    source: str
    train: str
    dev: str
    test: str
    ontology: str | None = None
    """A file of the data folder; ``schemas`` are the schemas of SGD taken together."""


CELLS = {
    "woz2": Cell("woz2:woz2", "train", "val", "test", "woz2/ontology_dstc2_en.json"),
    "sim-r": Cell("gsim:gsim/sim-R", "train", "dev", "test"),
    "sim-m": Cell("gsim:gsim/sim-M", "train", "dev", "test"),
    "multiwoz21": Cell("multiwoz21:multiwoz21", "val", "val", "test", "multiwoz21/ontology21.json"),
    "sgd": Cell("sgd:sgd", "train", "dev", "test", "schemas"),
}
LARGE = {"sgd": {"train": 400, "dev": 100, "test": 400}}
"""Dialogues of a part, evenly spread, unless --whole."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=list(FORMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--encoder", default="embedded")
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--set", nargs="*", default=[], metavar="TABLE.KEY=VALUE", help="override the recipe")
    parser.add_argument("--tag", default="", help="name of such an override in the results")
    parser.add_argument("--most", type=int, help="dialogues of each part, evenly spread; for a trial")
    parser.add_argument("--whole", action="store_true", help="all dialogues of large corpora too")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "state.json")
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.cells:
        for form in arguments.forms:
            for seed in arguments.seeds:
                whole = "-whole" if arguments.whole and name in LARGE else ""
                on = "dev-" if arguments.on == "dev" else ""
                title = f"{on}{name}{whole}-{form}{arguments.tag}-{seed}"
                _cells.compute(
                    arguments.output, title, partial(run, name, form, seed, arguments), again=arguments.again
                )


def run(name: str, form: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit on train, choose the epoch on dev, measure on test."""
    train, dev, test = parts(name, arguments)
    measured = (train, dev, dev if arguments.on == "dev" else test)
    tables = _data.tables_of(arguments.set)
    return measure(name, form, measured, arguments.encoder, seed, tables) | (
        {"set": arguments.set} if arguments.set else {}
    )


def measure(
    name: str, form: str, parts: Parts, encoder: str, seed: int, tables: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Fit on the first part, choose the epoch on the second, measure on the third."""
    cell = CELLS[name]
    train, dev, test = parts
    with tempfile.TemporaryDirectory() as folder:
        parameters: dict[str, Any] = dict(ontology_of(cell, Path(folder)))
        if cell.ontology == "schemas":
            parameters["known_domains"] = True
        given = {
            **tables,
            "parameters": {**parameters, **tables.get("parameters", {})},
            "training": {"seed": seed, **tables.get("training", {})},
        }
        fitting = task_recipe(FORMS[form], given)
        start = time.perf_counter()
        model = fit_task(train, Encoder.load(encoder), fitting, dev=dev)
        seconds = time.perf_counter() - start
    start = time.perf_counter()
    found = model.evaluate(test)
    measuring = time.perf_counter() - start
    print(f"  joint accuracy {found['joint_accuracy']:.4f}; a picklist's ceiling is {found['ceiling']:.4f}", flush=True)
    keys = ("n", "dialogues", "joint_accuracy", "slot_accuracy", "filled_accuracy", "ceiling", "intervals", "slots")
    return {
        **{key: found[key] for key in keys if key in found},
        "unknown_values": found["unknown_values"]["number"],
        "dev": model.facts["held_out"],
        "epochs": [epoch["quality"] for epoch in model.facts["epochs"]],
        "train": len(train),
        "dev_dialogues": len(dev),
        "seconds": seconds,
        "turns_a_second": found["n"] / measuring,
        "parameters": {key: value for key, value in parameters.items() if key != "ontology"},
        "ontology": cell.ontology,
        "encoder": encoder,
    }


def parts(name: str, arguments: argparse.Namespace) -> tuple[list[Dialogue], list[Dialogue], list[Dialogue]]:
    """Train, dev and test dialogues; of one split for both train and dev, every fifth one is dev."""
    cell = CELLS[name]
    limits = {} if arguments.whole else LARGE.get(name, {})
    found = [read(cell, split) for split in (cell.train, cell.dev, cell.test)]
    if cell.train == cell.dev:
        found[:2] = [one for at, one in enumerate(found[0]) if at % 5], found[0][::5]
    wanted = [arguments.most or limits.get(part) for part in ("train", "dev", "test")]
    train, dev, test = (spread(one, most) for one, most in zip(found, wanted, strict=True))
    return train, dev, test


def read(cell: Cell, split: str) -> list[Dialogue]:
    reader, _, path = cell.source.partition(":")
    return list(read_corpus(f"{reader}:{_data.data_folder() / path}@{split}"))


def spread(dialogues: Sequence[Dialogue], most: int | None) -> list[Dialogue]:
    """At most so many dialogues, evenly spread over the corpus."""
    if most is None or len(dialogues) <= most:
        return list(dialogues)
    return [dialogues[at * len(dialogues) // most] for at in range(most)]


def ontology_of(cell: Cell, folder: Path) -> dict[str, str]:
    """The parameter that names the file of an ontology, where the corpus has one."""
    if cell.ontology is None:
        return {}
    if cell.ontology != "schemas":
        return {"ontology": str(_data.data_folder() / cell.ontology)}
    services: dict[str, Any] = {}
    for split in ("train", "dev", "test"):
        schema = load_json(_data.data_folder() / "sgd" / split / "schema.json")
        assert isinstance(schema, list)
        services |= {service["service_name"]: service for service in schema}
    path = folder / "schema.json"
    path.write_text(json.dumps(list(services.values())), encoding="utf-8")
    return {"ontology": str(path)}


if __name__ == "__main__":
    main()
