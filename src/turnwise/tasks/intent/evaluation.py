"""Measure a detector and show what was measured."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from turnwise.analysis.label_errors import Examples, probable_label_errors
from turnwise.analysis.report import write_report
from turnwise.analysis.space import Space, map_spaces
from turnwise.dialogue import Turn
from turnwise.encoder import EMBEDDED, Encoder
from turnwise.errors import ModelError
from turnwise.files import atomic_file
from turnwise.metrics import Outcome, intent_metrics
from turnwise.pretraining import base_of
from turnwise.tasks.intent.examples import Utterance
from turnwise.tasks.intent.model import IntentModel

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Evaluation:
    """The figures (``metrics``, plain JSON), and the answers they come from."""

    metrics: dict[str, Any]
    outcomes: list[Outcome]
    turns: list[Turn]


def evaluate(
    model: IntentModel,
    found: Sequence[Utterance],
    *,
    draws: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Answer every utterance and compare with its labels; 95 % intervals from ``draws`` bootstrap samples."""
    outcomes, turns = model.outcomes(found, progress)
    metrics = intent_metrics(outcomes, draws=draws, seed=seed)
    unknown = sorted({label for utterance in found for label in utterance.labels} - set(model.labels))
    metrics["model"] = model.version
    metrics["unknown_labels"] = unknown
    return Evaluation(metrics, outcomes, turns)


def write_json(path: Path, content: object) -> None:
    """JSON to a file, atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def report(
    path: Path,
    model: IntentModel,
    evaluation: Evaluation,
    *,
    title: str,
    corpus: str,
    progress: Progress | None = None,
) -> None:
    """The HTML report: figures, confusions, reliability, coverage, the space stage by stage, label errors.

    ``progress`` is called with 1 after each space.
    """
    single = [row for row, outcome in enumerate(evaluation.outcomes) if len(outcome.gold) == 1]
    texts = [evaluation.outcomes[row].text for row in single]
    labels = [evaluation.outcomes[row].gold[0] for row in single]
    spaces: dict[str, Space] | None = None
    errors = None
    if len(set(labels)) > 1:
        vectors: dict[str, NDArray[Any]] = {}
        for name, encoder in stages(model):
            vectors[name] = encoder.encode(texts, precision="auto")
        vectors["after Stage 2"] = model.vectors(texts)
        spaces = map_spaces(texts, labels, vectors, progress=progress)
        rows = [row for row, names in enumerate(model.bank.labels) if len(names) == 1]
        bank = Examples(
            [model.bank.texts[row] for row in rows],
            [model.bank.labels[row][0] for row in rows],
            model.bank.vectors[rows],
        )
        errors = probable_label_errors(texts, labels, vectors["after Stage 2"], bank=bank)
    facts = {
        "model": model.version,
        "encoder": str(model.facts.get("encoder", model.encoder.name)),
        "intents": str(len(model.labels)),
        "training utterances": str(model.facts.get("utterances", len(model.bank.texts))),
        "corpus": corpus,
        "turnwise": str(model.facts.get("turnwise", "")),
    }
    write_report(
        path,
        title=title,
        evaluation=evaluation.metrics,
        outcomes=evaluation.outcomes,
        turns=evaluation.turns,
        spaces=spaces,
        label_errors=errors,
        model_facts=facts,
    )


def stages(model: IntentModel) -> list[tuple[str, Encoder]]:
    """The encoders that the model came from, where they are still to be had: before and after Stage 1."""
    name = str(model.facts.get("encoder", EMBEDDED))
    base = base_of(Path(name))
    named = [("before Stage 1", name)] if base is None else [("before Stage 1", base), ("after Stage 1", name)]
    found: list[tuple[str, Encoder]] = []
    for title, source in named:
        try:
            found.append((title, Encoder.load(source, download=False)))
        except ModelError:
            continue
    return found
