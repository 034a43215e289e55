"""Response selection: R100@1 and R100@3 on the test dialogues of GSIM, DSTC2 and MultiWOZ.

    python benchmarks/selection.py                                   # every corpus, three seeds
    python benchmarks/selection.py --cells gsim --seeds 0            # one cell
    python benchmarks/selection.py --encoders mix=runs/adapted-mix   # from an encoder adapted to conversations
    python benchmarks/selection.py --cells dstc2 --seeds 0 --on dev --set parameters.batch_size=256 --tag=-256
    python benchmarks/selection.py --cells dstc2 --seeds 0 --models runs   # measures runs/CORPUS-ENCODER-SEED, if there

Fitted with the recipe selection on the training part; the best epoch is chosen on the dev part. ``--on dev`` measures
there too, which is where choices of the recipe are made. With ``--models FOLDER`` each fitted model is kept there, and
one that is there is measured, so that dev and test need one fit. Batches of exactly 100
responses are drawn with five seeds and the last one is dropped; of MultiWOZ the single-domain dialogues of the training
list are learned from, those of 2.1's val and test lists measure. In DSTC2 a third of the responses have a twin in their
batch: ``r100@1`` counts a twin as before the right one, ``r100@1_merged`` counts it as the same.
Results: results/selection.json, a cell CORPUS/ENCODER/SEED, or dev/CORPUS/ENCODER/SEED.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import _cells
import _data
from _task_data import Parts
from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.tasks.response_recipes import selection_recipe
from turnwise.tasks.selection import load_selection
from turnwise.tasks.selection_fit import fit_selection

CORPORA = {
    "gsim": {
        "train": ("gsim:gsim/sim-M@train", "gsim:gsim/sim-R@train"),
        "dev": ("gsim:gsim/sim-M@dev", "gsim:gsim/sim-R@dev"),
        "test": ("gsim:gsim/sim-M@test", "gsim:gsim/sim-R@test"),
    },
    "dstc2": {part: (f"dstc2_text:dstc2_text@{part}",) for part in ("train", "dev", "test")},
    "multiwoz": {
        "train": ("multiwoz_single:multiwoz_single_domain_dstc8@train",),
        "dev": ("multiwoz21:multiwoz21@val",),
        "test": ("multiwoz21:multiwoz21@test",),
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=list(CORPORA), choices=CORPORA)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--encoders", nargs="+", default=["embedded"], help="embedded, or NAME=FOLDER")
    parser.add_argument("--steps", type=int, help="stop training after so many steps")
    parser.add_argument("--limit", type=int, help="take so many dialogues of each part")
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--set", nargs="*", default=[], metavar="TABLE.KEY=VALUE", help="override the recipe")
    parser.add_argument("--tag", default="", help="name of such an override in the results")
    parser.add_argument("--models", type=Path, help="a folder that keeps the fitted models")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "selection.json")
    arguments = parser.parse_args()
    for corpus in arguments.cells:
        for encoder in arguments.encoders:
            name, _, folder = encoder.partition("=")
            for seed in arguments.seeds:
                _cells.compute(
                    arguments.output,
                    f"{'dev/' if arguments.on == 'dev' else ''}{corpus}/{name}{arguments.tag}/{seed}",
                    lambda c=corpus, f=folder or name, s=seed: run(c, f, s, arguments),
                )


def part(corpus: str, name: str, limit: int | None) -> list[Dialogue]:
    """The dialogues of a part; each of its corpora is cut to ``limit``."""
    folder = _data.data_folder()
    return [
        dialogue
        for spec in CORPORA[corpus][name]
        for dialogue in list(read_corpus(spec.replace(":", f":{folder}/", 1)))[:limit]
    ]


def run(corpus: str, encoder: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """A cell: all dialogues, or so many of each corpus of each part."""
    tables = _data.tables_of(arguments.set)
    if arguments.steps is not None:
        tables["training"] = {**tables.get("training", {}), "steps": arguments.steps}
    train, dev = (part(corpus, name, arguments.limit) for name in ("train", "dev"))
    test = dev if arguments.on == "dev" else part(corpus, "test", arguments.limit)
    name = f"{corpus}-{encoder.replace('/', '-')}{arguments.tag}-{seed}"
    place = None if arguments.models is None else arguments.models / name
    found = measure((train, dev, test), encoder, seed, tables, place)
    return found | ({"set": arguments.set} if arguments.set else {})


def measure(
    parts: Parts, encoder: str, seed: int, tables: Mapping[str, Mapping[str, Any]], place: Path | None = None
) -> dict[str, Any]:
    """Fit on the first part, choose the epoch on the second, measure on the third; ``place`` keeps the model."""
    train, dev, test = parts
    if place is not None and place.is_dir():
        model = load_selection(place)
    else:
        fitting = selection_recipe(overrides={**tables, "training": {"seed": seed, **tables.get("training", {})}})
        start = time.perf_counter()
        model = fit_selection(train, Encoder.load(encoder), fitting, dev=dev)
        model.facts["seconds"] = time.perf_counter() - start
        if place is not None:
            model.save(place)
    found = model.evaluate(test)
    kept = {key: model.facts[key] for key in ("dialogues", "examples", "epochs", "steps", "encoder")}
    own = {"share": model.retriever.share, "seconds": model.facts.get("seconds")}
    return {**_cells.kept(found), "fitted": kept, **own}


if __name__ == "__main__":
    main()
