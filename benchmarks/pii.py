"""Personal data: the model alone, the rules alone, and both, on the sample corpus and Presidio's synthetic texts.

    python benchmarks/pii.py --list
    python benchmarks/pii.py --cells sample/share-100 presidio/share-100 --seeds 0 1 2
    python benchmarks/pii.py --draw

A cell CORPUS/share-N is one fit on N % of the training dialogues (drawn with the seed, fewer being part of more); the
dev dialogues, the same for every share, choose the epoch. ``sample`` is the sample corpus as it is split, ``presidio``
the synthetic texts, whose train, dev and test share no template. ``presidio_mixed`` are the same texts split at random,
7 : 1 : 2, so that each template is in every part: easier, and no measure of texts of another kind. ``--on dev``
measures the dev part, which is where choices of the recipe are made; ``--set KEY=VALUE`` tries another value of a
parameter of the recipe there, under a ``--tag``. ``--conventions`` fits nothing: it counts how Presidio's texts mark
addresses, and measures true spans of which each address is marked whole, as most training templates have it. Results:
results/pii.json, and a drawing of F1 by share, results/pii.html.
"""

import argparse
import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import _cells
import _data
import _shares
from _dialogue_tables import SIDES
from _task_data import Parts, drawn, read
from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.encoder import Encoder
from turnwise.tasks.fit import Fitting, fit_task
from turnwise.tasks.model import TaskModel
from turnwise.tasks.pii.measure import measure_spans
from turnwise.tasks.pii.rules import by_rules, together
from turnwise.tasks.pii.task import Pii
from turnwise.tasks.recipes import task_recipe

SHARES = (5, 10, 20, 50, 100)
CORPORA = ("sample", "presidio", "presidio_mixed")
_PRESIDIO = "presidio:presidio_synth"
_PARTS = ("train", "dev", "test")
_OF_ADDRESSES = frozenset(("STREET_ADDRESS", "GPE", "ZIP_CODE"))
_BETWEEN = re.compile(r"[\s,>?]*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=[], metavar="CORPUS[/share-N]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--on", nargs="+", choices=("test", "dev"), default=["test"])
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="parameters of the recipe, as JSON")
    parser.add_argument("--conventions", action="store_true", help="only count how addresses are marked")
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
    if arguments.conventions:
        for on in arguments.on:
            _cells.compute(arguments.output, f"conventions/{on}", lambda on=on: conventions(on))
    for cell in [] if arguments.draw else arguments.cells:
        corpus, _, share = cell.partition("/share-")
        if corpus not in CORPORA or (share and share not in map(str, SHARES)):
            parser.error(f"there is no cell {cell}; --list shows them")
        for number in [int(share)] if share else SHARES:
            for seed in arguments.seeds:
                found = cache(lambda c=corpus, n=number, s=seed: fitted(parts(c), n, s, arguments))
                for on in arguments.on:
                    name = f"{on}/{corpus}{arguments.tag}/share-{number}/{seed}"
                    _cells.compute(
                        arguments.output,
                        name,
                        lambda c=corpus, f=found, on=on: measured(f(), parts(c)[_PARTS.index(on)]),
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


def fitted(found: Parts, share: int, seed: int, arguments: argparse.Namespace) -> tuple[TaskModel, dict[str, Any]]:
    """A fit, and what is told of it."""
    train, dev, _ = found
    taken = drawn(train, max(2, round(share * len(train) / 100)), seed=seed)
    training = {"seed": seed} | ({} if arguments.steps is None else {"steps": arguments.steps})
    chosen = {key: json.loads(value) for key, _, value in (item.partition("=") for item in arguments.set)}
    recipe: Fitting = task_recipe("pii", {"training": training, "parameters": chosen})
    start = time.perf_counter()
    model = fit_task(taken, Encoder.load(arguments.encoder), recipe, dev=dev)
    return model, {
        "train": {"dialogues": len(taken), "examples": model.facts["examples"]},
        "dev": len(dev),
        "seconds": time.perf_counter() - start,
        "epochs": model.facts["epochs"],
        "steps": model.facts["steps"],
        "learned": model.learned,
        "settings": {
            "task": asdict(model.task),  # type: ignore[call-overload]
            "training": model.facts["training"],
            "input": model.facts["input"],
        },
    }


def measured(fit: tuple[TaskModel, dict[str, Any]], given: Sequence[Dialogue]) -> dict[str, Any]:
    """Model and rules, the model, the rules."""
    model, told = fit
    task = model.task
    assert isinstance(task, Pii)
    alone = TaskModel(replace(task, rules=False), model.encoder, model.head, model.learned)
    start = time.perf_counter()
    both = model.evaluate(given)
    taking = time.perf_counter() - start
    return {
        "f1": both["f1"],
        "both": both,
        "model": alone.evaluate(given),
        "rules": task.measure(given, ruled(given, model.learned), model.learned, draws=1000, seed=0),
        **told,
        "seconds_to_measure": taking,
    }


def conventions(on: str) -> dict[str, Any]:
    """How addresses are marked in the training texts, and the true spans of ``on`` with each address marked whole."""
    train, given = read(f"{_PRESIDIO}@train"), read(f"{_PRESIDIO}@{on}")
    counts = {}
    for name, dialogues in (("train", train), (on, given)):
        kinds = [(len(one) > 1, d.labels["template"]) for d in dialogues for one in addresses(d.turns[0])]
        counts[name] = {
            "whole": sum(not pieces for pieces, _ in kinds),
            "in_pieces": sum(pieces for pieces, _ in kinds),
            "templates_whole": len({template for pieces, template in kinds if not pieces}),
            "templates_in_pieces": len({template for pieces, template in kinds if pieces}),
        }
    answered = [replace(d, turns=(whole(d.turns[0]),)) for d in given]
    return {"addresses": counts, "whole": measure_spans(given, answered, "pii", draws=1000, seed=0)}


def addresses(turn: Turn) -> list[list[Span]]:
    """The spans of each address: those of its kinds that only blanks, commas and signs of quotation part."""
    found: list[list[Span]] = []
    for span in sorted(turn.spans["pii"], key=lambda span: span.start):
        if span.label not in _OF_ADDRESSES:
            continue
        if found and _BETWEEN.fullmatch(turn.text[found[-1][-1].end : span.start]):
            found[-1].append(span)
        else:
            found.append([span])
    return [one for one in found if any(span.label == "STREET_ADDRESS" for span in one)]


def whole(turn: Turn) -> Turn:
    """The turn with each address as one span."""
    found = addresses(turn)
    parts = {span for one in found for span in one}
    spans = [span for span in turn.spans["pii"] if span not in parts]
    spans += [Span(one[0].start, one[-1].end, "STREET_ADDRESS") for one in found]
    return replace(turn, spans={"pii": tuple(sorted(spans, key=lambda span: span.start))})


def draw(path: Path) -> None:
    """F1 of whole spans by the share of the labels, a chart a corpus with a curve for each of ``SIDES``."""
    curves: dict[str, dict[float, list[_shares.Cell]]] = {}
    for name, cell in _cells.read(path).items():
        on, corpus, *share = name.split("/")
        if on == "test":
            curves.setdefault(corpus, {}).setdefault(int(share[0].removeprefix("share-")), []).append(cell)
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
