"""Fit an intent detector: Stage 2 on the shots, then the bank, then calibration on what was held out."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import nn

from turnwise.encoder import Encoder
from turnwise.heads import Projection
from turnwise.parts import Part
from turnwise.tasks.best import Best
from turnwise.tasks.intent.all_pairs import AllPairs, ClassHead
from turnwise.tasks.intent.bank import Array, Bank
from turnwise.tasks.intent.calibration import Calibration, HeldOut, fit_confidence, most_right
from turnwise.tasks.intent.examples import IntentExample, Utterance, as_examples, label_names
from turnwise.tasks.intent.model import Decision, IntentModel
from turnwise.tasks.intent.pairs import PairContrast, PairHead
from turnwise.tasks.intent.projection import project
from turnwise.tasks.intent.recipes import Intent, Stage2
from turnwise.tasks.intent.softmax import Classes, LinearClasses, SoftmaxClasses, refuse_several
from turnwise.training import Settings, Step, Training
from turnwise.vectors import unit
from turnwise.vocabulary import occurring_vocabulary

OnStep = Callable[[str, Step], None]


def fit_intent(
    found: Sequence[Utterance],
    encoder: Encoder,
    recipe: Intent,
    *,
    dev: Sequence[Utterance] | None = None,
    unlabelled: Sequence[str] = (),
    on_step: OnStep | None = None,
) -> IntentModel:
    """Fit a detector to labelled utterances; ``encoder`` itself is left as it was.

    ``unlabelled`` texts join by self-training (see ``Fitting``).

    Calibration comes from ``dev`` when given, else from a second fit that leaves ``recipe.fitting.held_out`` of
    each intent out. A softmax classifier is measured on ``dev`` after each epoch, and the most accurate epoch stays.
    ``on_step`` is called with the stage's name and each training step.
    Raises CorpusError when there are fewer than two intents, or several an utterance too often for softmax.
    """
    label_names(found)
    if isinstance(recipe.objective, SoftmaxClasses):
        refuse_several(found)
    if isinstance(recipe.objective, AllPairs) and decide(found).several:
        recipe = replace(recipe, objective=replace(recipe.objective, several=True))
    guessed = _guess(found, unlabelled, encoder, recipe, on_step) if unlabelled else []
    model = _fit(found, encoder, recipe, on_step, "fit", guessed, dev=dev or ())
    if unlabelled:
        model.facts["unlabelled"] = {"utterances": len(unlabelled), "taken with a guessed intent": len(guessed)}
    held_out = None
    if dev:
        held_out = measure(model, dev)
    elif recipe.fitting.held_out > 0:
        kept, left = hold_out(found, recipe.fitting.held_out, recipe.training.seed)
        if left and len({label for utterance in kept for label in utterance.labels}) > 1:
            calibrator = _fit(kept, encoder, recipe, on_step, "calibrate")
            held_out = measure(calibrator, left)
    if held_out is not None:
        share = f"{recipe.fitting.held_out:.0%} of the training utterances, a fit without them"
        calibrate(model, held_out, "dev" if dev else share)
    return model


def calibrate(model: IntentModel, held_out: HeldOut, source: str) -> None:
    """Learn from held-out utterances when an answer is right, and from those out of scope when to give none.

    ``source`` says where they come from.
    """
    model.calibration = Calibration(*fit_confidence(held_out), most_right(held_out))
    model.held_out = held_out
    inside = held_out.in_scope
    model.facts["held_out"] = {
        "source": source,
        "utterances": len(held_out.top),
        "accuracy in scope": round(float(held_out.right[inside].mean()), 4) if inside.any() else None,
    }


def decide(found: Sequence[Utterance]) -> Decision:
    """Each intent by itself where a quarter of the utterances with an intent have several; else the best first.

    Where a few have several, another intent with a share of 0.3 joins the best: two that are meant share evenly.
    """
    counts = [len(utterance.labels) for utterance in found if utterance.labels]
    number = sum(count > 1 for count in counts)
    if 4 * number >= len(counts) > 0:
        return Decision(several=True)
    return Decision(further=0.3 if number else None)


def measure(model: IntentModel, found: Sequence[Utterance]) -> HeldOut:
    """Scores of utterances that the model was not fitted on."""
    vectors = model.vectors([utterance.text for utterance in found])
    inside = model.scores(vectors)[:, : len(model.labels)]
    best = [model.labels[column] for column in inside.argmax(1)]
    return HeldOut(
        inside.max(1).astype(np.float64),
        model.scope(vectors).astype(np.float64),
        np.array([name in utterance.labels for name, utterance in zip(best, found, strict=True)]),
        np.array([bool(utterance.labels) for utterance in found]),
    )


def hold_out(found: Sequence[Utterance], share: float, seed: int) -> tuple[list[Utterance], list[Utterance]]:
    """Split off ``share`` of each intent's utterances (rounded down; an intent keeps at least one)."""
    rng = np.random.default_rng([seed, 1])
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, utterance in enumerate(found):
        groups.setdefault(utterance.labels, []).append(row)
    left: set[int] = set()
    for labels in sorted(groups):
        rows = groups[labels]
        number = min(int(share * len(rows) + 1e-9), len(rows) - 1)
        left |= {rows[at] for at in rng.permutation(len(rows))[:number]}
    return [u for row, u in enumerate(found) if row not in left], [found[row] for row in sorted(left)]


def _guess(
    found: Sequence[Utterance], unlabelled: Sequence[str], encoder: Encoder, recipe: Intent, on_step: OnStep | None
) -> list[Utterance]:
    """Unlabelled texts with the intent that a first fit is sure of."""
    known = {utterance.text.casefold() for utterance in found}
    texts = [text for text in unlabelled if text.casefold() not in known]
    first = _fit(found, encoder, recipe, on_step, "first fit")
    scores = first.scores(first.vectors(texts))[:, : len(first.labels)] if texts else np.zeros((0, 1))
    taken = scores >= recipe.fitting.pseudo_threshold
    if not first.decision.several:
        taken &= scores == scores.max(1, keepdims=True)
    guessed = []
    for column in range(scores.shape[1]):
        sure = [row for row in np.argsort(-scores[:, column]) if taken[row, column]]
        guessed += [
            Utterance(texts[row], (first.labels[column],), "guessed")
            for row in sure[: recipe.fitting.pseudo_per_intent]
        ]
    return guessed


def _fit(
    found: Sequence[Utterance],
    encoder: Encoder,
    recipe: Intent,
    on_step: OnStep | None,
    stage: str,
    guessed: Sequence[Utterance] = (),
    dev: Sequence[Utterance] = (),
) -> IntentModel:
    names = label_names(found)
    texts = [*found, *names_as_texts(names, recipe)]
    tuned = Encoder(copy.deepcopy(encoder.backbone), encoder.codec, encoder.name)
    steps: list[int] = []
    heads: list[nn.Module] = []
    if recipe.objective is not None:
        codec = copy.copy(encoder.codec)
        codec.max_tokens = min(codec.max_tokens, recipe.fitting.max_tokens)
        examples = as_examples([*texts, *guessed], names, codec)
        choosing = as_examples([u for u in dev if set(u.labels) <= set(names)], names, codec)
        weights: list[dict[str, torch.Tensor]] = []
        for member in range(recipe.fitting.members):
            tuned = Encoder(copy.deepcopy(encoder.backbone), encoder.codec, encoder.name)
            settings = replace(recipe.training, seed=recipe.training.seed + member)
            title = stage if recipe.fitting.members == 1 else f"{stage} {member + 1}/{recipe.fitting.members}"
            show = partial(on_step, title) if on_step is not None else _quiet
            head, kept = _train(tuned, recipe.objective, examples, choosing, settings, show)
            heads.append(head)
            steps.append(kept)
            weights.append(tuned.backbone.state_dict())
        if len(weights) > 1:
            tuned.backbone.load_state_dict(_mean(weights))
    tuned.to(encoder.device)
    return assembled(found, tuned, heads, recipe, steps)


def assembled(
    found: Sequence[Utterance], tuned: Encoder, heads: Sequence[nn.Module], recipe: Intent, steps: Sequence[int] = ()
) -> IntentModel:
    """A detector of a trained encoder and what its heads learned: the bank is encoded, nothing is calibrated."""
    names = label_names(found)
    texts = [*found, *names_as_texts(names, recipe)]
    directions: dict[str, Array] = {}
    classes: Classes | None = None
    projection: Projection | None = None
    first = heads[0] if heads else None
    if isinstance(first, ClassHead):
        stacked = [unit(head.directions.detach().cpu().numpy()) for head in heads if isinstance(head, ClassHead)]
        directions = dict(zip(names, unit(np.mean(stacked, axis=0)), strict=True))
    elif isinstance(first, LinearClasses):
        rows = np.mean([head.rows() for head in heads if isinstance(head, LinearClasses)], axis=0)
        classes = Classes(dict(zip([*names, *([None] if len(rows) > len(names) else [])], rows, strict=True)))
    elif isinstance(first, PairHead):
        projection = first.projection.cpu()
    tokens = tuned.codec.tokenise([utterance.text for utterance in texts])
    vectors = project(tuned.encode(tokens), projection)
    bank = Bank([u.text for u in texts], [u.labels for u in texts], vectors)
    return IntentModel(
        tuned.eval(),
        bank,
        inference=recipe.inference,
        projection=projection,
        directions=directions,
        classes=classes,
        decision=decide(found),
        calibration=Calibration(recipe.fitting.slope, recipe.fitting.intercept),
        facts={
            "turnwise": version("turnwise"),
            "utterances": len(found),
            "intents": len(names),
            "encoder": tuned.name,
            "recipe": _plain(recipe),
            "steps": list(steps),
        },
    )


def _train(
    encoder: Encoder,
    objective: Stage2,
    examples: Sequence[IntentExample],
    dev: Sequence[IntentExample],
    settings: Settings,
    on_step: Callable[[Step], None],
) -> tuple[nn.Module, int]:
    """Train the encoder in place; returns the head and the steps that were kept, the best epoch's with ``dev``."""
    rows: Sequence[Any] = objective.pairs(examples) if isinstance(objective, PairContrast) else examples
    torch.manual_seed(settings.seed)
    head = objective.head(encoder, rows)
    best = Best()
    with occurring_vocabulary(encoder, {number for example in (*examples, *dev) for number in example.tokens.ids}):
        training = Training(encoder, [Part(objective, rows, head)], settings)
        epoch = objective.epoch_steps(rows)
        for step in training:
            on_step(step)
            if dev and isinstance(head, LinearClasses) and (step.index % epoch == 0 or step.index == step.total):
                with training.averaged():
                    best.note(head.accuracy(encoder, dev), step.index, training.model)
        best.restore(training.model)
    return head, best.step or training.done


def _quiet(_: Step) -> None:
    """Shows nothing of a step."""


def names_as_texts(names: Sequence[str], recipe: Intent) -> list[Utterance]:
    """Each intent's name in words as training texts: ``card_arrival`` becomes "card arrival"."""
    found = []
    for name in names:
        words = " ".join(name.replace("_", " ").replace("-", " ").replace(":", " ").replace(".", " ").split())
        found += [
            Utterance(template.replace("{}", words), (name,), "label name") for template in recipe.fitting.label_names
        ]
    return found


def _mean(weights: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Weight averaging over fits (Wortsman et al. 2022, "Model soups")."""
    return {
        name: torch.stack([w[name] for w in weights]).mean(0) if first.is_floating_point() else first
        for name, first in weights[0].items()
    }


def _plain(recipe: Intent) -> dict[str, Any]:
    objective = recipe.objective
    return {
        "objective": None if objective is None else {"kind": objective.name, **asdict(objective)},
        "training": asdict(recipe.training),
        "inference": asdict(recipe.inference),
        "fitting": asdict(recipe.fitting),
    }
