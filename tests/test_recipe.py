"""Recipes become dataclasses, or every problem is told at once."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest

from turnwise.errors import InputError, RecipeError
from turnwise.objectives.response_ranking import ResponseRanking
from turnwise.pretraining import pretraining_recipe
from turnwise.recipe import build, overridden, read_recipe, recipe_names
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.tasks.intent.pairs import PairContrast
from turnwise.tasks.intent.recipes import intent_recipe
from turnwise.tasks.intent.softmax import SoftmaxClasses
from turnwise.tasks.recipes import TASKS, task_recipe
from turnwise.tasks.response_recipes import RESPONSE_TASKS, ranking_recipe, selection_recipe
from turnwise.tasks.slots.recipe import slots_recipe
from turnwise.tasks.trunk_fit import trunk_recipe


def of_task(task: str) -> list[str]:
    return [name for name in recipe_names() if read_recipe(name)["task"] == task]


def limits(name: str) -> list[float]:
    return [regime["up_to"] for regime in read_recipe(name).get("regime", [])]


INTENT = [(name, shots) for name in of_task("intent") for shots in [1, *limits(name), 10**9]]


def own(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def problems(error: pytest.ExceptionInfo[RecipeError]) -> list[str]:
    return [line.strip() for line in str(error.value).splitlines()]


# Shipped recipes


def test_every_shipped_recipe_says_what_it_is_and_is_for_a_known_task() -> None:
    tasks = ["intent", "pretrain", "desk", "slots", *(kind.name for kind in TASKS), *RESPONSE_TASKS]
    assert sorted(name for task in tasks for name in of_task(task)) == sorted(recipe_names())
    assert all(read_recipe(name)["about"] for name in recipe_names())


@pytest.mark.parametrize(("name", "shots"), INTENT)
def test_every_intent_recipe_builds_in_every_regime(name: str, shots: float) -> None:
    objective = intent_recipe(name, shots=shots).objective
    tables = read_recipe(name)
    if tables.get("classifier") == "softmax":
        assert isinstance(objective, SoftmaxClasses)
        return
    kind = tables["objective"]["kind"]
    assert isinstance(objective, {"all_pairs": AllPairs, "pairs": PairContrast, "none": type(None)}[kind])


@pytest.mark.parametrize("name", of_task("pretrain"))
def test_every_pretraining_recipe_builds(name: str) -> None:
    recipe = pretraining_recipe(name)
    stated = read_recipe(name)
    assert {objective.name for objective, _ in recipe.objectives} == set(stated["objectives"])
    assert {rider.name for rider, _ in recipe.riders} == set(stated.get("riders", {}))
    for objective, weight in recipe.objectives:
        assert objective.batch_size == stated["objectives"][objective.name]["batch_size"]  # type: ignore[attr-defined]
        assert weight == 1.0
    assert recipe.training.epochs == stated["training"]["epochs"]
    assert recipe.input.max_tokens == stated["input"]["max_tokens"]


def test_regimes_of_shipped_recipes_rise() -> None:
    for name in of_task("intent"):
        assert limits(name) == sorted(set(limits(name)))


def test_the_paper_recipes_hold_its_hyper_parameters() -> None:
    stage1 = pretraining_recipe("convfit-stage1")
    assert stage1.objectives == ((ResponseRanking(batch_size=256, scale=20.0), 1.0),)
    assert stage1.riders == ()
    assert (stage1.training.learning_rate, stage1.training.warmup, stage1.training.epochs) == (2e-5, 0.1, 2)
    for loss in ("smax", "cos", "ocl"):
        stage2 = intent_recipe(f"convfit-{loss}", shots=10)
        assert stage2.objective == PairContrast(loss_name=loss, negatives=3, batch_size=32, width=512)  # type: ignore[arg-type]
        assert (stage2.training.learning_rate, stage2.training.weight_decay) == (2e-5, 0.01)
        assert (stage2.inference.neighbours, stage2.fitting.max_tokens) == (1, 48)


@pytest.mark.parametrize(
    "path", sorted((Path(str(files("turnwise"))) / "recipes").glob("*.toml")), ids=lambda p: p.stem
)
def test_a_shipped_recipe_copied_to_a_file_is_the_same_recipe(path: Path, tmp_path: Path) -> None:
    name = own(tmp_path, path.read_text(encoding="utf-8"))
    if read_recipe(name)["task"] == "intent":
        assert intent_recipe(name, shots=10) == intent_recipe(path.stem, shots=10)
    elif read_recipe(name)["task"] in [kind.name for kind in TASKS]:
        assert task_recipe(name) == task_recipe(path.stem)
    elif read_recipe(name)["task"] == "selection":
        assert selection_recipe(name) == selection_recipe(path.stem)
    elif read_recipe(name)["task"] == "slots":
        assert slots_recipe(name) == slots_recipe(path.stem)
    elif read_recipe(name)["task"] == "ranking":
        assert ranking_recipe(name) == ranking_recipe(path.stem)
    elif read_recipe(name)["task"] == "desk":
        assert trunk_recipe(name) == trunk_recipe(path.stem)
    else:
        assert pretraining_recipe(name) == pretraining_recipe(path.stem)


# Reading


def test_an_unknown_recipe_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match=r"there is no recipe 'convfit-oclo'; did you mean 'convfit-ocl'\? Valid: "):
        read_recipe("convfit-oclo")


def test_a_file_that_is_not_there_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no recipe .*; or name a \.toml file"):
        read_recipe(str(tmp_path / "mine.toml"))


def test_what_is_not_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"mine.toml: not TOML: .*line 2"):
        read_recipe(own(tmp_path, 'task = "intent"\n[objective\n'))


def test_what_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b'about = "\xff"')
    with pytest.raises(RecipeError, match=r"mine.toml: cannot be read: .*utf-8"):
        read_recipe(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("text", ["", 'task = "pretrain"', "task = 3"])
def test_a_recipe_of_another_task_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError, match='expected task = "intent"'):
        intent_recipe(own(tmp_path, text), shots=1)
    with pytest.raises(RecipeError, match='expected task = "pretrain"'):
        pretraining_recipe("intent")


# Building


@dataclass(frozen=True)
class Baking:
    minutes: int = 30
    heat: float = 180.0
    fan: bool = False
    shape: Literal["round", "square"] = "round"
    fillings: tuple[str, ...] = ()
    rest: int | None = None

    def __post_init__(self) -> None:
        if self.minutes < 1:
            raise InputError(f"minutes is {self.minutes}, expected at least 1")


@dataclass(frozen=True)
class Serving:
    guests: int = 2


SECTIONS: dict[str, type[Any]] = {"baking": Baking, "serving": Serving}


def test_a_missing_table_or_key_takes_its_default() -> None:
    assert build({}, SECTIONS, recipe="cake") == {"baking": Baking(), "serving": Serving()}
    assert build({"baking": {"minutes": 5}}, SECTIONS, recipe="cake")["baking"] == Baking(minutes=5)


def test_values_of_every_type_arrive() -> None:
    table = tomllib.loads('minutes = 1\nheat = 200\nfan = true\nshape = "square"\nfillings = ["nut", "jam"]\nrest = 4')
    assert build({"baking": table}, SECTIONS, recipe="cake")["baking"] == Baking(
        1, 200, True, "square", ("nut", "jam"), 4
    )


def test_every_problem_is_told_at_once_with_the_nearest_name() -> None:
    tables = {
        "bakin": {},
        "baking": {
            "minuts": 3,
            "minutes": 0,
            "heat": "hot",
            "fan": 1,
            "shape": "cube",
            "fillings": ["nut", 3],
            "rest": 1.5,
        },
        "serving": 3,
    }
    with pytest.raises(RecipeError) as error:
        build(tables, SECTIONS, recipe="cake")
    assert problems(error) == [
        "recipe cake has 9 problem(s):",
        "[bakin] is no table of this recipe; did you mean 'baking'? Valid: baking, serving",
        "[baking] minuts is not known; did you mean 'minutes'? Valid: minutes, heat, fan, shape, fillings, rest",
        "[baking] heat is 'hot', expected a number",
        "[baking] fan is 1, expected true or false",
        "[baking] shape is 'cube', expected one of 'round', 'square'",
        "[baking] fillings is ['nut', 3], expected a list, each of it a text",
        "[baking] rest is 1.5, expected a whole number",
        "[baking] minutes is 0, expected at least 1",
        "serving is 3, expected a table [serving]",
    ]


@pytest.mark.parametrize(("key", "value"), [("minutes", True), ("heat", True), ("minutes", 1.0), ("fillings", "nut")])
def test_a_value_is_not_taken_for_another_type(key: str, value: object) -> None:
    with pytest.raises(RecipeError, match=rf"\[baking\] {key} is {value!r}, expected"):
        build({"baking": {key: value}}, SECTIONS, recipe="cake")


def test_overriding_goes_key_by_key_and_touches_nothing() -> None:
    tables = {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
    assert overridden(tables, {"a": {"y": 5}, "c": {"w": 6}}) == {"a": {"x": 1, "y": 5}, "b": {"z": 3}, "c": {"w": 6}}
    assert tables == {"a": {"x": 1, "y": 2}, "b": {"z": 3}}


# Regimes and overrides

REGIMES = """
task = "intent"
[objective]
kind = "all_pairs"
batch_size = 100
[training]
epochs = 1
learning_rate = 1e-3
[[regime]]
up_to = 5
training.epochs = 50
objective.batch_size = 10
[[regime]]
up_to = 20
training.epochs = 20
[[regime]]
up_to = 10
training.epochs = 99
"""


@pytest.mark.parametrize(
    ("shots", "epochs", "batch_size"), [(1, 50, 10), (5, 50, 10), (5.1, 20, 100), (10, 20, 100), (20.5, 1, 100)]
)
def test_the_first_regime_that_fits_counts(tmp_path: Path, shots: float, epochs: int, batch_size: int) -> None:
    recipe = intent_recipe(own(tmp_path, REGIMES), shots=shots)
    assert (recipe.training.epochs, recipe.training.learning_rate) == (epochs, 1e-3)
    assert recipe.objective == AllPairs(batch_size=batch_size)


def test_overrides_win_over_regimes(tmp_path: Path) -> None:
    overrides = {"training": {"epochs": 7, "seed": 3}, "inference": {"neighbours": 2}, "fitting": {}}
    recipe = intent_recipe(own(tmp_path, REGIMES), shots=3, overrides=overrides)
    assert (recipe.training.epochs, recipe.training.seed, recipe.inference.neighbours) == (7, 3, 2)
    assert recipe.objective == AllPairs(batch_size=10)
    [(ranking, _)] = pretraining_recipe("demo-stage1", {"objectives.response_ranking": {"limit": 9}}).objectives
    assert ranking == ResponseRanking(batch_size=64, limit=9)


def test_a_regime_may_change_the_kind_of_objective(tmp_path: Path) -> None:
    text = 'task = "intent"\n[objective]\nkind = "all_pairs"\n[[regime]]\nup_to = 2\nobjective.kind = "none"\n'
    assert intent_recipe(own(tmp_path, text), shots=1).objective is None
    assert intent_recipe(own(tmp_path, text), shots=3).objective == AllPairs()


@pytest.mark.parametrize(
    ("regime", "message"),
    [
        ("[regime]\nup_to = 3", r"regime must be written \[\[regime\]\]"),
        ("regime = [3]", r"regime must be written \[\[regime\]\]"),
        ("[[regime]]\ntraining.epochs = 3", r"every \[\[regime\]\] needs up_to = N"),
        ('[[regime]]\nup_to = "few"', r"every \[\[regime\]\] needs up_to = N"),
        ("[[regime]]\nup_to = 9\ntraining = 3", r"training is 3, expected a table \[training\]"),
        ("[[regime]]\nup_to = 9\ntrainin.epochs = 3", r"\[trainin\] is no table .*did you mean 'training'"),
        ("[[regime]]\nup_to = 9\ntraining.epoch = 3", r"\[training\] epoch is not known; did you mean 'epochs'"),
    ],
)
def test_a_wrong_regime_is_refused(tmp_path: Path, regime: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        intent_recipe(own(tmp_path, f'task = "intent"\n{regime}\n'), shots=1)


@pytest.mark.parametrize("value", ['"all_pair"', "3", '["pairs"]'])
def test_an_unknown_kind_of_objective_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(RecipeError, match=r"objective.kind is .*[Vv]alid: all_pairs, pairs, none"):
        intent_recipe(own(tmp_path, f'task = "intent"\nobjective.kind = {value}\n'), shots=1)
    with pytest.raises(RecipeError, match=r"\[objective\] is no table of this recipe; .*objectives.whole_dialogue"):
        pretraining_recipe(own(tmp_path, f'task = "pretrain"\nobjective.kind = {value}\n'))


@pytest.mark.parametrize("task", ["intent", "pretrain"])
def test_problems_of_a_whole_recipe_are_told_together(tmp_path: Path, task: str) -> None:
    text = f'task = "{task}"\nobjective = 3\n[training]\nepoch = 2\nlearning_rate = -1.0\n[trainin]\n'
    with pytest.raises(RecipeError) as error:
        if task == "intent":
            intent_recipe(own(tmp_path, text), shots=1)
        else:
            pretraining_recipe(own(tmp_path, text))
    found = problems(error)
    assert found[0].endswith("mine.toml has 4 problem(s):")
    objective = {
        "intent": "objective is 3, expected a table [objective]",
        "pretrain": "[objective] is no table of this recipe",
    }
    assert {line.split(";")[0] for line in found[1:]} == {
        "[trainin] is no table of this recipe",
        "[training] epoch is not known",
        "[training] learning_rate is -1.0, expected a positive number",
        objective[task],
    }


def test_a_length_limit_without_room_for_a_token_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"\[input\] max_tokens is 2, expected at least 8"):
        pretraining_recipe("demo-stage1", {"input": {"max_tokens": 2}})
