"""Few-shot slots: RESTAURANTS-8K, the DSTC8 span sets and SNIPS, by size, beside what ConVEx published.

    python benchmarks/slots.py --list
    python benchmarks/slots.py --cells restaurants8k/64 dstc8/Buses_1/35 --variant default --seeds 0
    python benchmarks/slots.py --cells snips/1/0-100 --variant default
    python benchmarks/slots.py --cells speed/64 speed/snips-6 trainer/64 zero/restaurants8k

A cell restaurants8k/SIZE or dstc8/DOMAIN/SIZE is one fit on the published training file of that size, measured on the
test file (of RentalCars_1, whose test file is not there, on a fifth of its training file that is held out). With
``--on dev`` the test file is not read: 700 sentences of the largest training file that are in none of the smaller ones
are measured, which is where choices are made. A cell snips/FOLD/FROM-TO is a decoder trained on the slots of the other
domains, with their names in the template, and then fitted to each episode (recipe slots-named); each episode is kept as
it is done. With ``--on dev`` episodes are drawn from training sentences of folds 4 and 5, which have no published ones.
``zero/CORPUS`` extracts without training: the pre-trained decoder with the sentence as its own template. ``named/FOLD``
asks the decoder that learned the other domains of SNIPS for the slots of a fold by their names, without an example.
``VARIANTS`` says what is compared. Results: results/slots.json, and as pictures slots.html.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import _cells
import _data
import _slot_picture
import _slot_runs as runs
from _task_data import read
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.tasks.slots.fit import fit_slots
from turnwise.tasks.slots.recipe import SlotsFitting, slots_recipe

SIZES = {"restaurants8k": (8198, 4099, 2049, 1024, 512, 256, 128, 64, 32)}
DSTC8 = {
    "Buses_1": (1133, 566, 283, 141, 70, 35),
    "Events_1": (1498, 749, 374, 187, 93, 47),
    "Homes_1": (2064, 1032, 516, 258, 129, 65),
    "RentalCars_1": (874, 437, 218, 109, 54, 27),
}
FOLDS = {1: "GetWeather", 2: "PlayMusic", 3: "AddToPlaylist", 6: "BookRestaurant", 7: "SearchCreativeWork"}
VARIANTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "default": ("slots", {}, {}),
    "average": ("slots", {"average": True}, {}),
    "one": ("slots", {"members": 1}, {}),
    "random": ("slots", {"decoder": "random"}, {}),
    "convex": ("convex", {}, {}),
    "convex-ensemble": ("convex", {"members": 3}, {}),
    "convex-random": ("convex", {"decoder": "random"}, {}),
    "scratch": ("slots", {"decoder": "random"}, {}),
}
"""By name: a recipe, and what is changed of its parameters and training. ``scratch`` is the CNN and CRF of
Span-ConveRT over the same states."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=[], metavar="CELL")
    parser.add_argument("--variant", choices=tuple(VARIANTS), default="default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--decoder", help="a decoder folder instead of the recipe's")
    parser.add_argument("--tag", default="", help="name of such a decoder or change in the results")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="change the training")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "slots.json")
    parser.add_argument("--again", action="store_true", help="compute cells that are there already anew")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print(*names(), sep="\n")
        return
    plain = arguments.variant == "default" and not (arguments.decoder or arguments.tag or arguments.set)
    if not plain and any(cell.startswith(("snips/", "named/")) for cell in arguments.cells):
        parser.error("SNIPS has one recipe, slots-named; leave out --variant, --decoder, --tag and --set")
    encoder = Encoder.load()
    for cell in arguments.cells:
        for seed in arguments.seeds:
            variant = f"{arguments.variant}{arguments.tag}"
            if cell.startswith("snips/"):
                runs.snips(cell, seed, encoder, arguments.output, FOLDS, arguments.on)
                continue
            name = f"{arguments.on}/{variant}/{cell}/{seed}"
            _cells.compute(
                arguments.output,
                name,
                lambda c=cell, s=seed: one(c, fitting(arguments, s), encoder, arguments),
                again=arguments.again,
            )
    _slot_picture.draw(arguments.output)


def names() -> list[str]:
    """Every cell."""
    found = [f"restaurants8k/{size}" for size in SIZES["restaurants8k"]]
    found += [f"dstc8/{domain}/{size}" for domain, sizes in DSTC8.items() for size in sizes]
    found += [f"snips/{fold}/0-100" for fold in FOLDS]
    found += [f"named/{fold}" for fold in FOLDS]
    return [
        *found,
        "speed/64",
        "speed/8198",
        *(f"speed/snips-{fold}" for fold in FOLDS),
        "trainer/64",
        "trainer/512",
        "zero/restaurants8k",
    ]


def fitting(arguments: argparse.Namespace, seed: int) -> SlotsFitting:
    """The recipe of the variant."""
    recipe, parameters, training = VARIANTS[arguments.variant]
    parameters = dict(parameters) | ({"decoder": arguments.decoder} if arguments.decoder else {})
    changed: dict[str, Any] = {}
    for pair in arguments.set:
        key, _, text = pair.partition("=")
        number = float(text)
        changed[key] = int(number) if number.is_integer() and "." not in text and "e" not in text else number
    members = {key: changed.pop(key) for key in ("members", "residual") if key in changed}
    training = {"seed": seed, **training, **changed}
    return slots_recipe(recipe, {"parameters": parameters | members, "training": training})


def one(cell: str, recipe: SlotsFitting, encoder: Encoder, arguments: argparse.Namespace) -> dict[str, Any]:
    """One fit, one measurement."""
    kind, _, rest = cell.partition("/")
    if kind == "speed" and rest.startswith("snips-"):
        return runs.episode_seconds(rest.removeprefix("snips-"), recipe.training.seed, encoder, FOLDS)
    if kind == "speed":
        return runs.speed(int(rest), recipe, encoder)
    if kind == "trainer":
        train, test = parts(f"restaurants8k/{rest}", arguments.on)
        return runs.trainer(train, test, encoder, recipe.training.seed)
    if kind == "zero":
        return runs.zero(read(f"restaurants8k:restaurants8k@{arguments.on}"), recipe, encoder)
    if kind == "named":
        return runs.by_names(rest, recipe.training.seed, encoder, FOLDS, arguments.on)
    train, test = parts(cell, arguments.on)
    start = time.perf_counter()
    if arguments.variant == "scratch":
        model = runs.scratch(train, recipe, encoder)
    else:
        model = fit_slots(train, encoder, recipe)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    found = runs.measured(model, test)
    return {
        **found,
        "seconds": seconds,
        "seconds_to_measure": time.perf_counter() - start,
        "train": {"examples": len(train), "values": model.facts.get("values", {})},
        "recipe": {"decoder": recipe.slots.decoder if not arguments.decoder else arguments.tag or "folder"},
    }


def parts(cell: str, on: str) -> tuple[list[Dialogue], list[Dialogue]]:
    """Training sentences, and those to measure."""
    corpus, *middle, size = cell.split("/")
    domain = middle[0] if middle else ""
    sizes = DSTC8[domain] if domain else SIZES[corpus]
    place = f"dstc8_spans:dstc8_spans/{domain}" if domain else f"{corpus}:{corpus}"
    train = read(f"{place}@train_{sizes.index(int(size))}")
    if on == "test" and domain != "RentalCars_1":
        return train, read(f"{place}@test")
    held = fifth(read(f"{place}@train_0"))
    if on == "dev":
        smaller = {d.turns[0].text for d in read(f"{place}@train_{4 if corpus == 'restaurants8k' else 2}")}
        held = [d for d in read(f"{place}@train_0") if d.turns[0].text not in smaller][:700]
    texts = {dialogue.turns[0].text for dialogue in held}
    return [dialogue for dialogue in train if dialogue.turns[0].text not in texts], held


def fifth(dialogues: Sequence[Dialogue]) -> list[Dialogue]:
    """Every fifth one."""
    return [replace(dialogue) for dialogue in dialogues[::5]]


if __name__ == "__main__":
    main()
