from pathlib import Path

import pytest

from turnwise.errors import RecipeError
from turnwise.recipe import read_recipe, recipe_names
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.tasks.intent.pairs import PairContrast
from turnwise.tasks.intent.recipes import Intent, intent_recipe

OTHER_TASKS = {name for name in recipe_names() if read_recipe(name)["task"] != "intent"}


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def recipe(text: str) -> str:
        (tmp_path / "mine.toml").write_text('task = "intent"\n' + text)
        return str(tmp_path / "mine.toml")

    return recipe


@pytest.mark.parametrize("name", sorted(set(recipe_names()) - OTHER_TASKS))
@pytest.mark.parametrize("shots", [1, 10, 30, 1000])
def test_every_shipped_recipe_of_intents_can_be_built(name: str, shots: int) -> None:
    assert isinstance(intent_recipe(name, shots=shots), Intent)


@pytest.mark.parametrize("name", sorted(OTHER_TASKS))
def test_a_recipe_of_another_task_is_refused(name: str) -> None:
    task = read_recipe(name)["task"]
    assert task != "intent"
    with pytest.raises(RecipeError, match=f"has task = '{task}', expected task = \"intent\""):
        intent_recipe(name, shots=10)


def test_the_papers_recipe() -> None:
    """ConvFiT, section 3: rate 2e-5, warm-up 0.1, decay 0.01, batches of 32, n = 3, 10 epochs, d_o = 512, k = 1."""
    recipe = intent_recipe("convfit-ocl", shots=10)
    assert isinstance(recipe.objective, PairContrast)
    assert (recipe.objective.loss_name, recipe.objective.negatives, recipe.objective.margin) == ("ocl", 3, 0.5)
    assert (recipe.objective.batch_size, recipe.objective.width) == (32, 512)
    assert (recipe.training.learning_rate, recipe.training.warmup, recipe.training.epochs) == (2e-5, 0.1, 10)
    assert (recipe.inference.neighbours, recipe.fitting.label_names, recipe.fitting.max_tokens) == (1, (), 48)


def test_the_first_regime_that_fits_counts_and_overrides_win(write) -> None:  # type: ignore[no-untyped-def]
    name = write(
        "[training]\nepochs = 1\n[[regime]]\nup_to = 5\ntraining.epochs = 5\n"
        "[[regime]]\nup_to = 50\ntraining.epochs = 2\nobjective.group = 2\n"
    )
    assert intent_recipe(name, shots=5).training.epochs == 5
    middle = intent_recipe(name, shots=5.1)
    assert isinstance(middle.objective, AllPairs)
    assert (middle.training.epochs, middle.objective.group) == (2, 2)
    assert intent_recipe(name, shots=51).training.epochs == 1
    assert intent_recipe(name, shots=5, overrides={"training": {"epochs": 9}}).training.epochs == 9


def test_kind_chooses_the_objective(write) -> None:  # type: ignore[no-untyped-def]
    assert intent_recipe(write('[objective]\nkind = "none"'), shots=5).objective is None
    assert isinstance(intent_recipe(write('[objective]\nkind = "pairs"'), shots=5).objective, PairContrast)
    assert isinstance(intent_recipe(write(""), shots=5).objective, AllPairs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[objective]\nkind = "triplets"', "objective.kind is 'triplets'; valid: all_pairs, pairs, none"),
        ('[fitting]\nlabel_names = ["no place"]', "label_names has 'no place', expected a text with {} once"),
        ("[fitting]\nheld_out = 1", "held_out is 1, expected a share of at least 0 and below 1"),
        ("[fitting]\nmembers = 0", "members is 0"),
        ("[inference]\nneighbors = 3", "neighbors is not known; .*neighbours"),
        ("[[regime]]\ntraining.epochs = 2", r"every \[\[regime\]\] needs up_to = N"),
        ("[regime]\nup_to = 2", r"regime must be written \[\[regime\]\]"),
        ("regime = [1]", "regime"),
        ("objective = 3", "objective"),
        ("training = 3", "training"),
        ("[[regime]]\nup_to = 9\ntraining = 3", "training"),
    ],
)
def test_mistakes_in_a_recipe_name_their_place(write, text: str, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RecipeError, match=message):
        intent_recipe(write(text), shots=5)


def test_all_mistakes_are_told_at_once(write) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RecipeError) as caught:
        intent_recipe(write("[training]\nepoch = 2\n[inference]\ntemperature = 0.0\n[fiting]\n"), shots=5)
    for part in ("3 problem", "epoch is not known", "temperature is 0.0", "[fiting] is no table"):
        assert part in str(caught.value)
