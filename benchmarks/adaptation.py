"""Does further pre-training help few-shot intents? Encoders adapted to conversations, then fitted to 5 and 10 shots.

    python benchmarks/adaptation.py adapt            # the encoders, up to --minutes each, kept in runs/
    python benchmarks/adaptation.py few-shot         # BANKING77, CLINC150 and HWU64 with each of them

``mlm`` and ``mix`` are adapted to task-oriented corpora, the training part of those that come in parts; that of the
single-domain MultiWOZ set has no dialogue of MultiWOZ 2.1's val and test lists. Frames, MSR-E2E, STAR and Taskmaster
are read whole, so nothing on them is measured from these encoders. ``own-DATASET`` is adapted by MLM to the
utterances of that data set's own training part without their labels, as users have them.
Results: results/adaptation.json.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

import _cells
import _data
from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue, utterance
from turnwise.encoder import Encoder
from turnwise.objectives.masked_lm import MaskedLM
from turnwise.objectives.response_matching import ResponseMatching
from turnwise.objectives.response_ranking import ResponseRanking
from turnwise.objectives.whole_dialogue import WholeDialogue
from turnwise.pretraining import Held, Input, Pretraining, pretrain
from turnwise.tasks.intent.examples import mean_shots
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.recipes import intent_recipe
from turnwise.training import Settings, Step

CORPORA = (
    "sgd:sgd@train",
    "sgd:sgd@challenge_train",
    "multiwoz_single:multiwoz_single_domain_dstc8@train",
    "gsim:gsim/sim-M@train",
    "gsim:gsim/sim-R@train",
    "woz2:woz2@train",
    "camrest676:camrest676@train",
    "frames:frames@all",
    "msre2e:msre2e@all",
    "smd:smd@train",
    "star:star@complete",
    "taskmaster4:taskmaster4@all",
)
RUNS = Path("runs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="+", choices=("adapt", "few-shot"))
    parser.add_argument("--encoders", nargs="+", default=["none", "mlm", "mix", "own"])
    parser.add_argument("--datasets", nargs="+", default=list(_data.DATASETS), choices=_data.DATASETS)
    parser.add_argument("--shots", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--samples", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=45, help="training of an encoder stops after so long")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "adaptation.json")
    arguments = parser.parse_args()
    names = [
        name
        for encoder in arguments.encoders
        for name in ([f"own-{d}" for d in arguments.datasets] if encoder == "own" else [encoder])
    ]
    if "adapt" in arguments.what:
        for name in names:
            if name != "none":
                _cells.compute(arguments.output, f"adapt/{name}", lambda n=name: adapt(n, arguments.minutes))
    if "few-shot" in arguments.what:
        for dataset in arguments.datasets:
            for shots in arguments.shots:
                for name in names:
                    if name.startswith("own-") and name != f"own-{dataset}":
                        continue
                    for sample in arguments.samples:
                        cell = f"few-shot/{dataset}/{shots}/{name.split('-')[0]}/{sample}"
                        _cells.compute(
                            arguments.output, cell, lambda d=dataset, s=shots, e=name, n=sample: few_shot(d, s, e, n)
                        )


def conversations() -> Iterator[Dialogue]:
    """The training parts, in a fixed random order of corpora's dialogues."""
    folder = _data.data_folder()
    found = list(chain.from_iterable(read_corpus(spec.replace(":", f":{folder}/", 1)) for spec in CORPORA))
    for row in np.random.default_rng(0).permutation(len(found)).tolist():
        yield found[row]


def own(dataset: str) -> Iterator[Dialogue]:
    """A data set's training utterances without their labels, one a dialogue."""
    for number, found in enumerate(_data.split(dataset, "train")):
        yield utterance(found.text, id=f"{dataset}:train:{number}")


def recipe(name: str) -> Pretraining:
    """MLM alone on whole dialogues, or with response ranking and response matching."""
    carrier = WholeDialogue(batch_size=32)
    ranking, matching = ResponseRanking(batch_size=64), ResponseMatching(32, "mean", "cosine", 20.0)
    objectives = ((carrier, 1.0), (ranking, 1.0), (matching, 1.0)) if name == "mix" else ((carrier, 1.0),)
    return Pretraining(
        objectives,
        ((MaskedLM(), 1.0 if name != "mix" else 0.3),),
        Settings(epochs=1, learning_rate=5e-5, head_learning_rate=1e-3),
        Input(max_tokens=128, format="plain"),
        Held(every=200, examples=500, share=0.01, patience=5),
    )


class OutOfTime(Exception):
    """The minutes of an encoder are over."""


def adapt(name: str, minutes: float) -> dict[str, Any]:
    """Adapt the embedded encoder for at most so many minutes; the schedule is cut to what fits, measured on 5 steps."""
    dialogues = list(own(name.removeprefix("own-")) if name.startswith("own-") else conversations())
    chosen = recipe(name.split("-", maxsplit=1)[0])
    seconds: list[float] = []
    total = 0

    def probe(step: Step) -> None:
        nonlocal total
        seconds.append(step.seconds)
        total = step.total
        if len(seconds) == 5:
            raise OutOfTime

    start = time.perf_counter()
    with contextlib.suppress(OutOfTime):
        pretrain(dialogues[:2_000], Encoder.load(), replace(chosen, evaluation=Held(share=0)), on_step=probe)
    steps = max(50, int(60 * minutes * 0.9 / float(np.median(seconds))))
    epoch = round(total * len(dialogues) / min(len(dialogues), 2_000))
    most = 3 * epoch if name.startswith("own-") else epoch
    chosen = replace(chosen, training=replace(chosen.training, steps=min(steps, most)))
    adapted = pretrain(dialogues, Encoder.load(), chosen)
    adapted.save(RUNS / f"adapted-{name}")
    return {"seconds": time.perf_counter() - start, "dialogues": len(dialogues), **adapted.facts}


def few_shot(dataset: str, shots: int, encoder: str, number: int) -> dict[str, Any]:
    """Test accuracy of the default recipe on one sample from one encoder."""
    train, test = _data.sample(dataset, shots, number), _data.split(dataset, "test")
    base = Encoder.load() if encoder == "none" else Encoder.load(RUNS / f"adapted-{encoder}")
    settings = intent_recipe(shots=mean_shots(train), overrides={"training": {"seed": number}})
    start = time.perf_counter()
    outcomes, _ = fit_intent(train, base, settings).outcomes(test)
    right = [outcome.predicted == outcome.gold for outcome in outcomes]
    return {"accuracy": float(np.mean(right)), "n": len(right), "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    main()
