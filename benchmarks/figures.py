"""ConvFiT's Figures 4 to 6 for the embedded encoder: amount of Stage-1 data, negatives, a larger bank.

    python benchmarks/figures.py --figures 4 5 6

Results: results/figures.json; a drawing of them: results/figures.html. Stage 1 reads the Self-dialogue corpus
(open-domain conversations of two turns and more); its encoders are kept in runs/ and used by intents.py --stage1.
"""

import argparse
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import _cells
import _data
from turnwise.analysis.svg import Axis, Mark, line_chart
from turnwise.corpora import self_dialogue
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.files import atomic_file
from turnwise.pretraining import pretrain, pretraining_recipe
from turnwise.tasks.intent.examples import Utterance, mean_shots
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.recipes import intent_recipe

STAGE1_PAIRS = (0, 4_000, 16_000, 64_000)
NEGATIVES = (1, 3, 5)
RUNS = Path("runs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--figures", type=int, nargs="+", default=[4, 5, 6], choices=[4, 5, 6])
    parser.add_argument("--datasets", nargs="+", default=["hwu", "banking"], choices=_data.DATASETS)
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "figures.json")
    arguments = parser.parse_args()
    for dataset in arguments.datasets:
        if 4 in arguments.figures:
            for pairs in STAGE1_PAIRS:
                for recipe in ("intent", "frozen"):
                    name = f"4/{dataset}/{recipe}/{pairs}"
                    _cells.compute(arguments.output, name, lambda d=dataset, p=pairs, r=recipe: amount(d, p, r))
        if 5 in arguments.figures:
            for negatives in NEGATIVES:
                name = f"5/{dataset}/ocl/{negatives}"
                _cells.compute(arguments.output, name, lambda d=dataset, n=negatives: number(d, n))
        if 6 in arguments.figures:
            _cells.compute(arguments.output, f"6/{dataset}/intent", lambda d=dataset: bank(d))
    draw(arguments.output)


def amount(dataset: str, pairs: int, recipe: str) -> dict[str, Any]:
    """Figure 4: 10-shot accuracy after Stage 1 on so many pairs."""
    encoder = Encoder.load() if pairs == 0 else stage1(pairs)
    return {"accuracy": accuracy(dataset, _data.sample(dataset, 10, 0), encoder, recipe), "pairs": pairs}


def number(dataset: str, negatives: int) -> dict[str, Any]:
    """Figure 5: one epoch of OCL with so many negatives a positive pair."""
    train = _data.sample(dataset, 10, 0)
    overrides = {"objective": {"negatives": negatives}, "training": {"epochs": 1.0}}
    recipe = intent_recipe("convfit-ocl", shots=mean_shots(train), overrides=overrides)
    model = fit_intent(train, Encoder.load(), recipe)
    return {"accuracy": right(model, _data.split(dataset, "test")), "negatives": negatives}


def bank(dataset: str) -> dict[str, Any]:
    """Figure 6: fitted to 10 shots, then more utterances in the bank without training."""
    train = _data.sample(dataset, 10, 0)
    test = _data.split(dataset, "test")
    model = fit_intent(train, Encoder.load(), intent_recipe(shots=mean_shots(train)))
    found = {"10": right(model, test)}
    model.add(_data.sample(dataset, 30, 0))
    found["30"] = right(model, test)
    model.add(_data.split(dataset, "train"))
    found["full"] = right(model, test)
    return {"accuracy": found["10"], "bank": found}


def accuracy(dataset: str, train: list[Utterance], encoder: Encoder, recipe: str) -> float:
    """Test accuracy of a fit."""
    model = fit_intent(train, encoder, intent_recipe(recipe, shots=mean_shots(train)))
    return right(model, _data.split(dataset, "test"))


def right(model: Any, test: list[Utterance]) -> float:
    """Test accuracy of a model."""
    outcomes, _ = model.outcomes(test)
    return float(np.mean([outcome.predicted == outcome.gold for outcome in outcomes]))


def stage1(pairs: int, *, random: bool = False) -> Encoder:
    """The encoder adapted to so many pairs of the Self-dialogue corpus, made once."""
    folder = RUNS / f"stage1-{'random-' if random else ''}{pairs}"
    if not folder.is_dir():
        base = Encoder.random() if random else Encoder.load()
        overrides = {"objectives.response_ranking": {"limit": pairs}, "training": {"epochs": 1.0}}
        pretrain(list(self_dialogues()), base, pretraining_recipe(overrides=overrides)).save(folder)
    return Encoder.load(folder)


def self_dialogues() -> Iterator[Dialogue]:
    """The Self-dialogue corpus; one person writes both sides, so the speakers are not known."""
    return self_dialogue.read(_data.data_folder() / "self_dialogue", "all", DEFAULT_COLUMNS)


def draw(path: Path) -> None:
    """The three figures as one page of SVG charts, one a curve."""
    series: dict[str, list[tuple[float, float]]] = {}
    axes = {"4": ("pairs", "Pairs of Stage 1"), "5": ("negatives", "Negatives a positive pair"), "6": ("", "Bank")}
    for name, cell in _cells.read(path).items():
        figure, dataset, recipe = name.split("/")[:3]
        key = f"Figure {figure}, {dataset}, {recipe}, 10-shot"
        if figure == "6":
            series[key] = [(float(place), value) for place, value in enumerate(cell["bank"].values())]
        else:
            series.setdefault(key, []).append((float(cell[axes[figure][0]]), cell["accuracy"]))
    charts = []
    for key, points in sorted(series.items()):
        marks = [Mark(x, y, f"{x:g}: {100 * y:.2f} %", f"{100 * y:.1f}") for x, y in sorted(points)]
        low, high = min(mark.y for mark in marks), max(mark.y for mark in marks)
        x_axis = Axis(axes[key.split()[1].rstrip(",")][1], marks[0].x, marks[-1].x, percent=False)
        y_axis = Axis("Accuracy (%)", max(0.0, low - 0.02), min(1.0, high + 0.02))
        chart = line_chart(marks, x_axis, y_axis, about=key, marks=marks)
        charts.append(f"<figure><figcaption>{escape(key)}</figcaption>{chart}</figure>")
    style = "body{display:flex;flex-wrap:wrap;font-family:system-ui}figure{width:24rem;margin:1rem}"
    page = f"<!doctype html><meta charset=utf-8><title>Figures 4 to 6</title><style>{style}</style>{''.join(charts)}"
    with atomic_file(path.with_suffix(".html")) as temporary:
        temporary.write_text(page + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
