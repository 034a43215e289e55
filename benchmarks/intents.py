"""Intent accuracy on BANKING77, CLINC150 and HWU64: 10-shot, 30-shot, full; ours and every variant of ConvFiT.

    python benchmarks/intents.py --cells default-10 default-30 default-full
    python benchmarks/intents.py --list

Each cell is kept in results/intents.json as soon as it is done, and skipped when it is there.
``--on dev`` fits on training data without the dev texts and measures on dev: that is where choices are made.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import _cells
import _data
from turnwise.encoder import Encoder
from turnwise.metrics import intent_metrics
from turnwise.tasks.intent.baselines import fit_logistic, fit_mlp
from turnwise.tasks.intent.examples import Utterance, mean_shots
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.recipes import intent_recipe

# name: recipe, overrides, encoder. "stage1" and "random-stage1" are folders that --stage1 names.
VARIANTS: dict[str, tuple[str, dict[str, dict[str, Any]], str]] = {
    "default": ("intent", {}, "embedded"),
    "default-s1": ("intent", {}, "stage1"),
    "thorough": ("intent-thorough", {}, "embedded"),
    "no-names": ("intent", {"fitting": {"label_names": ()}}, "embedded"),
    "1nn": ("intent", {"inference": {"neighbours": 1, "prototypes": 0.0, "directions": 0.0}}, "embedded"),
    "random": ("intent", {}, "random"),
    "frozen": ("frozen", {}, "embedded"),
    "frozen-s1": ("frozen", {}, "stage1"),
    "logistic": ("logistic", {}, "embedded"),
    "mlp": ("mlp", {}, "embedded"),
    "mlp-s1": ("mlp", {}, "stage1"),
    **{
        f"{loss}{tail}": (f"convfit-{loss}", {}, encoder)
        for loss in ("smax", "cos", "ocl")
        for tail, encoder in (
            ("", "embedded"),
            ("-s1", "stage1"),
            ("-random", "random"),
            ("-random-s1", "random-stage1"),
        )
    },
}
SIZES = ("10", "30", "full", "all")
EPOCHS = {"clinc": 0.25}
"""Of the pair recipes; 1 elsewhere. CLINC150 has twice the pairs of BANKING77."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=["default-10"], help="VARIANT-SIZE, sizes: 10, 30, full, all")
    parser.add_argument("--datasets", nargs="+", default=list(_data.DATASETS), choices=_data.DATASETS)
    parser.add_argument("--samples", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--stage1", type=Path, help="encoder folder for the -s1 variants")
    parser.add_argument("--random-stage1", type=Path, help="encoder folder for the -random-s1 variants")
    parser.add_argument("--set", nargs="*", default=[], metavar="TABLE.KEY=VALUE", help="override the recipe")
    parser.add_argument("--tag", default="", help="name of such an override in the results")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "intents.json")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print(*(f"{variant}-{size}" for variant in VARIANTS for size in SIZES), sep="\n")
        return
    for cell in arguments.cells:
        variant, _, size = cell.rpartition("-")
        if variant not in VARIANTS or size not in SIZES:
            parser.error(f"there is no cell {cell}; --list shows them")
        for dataset in arguments.datasets:
            for number in arguments.samples:
                name = f"{arguments.on}/{dataset}/{size}/{variant}{arguments.tag}/{number}"
                _cells.compute(
                    arguments.output, name, lambda d=dataset, v=variant, s=size, n=number: run(d, v, s, n, arguments)
                )


def run(dataset: str, variant: str, size: str, number: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit and measure one cell."""
    train = training(dataset, size, number, on=arguments.on)
    test = _data.dev(dataset) if arguments.on == "dev" else _data.split(dataset, "test")
    recipe_name, overrides, encoder_name = VARIANTS[variant]
    encoder = load(encoder_name, number, arguments)
    start = time.perf_counter()
    if recipe_name in ("logistic", "mlp"):
        predict = (fit_logistic if recipe_name == "logistic" else fit_mlp)(train, encoder, seed=number)
        seconds = time.perf_counter() - start
        predicted = predict([utterance.text for utterance in test])
        right = [name in utterance.labels for name, utterance in zip(predicted, test, strict=True)]
        return {"accuracy": float(np.mean(right)), "seconds": seconds, "n": len(test), "train": len(train)}
    tables = {section: dict(values) for section, values in overrides.items()}
    tables.setdefault("training", {})["seed"] = number
    if recipe_name.startswith("convfit-"):
        tables["training"]["epochs"] = EPOCHS.get(dataset, 1.0)
    for item in arguments.set:
        key, _, value = item.partition("=")
        section, _, key = key.partition(".")
        tables.setdefault(section, {})[key] = float(value) if "." in value or "e" in value else int(value)
    recipe = intent_recipe(recipe_name, shots=mean_shots(train), overrides=tables)
    sentences = 0

    def count(_: str, step: Any) -> None:
        nonlocal sentences
        sentences += step.sentences

    model = fit_intent(train, encoder, recipe, on_step=count)
    seconds = time.perf_counter() - start
    outcomes, _ = model.outcomes(test)
    metrics = intent_metrics(outcomes)
    probe = {name: metrics[name] for name in ("accuracy", "macro_f1", "ece", "n")}
    return probe | {
        "interval": metrics["intervals"]["accuracy"],
        "seconds": seconds,
        "train": len(train),
        "sentences": sentences,
        "heads": heads(model, test),
        "held_out": platt(outcomes) if arguments.on == "dev" else None,
        "recipe": model.facts["recipe"],
    }


def heads(model: Any, test: list[Utterance]) -> dict[str, float]:
    """Accuracy of each way to infer, on the same space."""
    from dataclasses import replace

    vectors = model.vectors([utterance.text for utterance in test])
    found = {}
    ways = {"1nn": (1, 1, 0, 0), "votes": (None, 1, 0, 0), "prototypes": (None, 0, 1, 0), "directions": (None, 0, 0, 1)}
    before = model.inference
    for name, (k, votes, prototypes, directions) in ways.items():
        if directions and not model.directions:
            continue
        model.inference = replace(
            before, neighbours=k, votes=float(votes), prototypes=float(prototypes), directions=float(directions)
        )
        best = model.scores(vectors)[:, : len(model.labels)].argmax(1)
        right = [model.labels[column] in utterance.labels for column, utterance in zip(best, test, strict=True)]
        found[name] = float(np.mean(right))
    model.inference = before
    return found


def platt(outcomes: list[Any]) -> dict[str, list[float]]:
    """Scores and whether they were right: what the recipe's calibration constants are fitted to."""
    return {
        "top": [round(float(o.in_scope_score), 4) for o in outcomes],
        "right": [int(o.best[0] in o.gold) for o in outcomes],
    }


def training(dataset: str, size: str, number: int, *, on: str) -> list[Utterance]:
    """The utterances of a size; ``full`` is train.csv (without dev texts on dev), ``all`` adds the dev part."""
    if size == "full":
        return _data.train_without_dev(dataset) if on == "dev" else _data.split(dataset, "train")
    if size == "all":
        return _data.everything(dataset)
    return _data.sample(dataset, int(size), number, for_dev=on == "dev")


def load(name: str, seed: int, arguments: argparse.Namespace) -> Encoder:
    """The encoder of a variant."""
    if name == "random":
        return Encoder.random(seed=seed)
    if name in ("stage1", "random-stage1"):
        folder = arguments.stage1 if name == "stage1" else arguments.random_stage1
        if folder is None:
            raise SystemExit(f"error: this variant needs --{name} FOLDER; make it with: turnwise pretrain")
        return Encoder.load(folder)
    return Encoder.load(name)


if __name__ == "__main__":
    main()
