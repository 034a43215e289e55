"""Personal data: the model alone, the rules alone, and both, on the sample corpus and Presidio's synthetic texts.

    python benchmarks/pii.py --list
    python benchmarks/pii.py --cells sample/share-100 presidio/share-100 --seeds 0 1 2
    python benchmarks/pii.py --draw

A cell CORPUS/share-N is one fit on N % of the training dialogues (drawn with the seed, fewer being part of more); the
dev dialogues, the same for every share, choose the epoch. ``sample`` is the sample corpus as it is split, ``presidio``
the synthetic texts, whose train, dev and test share no template. ``presidio_mixed`` are the same texts split at random,
7 : 1 : 2, so that each template is in every part: easier, and no measure of texts of another kind. ``--on dev``
measures the dev part, which is where choices of the recipe are made. Results: results/pii.json, and a drawing of F1 by
share, results/pii.html.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import _cells
import _data
import _shares
from _dialogue_tables import SIDES
from _task_data import Parts, drawn, read
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.tasks.fit import Fitting, fit_task
from turnwise.tasks.model import TaskModel
from turnwise.tasks.pii.rules import by_rules, together
from turnwise.tasks.pii.task import Pii
from turnwise.tasks.recipes import task_recipe

SHARES = (5, 10, 20, 50, 100)
CORPORA = ("sample", "presidio", "presidio_mixed")
_PRESIDIO = "presidio:presidio_synth"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=[], metavar="CORPUS[/share-N]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--steps", type=int, help="stop training after so many, to see that it runs")
    parser.add_argument("--encoder", default="embedded", help="embedded, or an encoder folder")
    parser.add_argument("--tag", default="", help="name of such an encoder in the results")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "pii.json")
    parser.add_argument("--draw", action="store_true", help="only draw the curves again")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print(*(f"{corpus}/share-{share}" for corpus in CORPORA for share in SHARES), sep="\n")
        return
    for cell in [] if arguments.draw else arguments.cells:
        corpus, _, share = cell.partition("/share-")
        if corpus not in CORPORA or (share and share not in map(str, SHARES)):
            parser.error(f"there is no cell {cell}; --list shows them")
        for number in [int(share)] if share else SHARES:
            for seed in arguments.seeds:
                name = f"{arguments.on}/{corpus}{arguments.tag}/share-{number}/{seed}"
                _cells.compute(
                    arguments.output, name, lambda c=corpus, n=number, s=seed: run(parts(c), n, s, arguments)
                )
    draw(arguments.output)


def parts(corpus: str) -> Parts:
    """Train, dev and test dialogues."""
    if corpus == "presidio_mixed":
        mixed = drawn(read(f"{_PRESIDIO}@all"), None, seed=1)
        first, second = round(0.2 * len(mixed)), round(0.3 * len(mixed))
        return mixed[second:], mixed[first:second], mixed[:first]
    spec = "sample" if corpus == "sample" else _PRESIDIO
    return read(f"{spec}@train"), read(f"{spec}@dev"), read(f"{spec}@test")


def run(found: Parts, share: int, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit once, measure thrice."""
    train, dev, test = found
    taken = drawn(train, max(2, round(share * len(train) / 100)), seed=seed)
    training = {"seed": seed} | ({} if arguments.steps is None else {"steps": arguments.steps})
    recipe: Fitting = task_recipe("pii", {"training": training})
    start = time.perf_counter()
    model = fit_task(taken, Encoder.load(arguments.encoder), recipe, dev=dev)
    seconds = time.perf_counter() - start
    measured = dev if arguments.on == "dev" else test
    task = model.task
    assert isinstance(task, Pii)
    alone = TaskModel(replace(task, rules=False), model.encoder, model.head, model.learned)
    start = time.perf_counter()
    both = model.evaluate(measured)
    taking = time.perf_counter() - start
    return {
        "f1": both["f1"],
        "both": both,
        "model": alone.evaluate(measured),
        "rules": task.measure(measured, ruled(measured, model.learned), model.learned, draws=1000, seed=0),
        "train": {"dialogues": len(taken), "examples": model.facts["examples"]},
        "dev": len(dev),
        "seconds": seconds,
        "seconds_to_measure": taking,
        "epochs": model.facts["epochs"],
        "steps": model.facts["steps"],
        "learned": model.learned,
        "settings": {"training": model.facts["training"], "input": model.facts["input"]},
    }


def draw(path: Path) -> None:
    """F1 of whole spans by the share of the labels, a chart a corpus with a curve for each of ``SIDES``."""
    curves: dict[str, dict[float, list[_shares.Cell]]] = {}
    for name, cell in _cells.read(path).items():
        on, corpus, share, _ = name.split("/")
        if on == "test":
            curves.setdefault(corpus, {}).setdefault(int(share.removeprefix("share-")), []).append(cell)
    _shares.write(
        path,
        [
            _shares.chart(
                f"Personal data, {corpus}",
                "F1 of whole spans (%)",
                {
                    words: _shares.line(
                        cells, lambda c, s=side: c[s]["f1"], lambda c: f"{c['train']['dialogues']:,} dialogues"
                    )
                    for side, words in SIDES.items()
                },
            )
            for corpus, cells in sorted(curves.items())
        ],
    )


def ruled(dialogues: Sequence[Dialogue], learned: dict[str, Any]) -> list[Dialogue]:
    """The dialogues with what the rules find, in the labels that the kinds had in training."""
    return [
        replace(
            dialogue,
            turns=tuple(
                replace(turn, spans={"pii": together([], *by_rules(dialogue, at, learned["rules"]))})
                for at, turn in enumerate(dialogue.turns)
            ),
        )
        for dialogue in dialogues
    ]


if __name__ == "__main__":
    main()
