"""DSDF's INT on CLINC150 with out-of-scope: one intent an utterance or none, by softmax and by similarity.

    python benchmarks/dsdf_intent.py --cells softmax similarity --seeds 0 1 2
    python benchmarks/dsdf_intent.py --on dev --shots 20 --set training.learning_rate=2e-4 --output /tmp/try.json

Trained on the 15,000 utterances of train and the 100 out-of-scope ones; val and its 100 out-of-scope ones choose the
epoch of softmax, calibrate, and choose the threshold with the most right answers; test (4,500 and 1,000) measures, a
second time without the threshold, when a text is out of scope that is nearest to the out-of-scope examples.
``--on dev`` measures on val instead, which is where choices of the recipe are made. The four figures are those of
DSDF's tables: accuracy over all 5,500, accuracy of the in-scope ones, whether each of the 5,500 is rightly told in or
out, and the recall of out of scope. Results: results/dsdf_intent.json.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import _cells
import _data
from turnwise.corpora import read_corpus
from turnwise.encoder import Encoder
from turnwise.metrics import intent_metrics
from turnwise.tasks.intent.examples import Utterance, mean_shots, shots, utterances
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.model import IntentModel
from turnwise.tasks.intent.recipes import CLASSIFIERS, classifier_recipe, intent_recipe

FIGURES = ("accuracy_all", "in_scope_accuracy", "in_out_accuracy", "oos_recall")
KEYS = (*FIGURES, "oos_precision", "macro_f1", "ece", "oos_auroc", "n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=list(CLASSIFIERS), choices=CLASSIFIERS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--shots", type=int, help="so many utterances an intent, for trying things out")
    parser.add_argument("--set", nargs="*", default=[], metavar="TABLE.KEY=VALUE", help="override the recipe")
    parser.add_argument("--encoder", default="embedded", help="embedded, or an encoder folder")
    parser.add_argument("--tag", default="", help="name of such an encoder or override in the results")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "dsdf_intent.json")
    arguments = parser.parse_args()
    for classifier in arguments.cells:
        for seed in arguments.seeds:
            name = f"{arguments.on}/{classifier}{arguments.tag}/{seed}"
            _cells.compute(arguments.output, name, lambda c=classifier, s=seed: run(c, s, arguments))


def part(name: str) -> list[Utterance]:
    """A part of data_full and its out-of-scope utterances."""
    folder = _data.data_folder() / "clinc150"
    return [found for split in (name, f"oos_{name}") for found in utterances(read_corpus(f"clinc150:{folder}@{split}"))]


def run(classifier: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit with one seed and measure."""
    train, dev = part("train"), part("val")
    if arguments.shots is not None:
        train = shots(train, arguments.shots, 0)
    measured = dev if arguments.on == "dev" else part("test")
    return measure(classifier, (train, dev, measured), arguments.encoder, seed, _data.tables_of(arguments.set))


def measure(
    classifier: str,
    parts: tuple[Sequence[Utterance], Sequence[Utterance], Sequence[Utterance]],
    encoder: str,
    seed: int,
    tables: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Fit on the first part, choose on the second, measure on the third, also without the threshold of the second."""
    train, dev, measured = parts
    start = time.perf_counter()
    model = fit(classifier, train, dev, encoder, seed, tables)
    seconds = time.perf_counter() - start
    metrics = intent_metrics(model.outcomes(measured)[0])
    threshold = model.calibration.threshold
    model.reject(None)
    second = intent_metrics(model.outcomes(measured)[0], draws=0)
    return {
        **{key: metrics[key] for key in KEYS},
        "intervals": {key: metrics["intervals"][key] for key in FIGURES},
        "threshold": threshold,
        "without_threshold": {key: second[key] for key in KEYS},
        "seconds": seconds,
        "train": len(train),
        "steps": model.facts["steps"],
        "recipe": model.facts["recipe"],
    }


def fit(
    classifier: str,
    train: Sequence[Utterance],
    dev: Sequence[Utterance],
    encoder: str,
    seed: int,
    tables: Mapping[str, Mapping[str, Any]],
) -> IntentModel:
    """The recipe of the classifier, with ``tables`` in place of its own; ``encoder`` is embedded or a folder."""
    tables = {**tables, "training": {"seed": seed, **tables.get("training", {})}}
    recipe = intent_recipe(classifier_recipe(classifier), shots=mean_shots(train), overrides=tables)
    return fit_intent(train, Encoder.load(encoder), recipe, dev=dev)


if __name__ == "__main__":
    main()
