"""NLU++, several intents an utterance: fitted on one fold of about 100 (banking) or 50 (hotels), measured on the rest.

    python benchmarks/nlupp.py

The protocol of the data set's low-data setting, over the folds that --folds names. The threshold above which an
intent is given is the recipe's; the best one for these test folds is not looked for. Results: results/nlupp.json.
"""

import argparse
import time
from typing import Any

import _cells
import _data
from turnwise.corpora import read_corpus
from turnwise.encoder import Encoder
from turnwise.metrics import intent_metrics
from turnwise.tasks.intent.examples import Utterance, mean_shots, utterances
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.recipes import intent_recipe

DOMAINS = ("banking", "hotels")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--domains", nargs="+", default=list(DOMAINS), choices=DOMAINS)
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2], help="each is trained on by itself")
    arguments = parser.parse_args()
    path = _data.RESULTS / "nlupp.json"
    for domain in arguments.domains:
        for fold in arguments.folds:
            _cells.compute(path, f"{domain}, fold {fold}", lambda d=domain, f=fold: run(d, f))


def part(domain: str, split: str) -> list[Utterance]:
    """The utterances of a fold, or of all others (``not_foldN``)."""
    return utterances(read_corpus(f"nlupp:{_data.data_folder() / 'nlupp' / domain}@{split}"))


def run(domain: str, fold: int) -> dict[str, Any]:
    """Fit on one fold, measure on the other nineteen."""
    train, test = part(domain, f"fold{fold}"), part(domain, f"not_fold{fold}")
    start = time.perf_counter()
    recipe = intent_recipe(shots=mean_shots(train), overrides={"training": {"seed": fold}})
    model = fit_intent(train, Encoder.load(), recipe)
    seconds = time.perf_counter() - start
    metrics = intent_metrics(model.outcomes(test)[0])
    keys = ("micro_f1", "exact_match", "macro_f1", "n")
    return {
        **{key: metrics[key] for key in keys},
        "label_threshold": model.decision.label_threshold,
        "train": len(train),
        "seconds": seconds,
    }


if __name__ == "__main__":
    main()
