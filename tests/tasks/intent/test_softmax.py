"""The softmax classifier: the loss and answers by hand, and the same commands as similarity."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError, RecipeError
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.tasks.intent.bank import Bank
from turnwise.tasks.intent.engine import load_with
from turnwise.tasks.intent.evaluation import evaluate
from turnwise.tasks.intent.examples import Utterance, as_examples, class_means
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.model import IntentModel
from turnwise.tasks.intent.recipes import Intent, classifier_recipe, intent_recipe
from turnwise.tasks.intent.softmax import Classes, LinearClasses, SoftmaxClasses

Recipe = Callable[..., Intent]
OUTSIDE = [Utterance(text, ()) for text in ("hello hello", "thank you", "the sun is hot", "what time is it")]
LEARN = {"steps": 20, "learning_rate": 3e-3, "head_learning_rate": 1e-2}


def fitted(encoder: Encoder, found: list[Utterance], quick: Recipe, **more: object) -> IntentModel:
    return fit_intent(found, encoder, quick("intent-softmax", training=LEARN), **more)  # type: ignore[arg-type]


def hidden(*vectors: tuple[float, float]) -> Hidden:
    """One token a row, whose state is the vector."""
    states = torch.tensor(vectors)[:, None, :]
    return Hidden(states, torch.ones(states.shape[:2], dtype=torch.int64))


def test_the_loss_by_hand() -> None:
    """W = (1, 0), (0, 1), out of scope (0, 0), b = 0, scale 2. x = (3, 0) has length 1 as (1, 0), logits 2, 0, 0.

    -log softmax: of the first -log(e^2 / (e^2 + 2)) = 0.2395, of the last 2.2395; of two intents at once their mean,
    (0.2395 + 2.2395) / 2 = 1.2395.
    """
    head = LinearClasses(torch.tensor([[1.0, 0], [0, 1], [0, 0]]), 2.0, 2)
    states = (hidden((3.0, 0.0)),)
    for labels, expected in (([1.0, 0.0], 0.2395), ([0.0, 0.0], 2.2395), ([1.0, 1.0], 1.2395), ([1.0], 0.2395)):
        batch = Batch((), {"labels": torch.tensor([labels])})
        loss = SoftmaxClasses().loss(states, head, batch).detach()
        assert loss.item() == pytest.approx(expected, abs=1e-4)
    assert head.rows().tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_answers_and_the_in_scope_score_by_hand() -> None:
    """Logits of (1, 0): a 2, b 0, out of scope 1. log(e^2 + e^0) = 2.1269, with that class or without."""
    unit = np.eye(2, dtype=np.float32)
    rows = {"a": np.array([2, 0, 0]), "b": np.array([0, 0, 0]), None: np.array([0, 0, 1])}
    classes = Classes({name: row.astype(np.float32) for name, row in rows.items()})
    bank = Bank(["x", "y", "z"], [("a",), ("b",), ()], np.concatenate([unit, unit[:1]]))
    total = np.exp([2, 0, 1]).sum()
    assert classes.scores(unit[:1], bank)[0] == pytest.approx(np.exp([2, 0, 1]) / total, abs=1e-6)
    assert classes.scope(unit[:1], bank) == pytest.approx([2.1269], abs=1e-4)
    inside = Bank(["x", "y"], [("a",), ("b",)], unit)
    assert classes.scores(unit[:1], inside).shape == (1, 2)
    assert classes.scope(unit[:1], inside) == pytest.approx([2.1269], abs=1e-4)


def test_the_head_starts_at_the_class_means_with_out_of_scope_last(encoder: Encoder, shop: list[Utterance]) -> None:
    names = ("block", "refund", "track")
    examples = as_examples([*shop, *OUTSIDE], names, encoder.codec)
    head = SoftmaxClasses().head(encoder, examples)
    assert (head.intents, head.weight.shape) == (3, (4, encoder.dim))
    vectors = encoder.encode([utterance.text for utterance in OUTSIDE])
    mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).sum(0)
    assert head.weight[3].detach().numpy() == pytest.approx(mean / np.linalg.norm(mean), abs=5e-3)  # encoded in bf16
    assert class_means(encoder, examples).shape == (3, encoder.dim)
    inside = SoftmaxClasses().head(encoder, as_examples(shop, names, encoder.codec))
    assert (inside.intents, len(inside.weight)) == (3, 3)


def test_every_example_comes_once_an_epoch_and_the_loss_has_gradients(encoder: Encoder, shop: list[Utterance]) -> None:
    objective = SoftmaxClasses(batch_size=4)
    examples = as_examples([*shop, *OUTSIDE], ("block", "refund", "track"), encoder.codec)
    batches = list(objective.batches(examples, np.random.default_rng(0)))
    assert len(batches) == objective.epoch_steps(examples) == 5
    assert sorted(row for rows in batches for row in rows) == list(range(19))
    head = objective.head(encoder, examples)
    batch = objective.collate(examples[13:17], encoder.codec, Draws(0, 0, 0, (13, 14, 15, 16)))
    assert batch.number == 4
    loss = objective.loss(tuple(Hidden(encoder(e), e.mask) for e in batch.encodings), head, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(float(p.grad.abs().sum()) > 0 for p in head.parameters() if p.grad is not None)
    encoder.zero_grad()


def test_it_learns_saves_loads_and_answers_alike(
    encoder: Encoder, shop: list[Utterance], quick: Recipe, tmp_path: Path
) -> None:
    found = [*shop, *OUTSIDE]
    model = fitted(encoder, found, quick)
    turns = model.predict([utterance.text for utterance in found])
    assert [turn.labels["intent"] for turn in turns] == [utterance.labels for utterance in found]
    assert turns[0].evidence["intent"].neighbours[0].text == found[0].text
    assert sum(score for _, score in turns[0].evidence["intent"].alternatives) < 1  # out of scope has its share
    model.save(tmp_path / "model")
    loaded = load_with(tmp_path / "model")
    assert loaded.classes is not None
    assert list(loaded.classes.rows) == ["block", "refund", "track", None]
    again = loaded.predict([utterance.text for utterance in found])
    assert [turn.evidence["intent"] for turn in again] == [turn.evidence["intent"] for turn in turns]
    assert "linear layer" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "model" / "task.json").read_text(encoding="utf-8"))["classes"][-1] is None


def test_evaluation_tells_in_from_out(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    found = [*shop, *OUTSIDE]
    metrics = evaluate(fitted(encoder, found, quick), found, draws=5).metrics
    assert metrics["in_out_accuracy"] == metrics["accuracy_all"] == metrics["oos_recall"] == 1
    assert metrics["oos_auroc"] == 1
    assert {"in_out_accuracy", "accuracy_all"} <= set(metrics["intervals"])


def test_without_out_of_scope_examples_there_is_no_such_class(
    encoder: Encoder, shop: list[Utterance], quick: Recipe
) -> None:
    model = fitted(encoder, shop, quick, dev=[*shop, *OUTSIDE])
    assert model.classes is not None
    assert None not in model.classes.rows
    assert all(turn.labels["intent"] for turn in model.predict(["what is the weather", "😀", "zzz"]))
    assert model.reject("oos_recall", 1.0) is not None  # a threshold on the energy does it
    assert all(turn.labels["intent"] == () for turn in model.predict([u.text for u in OUTSIDE]))
    assert "in_out_accuracy" not in evaluate(model, shop, draws=1).metrics


def test_the_best_epoch_on_dev_stays(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    """Two steps an epoch. Dev labels that training lacks tell no epoch from another."""
    recipe = quick("intent-softmax", training={"steps": None, "min_steps": 1, "epochs": 4})
    seen: list[tuple[str, int]] = []
    dev = [Utterance("my card is lost", ("block",)), Utterance("lost", ("unknown",)), Utterance("refund", ("refund",))]
    found = [*shop, *(Utterance(f"{u.text} now", u.labels) for u in shop), *shop, *shop, *shop]
    model = fit_intent(found, encoder, recipe, dev=dev, on_step=lambda stage, step: seen.append((stage, step.index)))
    assert seen == [("fit", step) for step in range(1, 9)]
    assert model.facts["steps"][0] in (2, 4, 6, 8)
    assert fit_intent(shop, encoder, recipe).facts["steps"] == [4]  # nothing to choose by: the last epoch


def test_new_classes_need_a_new_fit_and_old_ones_may_go(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    model = fitted(encoder, shop, quick)
    for new, said in ((("gift",), "the intent 'gift'"), ((), "out of scope")):
        with pytest.raises(InputError, match=f"not trained on {said}; fit it again"):
            model.add([Utterance("wrap it please", new)])
    model.add([Utterance("where did it go", ("track",))])
    assert "where did it go" in model.bank.texts
    assert model.remove(intent="refund") == 6
    assert model.labels == ("block", "track")
    assert all(turn.labels["intent"] != ("refund",) for turn in model.predict(["i want a refund"]))
    assert model.scores(model.vectors(["refund"])).shape == (1, 2)


def test_members_are_averaged(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    model = fit_intent(shop, encoder, quick("intent-softmax", members=2))
    assert model.facts["steps"] == [2, 2]
    assert model.classes is not None


def test_what_softmax_cannot_do_is_said(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    several = [Utterance(u.text, (*u.labels, "block") if u.labels != ("block",) else u.labels) for u in shop]
    with pytest.raises(CorpusError, match="10 of 15 utterances have several intents"):
        fitted(encoder, several, quick)
    with pytest.raises(CorpusError, match="found 1 intent"):
        fitted(encoder, [u for u in shop if u.labels == ("block",)] + OUTSIDE, quick)
    for make, said in (
        (lambda: SoftmaxClasses(batch_size=0), "batch_size is 0"),
        (lambda: SoftmaxClasses(scale=0.0), "scale is 0"),
        (lambda: SoftmaxClasses(label_smoothing=1.0), "label_smoothing is 1"),
    ):
        with pytest.raises(InputError, match=said):
            make()


def test_the_classifier_names_the_recipe(tmp_path: Path) -> None:
    assert classifier_recipe("similarity") == "intent"
    assert classifier_recipe("softmax") == "intent-softmax"
    assert classifier_recipe("similarity", "intent-softmax") == "intent-softmax"
    assert intent_recipe("intent-softmax", shots=5).classifier == "softmax"
    assert intent_recipe(shots=5).classifier == "similarity"
    with pytest.raises(InputError, match=r"the classifier is 'softmx'; .*softmax"):
        classifier_recipe("softmx")
    with pytest.raises(InputError, match="recipe intent has classifier = 'similarity', and softmax is asked for"):
        classifier_recipe("softmax", "intent")
    wrong = tmp_path / "wrong.toml"
    for text, said in (
        ('classifier = "svm"', "classifier is 'svm'"),
        ('classifier = "softmax"\n[inference]\nneighbours = 3', "softmax has no \\[inference\\]"),
        ('classifier = "softmax"\n[objective]\nmargin = 0.1', "margin is not known"),
    ):
        wrong.write_text(f'task = "intent"\n{text}\n', encoding="utf-8")
        with pytest.raises(RecipeError, match=said):
            intent_recipe(str(wrong), shots=5)


def test_a_folder_without_its_classes_is_refused(
    encoder: Encoder, shop: list[Utterance], quick: Recipe, tmp_path: Path
) -> None:
    fitted(encoder, shop, quick).save(tmp_path / "model")
    path = tmp_path / "model" / "task.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"classes": ["block"]}), encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read as an intent model"):
        IntentModel.load(tmp_path / "model")
