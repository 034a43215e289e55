"""Seconds to fit BANKING77 10-shot: ours at several step budgets, the pair recipe on sentence-transformers, SetFit.

    python benchmarks/speed.py                 # ours and both peers, one after the other, about half an hour
    python benchmarks/speed.py --only ours

All in one process, on one machine, with the same threads and the same encoder. Results: results/speed.json.
The peers are measured by 1-NN (the pair recipe, as in the paper) and by their own head (SetFit).
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import _cells
import _data
from turnwise.encoder import Encoder
from turnwise.precision import bf16_is_faster
from turnwise.runtime.flops import config_flops
from turnwise.tasks.intent.bank import unit
from turnwise.tasks.intent.examples import Utterance, as_examples, label_names, mean_shots
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.pairs import PairContrast
from turnwise.tasks.intent.recipes import intent_recipe

DATASET = "banking"
BUDGETS = (4, 8, 16, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=("ours", "pairs", "setfit"), default=("ours", "pairs", "setfit"))
    parser.add_argument("--again", action="store_true", help="measure again what is there")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "speed.json")
    arguments = parser.parse_args()
    train, test = _data.sample(DATASET, 10, 0), _data.split(DATASET, "test")
    if "ours" in arguments.only:
        for budget in BUDGETS:
            name = f"ours/{budget or 'default'}"
            _cells.compute(arguments.output, name, lambda b=budget: ours(train, test, b), again=arguments.again)
    if "pairs" in arguments.only:
        _cells.compute(arguments.output, "pairs/1 epoch", lambda: pairs(train, test), again=arguments.again)
    if "setfit" in arguments.only:
        _cells.compute(arguments.output, "setfit/20 iterations", lambda: setfit(train, test), again=arguments.again)
    summary(arguments.output)


def ours(train: list[Utterance], test: list[Utterance], budget: int | None) -> dict[str, Any]:
    """The default recipe; ``budget`` None is its own number of steps."""
    overrides = {"training": {"steps": budget}} if budget else {}
    encoder = Encoder.load()
    start = time.perf_counter()
    recipe = intent_recipe(shots=mean_shots(train), overrides=overrides)
    sentences, training = 0, 0.0

    def count(_: str, step: Any) -> None:
        nonlocal sentences, training
        sentences, training = sentences + step.sentences, training + step.seconds

    model = fit_intent(train, encoder, recipe, on_step=count)
    seconds = time.perf_counter() - start
    outcomes, _ = model.outcomes(test)
    accuracy = float(np.mean([outcome.predicted == outcome.gold for outcome in outcomes]))
    lengths = [len(tokens.ids) for tokens in encoder.codec.tokenise([u.text for u in train])]
    forward = float(np.mean([config_flops(encoder.backbone.config, length) for length in lengths]))
    rate, limit = 3 * forward * sentences / training, matrix_rate()
    return {
        "seconds": seconds,
        "accuracy": accuracy,
        "sentences": sentences,
        "training_seconds": training,
        "gflop_a_sentence": 3 * forward / 1e9,
        "gflop_a_second": rate / 1e9,
        "matrix_gflop_a_second": limit / 1e9,
        "share_of_limit": rate / limit,
    }


def matrix_rate(size: int = 1024) -> float:
    """Operations a second of a square matrix product in the precision that training takes, the best of ten."""
    matrix = torch.ones(size, size, dtype=torch.bfloat16 if bf16_is_faster() else torch.float32, device=device())
    seconds = []
    for _ in range(11):
        start = time.perf_counter()
        float((matrix @ matrix)[0, 0])
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds[1:])


def pairs(train: list[Utterance], test: list[Utterance]) -> dict[str, Any]:
    """One epoch of ConvFiT's 10 over its 24,255 pairs with OnlineContrastiveLoss and the library's own trainer."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import OnlineContrastiveLoss

    with tempfile.TemporaryDirectory() as folder:
        encoder = Encoder.load()
        encoder.save(Path(folder) / "encoder")
        peer = SentenceTransformer(str(Path(folder) / "encoder"), device=device())
        peer.max_seq_length = 48
        rows = zip(train, as_examples(train, label_names(train), encoder.codec), strict=True)
        texts = {row.tokens.ids: u.text for u, row in rows}
        start = time.perf_counter()
        found = PairContrast().pairs(as_examples(train, label_names(train), encoder.codec))
        data = Dataset.from_dict(
            {
                "sentence1": [texts[pair.left.tokens.ids] for pair in found],
                "sentence2": [texts[pair.right.tokens.ids] for pair in found],
                "label": [int(pair.same) for pair in found],
            }
        )
        settings = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=32,
            learning_rate=2e-5,
            warmup_steps=0.1,
            weight_decay=0.01,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        SentenceTransformerTrainer(
            model=peer, args=settings, train_dataset=data, loss=OnlineContrastiveLoss(peer, margin=0.5)
        ).train()
        seconds = time.perf_counter() - start
        bank = unit(peer.encode([u.text for u in train]))
        queries = unit(peer.encode([u.text for u in test]))
    best = (queries @ bank.T).argmax(1)
    accuracy = float(np.mean([train[row].labels == u.labels for row, u in zip(best.tolist(), test, strict=True)]))
    return {"seconds": seconds, "accuracy": accuracy, "sentences": 2 * len(found), "epochs": 1, "epochs_of_recipe": 10}


def setfit(train: list[Utterance], test: list[Utterance]) -> dict[str, Any]:
    """SetFit as its paper has it: 20 iterations of pair sampling, one epoch, logistic head; batch 16."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    names = label_names(train)
    with tempfile.TemporaryDirectory() as folder:
        Encoder.load().save(Path(folder) / "encoder")
        peer = SetFitModel.from_pretrained(str(Path(folder) / "encoder"), labels=list(names), device=device())
        data = Dataset.from_dict({"text": [u.text for u in train], "label": [names.index(u.labels[0]) for u in train]})
        settings = TrainingArguments(
            output_dir=folder, num_iterations=20, num_epochs=1, batch_size=16, save_strategy="no", report_to="none"
        )
        start = time.perf_counter()
        Trainer(model=peer, args=settings, train_dataset=data).train()
        seconds = time.perf_counter() - start
        predicted = peer.predict([u.text for u in test])
    accuracy = float(np.mean([str(p) == u.labels[0] for p, u in zip(predicted, test, strict=True)]))
    return {"seconds": seconds, "accuracy": accuracy, "sentences": 2 * 20 * 2 * len(train)}


def device() -> str:
    """The device that all of them use."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def summary(path: Path) -> None:
    """For each peer: the fewest seconds of ours that reach its accuracy, and the ratio."""
    cells = _cells.read(path)
    own = {name: cell for name, cell in cells.items() if name.startswith("ours/")}
    for name in ("pairs/1 epoch", "setfit/20 iterations"):
        if name in cells and own:
            peer = cells[name]
            reach = [cell["seconds"] for cell in own.values() if cell["accuracy"] >= peer["accuracy"]]
            ratio = f"{peer['seconds'] / min(reach):.1f} times ours" if reach else "not reached by ours"
            print(f"{name}: {peer['accuracy']:.4f} after {peer['seconds']:.0f} s, {ratio}")


if __name__ == "__main__":
    main()
