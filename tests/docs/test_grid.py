"""The grid of objectives and tasks: its arms, its token budget, its rule of noise, its tables and its picture."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from turnwise.encoder import Encoder
from turnwise.objectives import MaskedLM, MaskedSpeaker

Script = Callable[[str], ModuleType]


def test_each_arm_trains_what_its_name_says_and_arms_differ_in_nothing_else(script: Script) -> None:
    arms = script("_grid_arms")
    recipes = {
        name: arms.recipe_of(arm, arms.BUDGETS["small"]) for name, arm in arms.ARMS.items() if arm.recipe is not None
    }
    found = {name: (*(o.name for o, _ in r.objectives), *(o.name for o, _ in r.riders)) for name, r in recipes.items()}
    assert found == {
        "mlm": ("whole_dialogue", "masked_lm"),
        "speaker": ("speaker", "masked_lm"),
        "response_matching": ("response_matching", "masked_lm"),
        "coherence": ("coherence", "masked_lm"),
        "entity_number": ("entity_number", "masked_lm"),
        "reordering": ("reordering", "masked_lm"),
        "joint": ("response_matching", "entity_number", "masked_lm"),
        "entity_number-without-mlm": ("entity_number",),
        "next_turn": ("next_turn", "masked_lm"),
        "next_turn-masked_speaker": ("next_turn", "masked_lm", "masked_speaker"),
        "next_turn-ssr": ("next_turn", "masked_lm"),
    }
    assert len({recipe.training for recipe in recipes.values()}) == 1
    assert {recipe.input.segments for name, recipe in recipes.items() if name != "next_turn-ssr"} == {"response"}
    assert recipes["next_turn-ssr"].input.segments == "speaker"
    assert {recipe.input.format for recipe in recipes.values()} == {"tod"}
    riders = {type(rider) for recipe in recipes.values() for rider, weight in recipe.riders if weight == 1}
    assert riders == {MaskedLM, MaskedSpeaker}
    assert {getattr(o, "pooling", "mean") for recipe in recipes.values() for o, _ in recipe.objectives} == {"mean"}


def test_every_arm_and_task_has_a_name_and_published_figures_fit_their_metrics(script: Script) -> None:
    arms, tasks, names = script("_grid_arms"), script("_grid_tasks"), script("_grid_names")
    assert list(names.ARM_TITLES) == list(arms.ARMS)
    assert list(names.TASK_FIGURES) == list(tasks.TASKS)
    for figures in names.TASK_FIGURES.values():
        assert figures.headline in figures.metrics
        assert set(figures.compared) <= set(figures.metrics)
        assert {len(row) for row in figures.published.values()} == {len(figures.compared)}
    for finding in names.FINDINGS:
        assert {finding.better, finding.than} <= set(arms.ARMS)
        assert set(finding.tasks) <= set(tasks.TASKS)


def test_steps_end_with_the_one_that_reaches_the_budget(script: Script) -> None:
    """10 + 11 + 12 = 33 tokens are short of 40, and 13 more reach it; exactly 33 need no fourth step."""
    planned = script("_grid_arms").planned
    assert planned(count(10), 40) == [10, 11, 12, 13]
    assert planned(count(10), 33) == [10, 11, 12]


@pytest.mark.parametrize("name", ["joint", "next_turn-ssr"])
def test_training_stops_at_the_budget_and_a_run_that_was_cut_off_goes_on(
    script: Script, runs: ModuleType, checkpoint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    arms = script("_grid_arms")
    base, budget = str(checkpoint("bert")), arms.Budget(tokens=2_500, dialogues=None, max_tokens=40)
    talks = runs.dialogues(80)
    trained = arms.pretrain

    def cut(*found: Any, on_step: Any, **more: Any) -> Any:
        def stopped(step: Any) -> None:
            on_step(step)
            if step.index == 2:
                raise KeyboardInterrupt

        return trained(*found, on_step=stopped, **more)

    monkeypatch.setattr(arms, "pretrain", cut)
    with pytest.raises(KeyboardInterrupt):
        arms.adapt(arms.ARMS[name], budget, tmp_path / name, talks, base)
    assert not (tmp_path / name).exists()
    steps: list[Any] = []

    def watched(*found: Any, on_step: Any, **more: Any) -> Any:
        return trained(*found, on_step=lambda step: (steps.append(step), on_step(step)), **more)

    monkeypatch.setattr(arms, "pretrain", watched)
    arms.adapt(arms.ARMS[name], budget, tmp_path / name, talks, base)
    recipe = arms.recipe_of(arms.ARMS[name], budget)
    counted = arms.planned(arms.tokens_of_steps(recipe, talks, base), budget.tokens)
    assert [step.index for step in steps] == list(range(3, len(counted) + 1))
    assert [step.tokens for step in steps] == counted[2:]
    assert {step.total for step in steps} == {len(counted)}
    folder, facts = arms.encoder_of(name, budget, tmp_path)
    assert (facts["tokens"], facts["steps"]) == (sum(counted), len(counted))
    assert facts["tokens"] >= budget.tokens > facts["tokens"] - counted[-1]
    assert Encoder.load(folder).codec.layout.segments == ("speaker" if name == "next_turn-ssr" else "response")
    assert not (tmp_path / f"{name}.work").exists()
    with pytest.raises(SystemExit, match=r"was pre-trained with .*'tokens': 2500.* name another folder with --runs"):
        arms.encoder_of(name, arms.BUDGETS["small"], tmp_path)


def test_a_gain_counts_when_it_is_larger_than_the_interval_of_the_paired_differences(script: Script) -> None:
    """Differences 1, 2, 3 have the mean 2 and the deviation 1: noise 4.303 / sqrt(3) = 2.484. Of 2, 2.1, 1.9 it is
    4.303 * 0.1 / sqrt(3) = 0.248. A seed without a partner does not count."""
    difference = script("_grid_gains").difference
    none = {0: 50.0, 1: 60.0, 2: 70.0, 3: 99.0}
    large = difference({0: 51.0, 1: 62.0, 2: 73.0}, none)
    assert (large.mean, large.noise, large.sign) == (pytest.approx(2), pytest.approx(2.4843, abs=1e-4), 0)
    small = difference({0: 52.0, 1: 62.1, 2: 71.9}, none)
    assert (small.mean, small.noise, small.sign) == (pytest.approx(2), pytest.approx(0.2484, abs=1e-4), 1)
    assert difference(none, {0: 52.0, 1: 62.1, 2: 71.9}).sign == -1
    two = difference({0: 80.0, 1: 90.0}, none)
    assert (two.mean, two.noise, two.sign) == (30.0, None, 0)
    assert difference({5: 1.0}, none) is None


def cells_of(task: str, arm: str, metric: str, values: list[float], **more: float) -> dict[str, dict[str, Any]]:
    facts = {"tokens": 300_123, "steps": 90, "seconds": 300.0, "budget": {}} if arm != "none" else {}
    limits = {"train": 10, "dev": 5, "test": None, "epochs": None, "batch_size": None}
    return {
        f"small/{task}/{arm}/{seed}": {
            metric: value,
            **more,
            "n": 5500,
            "limits": limits,
            "pretraining": facts,
            "machine": "<m>",
        }
        for seed, value in enumerate(values)
    }


def grid() -> dict[str, dict[str, Any]]:
    intents = {"in_scope_accuracy": 0.9, "in_out_accuracy": 0.8, "oos_recall": 0.5}
    return {
        **cells_of("INT", "none", "accuracy_all", [0.5, 0.6, 0.7], **intents),
        **cells_of("INT", "speaker", "accuracy_all", [0.52, 0.621, 0.719], **intents),
        **cells_of("INT", "joint", "accuracy_all", [0.48, 0.579, 0.681], **intents),
        **cells_of("INT", "entity_number", "accuracy_all", [0.51, 0.62, 0.73], **intents),
        **cells_of("RS", "none", "r100@1", [0.2], **{"r100@3": 0.4}),
        **cells_of("RS", "response_matching", "r100@1", [0.3], **{"r100@3": 0.5}),
    }


def test_tables_mark_what_is_beyond_noise_and_say_which_findings_hold(script: Script, tmp_path: Path) -> None:
    """Of entity_number less speaker, -1, -0.1 and 1.1, the deviation is the root of 1.11: noise 2.4843 * 1.0536."""
    (tmp_path / "grid.json").write_text(json.dumps(grid()), encoding="utf-8")
    drawn = script("_grid_tables").grid(tmp_path)
    lines = drawn.splitlines()
    assert lines[0] == "### Subsampled"
    assert "| speaker (DSP) | 300,123 | 90 | 5.0 |" in lines
    assert (
        "| none | 60.00 ± 10.00 | 90.00 ± 0.00 | 80.00 ± 0.00 | 50.00 ± 0.00 | 3 | 84.96 | 95.20 | 88.70 | 38.87 |"
        in lines
    )
    assert any(line.startswith("| speaker (DSP) | 62.00 ± 9.95 ▲ | 90.00 ± 0.00 |") for line in lines)
    assert any(line.startswith("| joint, ENP and CRM | 58.00 ± 10.05 ▼ |") for line in lines)
    assert any(line.startswith("| entity number (ENP) | 62.00 ± 11.00 | 90.00") for line in lines)
    assert "| response matching (CRM) | 30.00 | 50.00 | 1 | 41.94 | 66.47 |" in lines
    assert (
        "**INT**: intents with out-of-scope, CLINC150. Ours: train 10, dev 5, test all (utterances an intent), "
        "5,500 answers. DSDF: BERT-base, all of CLINC150."
    ) in lines
    assert "**DA**" not in drawn
    said = {cells[1]: cells[3:5] for line in lines if len(cells := [c.strip() for c in line.split("|")]) == 6}
    assert said["DSP helps some task"] == ["yes", "INT +2.00 (0.25)"]
    assert said["CRM helps some task"] == ["not measured", "RS +10.00"]
    assert said["the joint model is worse at intents than none"] == ["yes", "INT +2.00 (0.25)"]
    assert said["ability: ENP is better for intents than DSP"] == ["within noise", "INT +0.00 (2.62)"]
    assert said["structure: CRM is better for selection than DUR"] == ["not measured", ""]
    assert lines[-1] == "- measured on: <m>"


def test_a_finding_fails_only_when_the_opposite_is_beyond_noise(script: Script) -> None:
    gains = script("_grid_gains")
    up, flat, down = gains.Difference(2, 1, 3), gains.Difference(2, 3, 3), gains.Difference(-2, 1, 3)
    single = gains.Difference(2, None, 1)
    assert gains.verdict({"INT": down}) == "no"
    assert gains.verdict({"INT": down, "RS": flat}) == "within noise"
    assert gains.verdict({"INT": None, "RS": up}) == "yes"
    assert gains.verdict({"INT": down, "RS": single}) == "too few seeds"
    assert gains.verdict({"INT": None, "RS": down}) == "not measured"


def test_gains_are_drawn_as_one_page(script: Script, tmp_path: Path) -> None:
    picture = script("_grid_picture")
    path = tmp_path / "grid.json"
    picture.draw(path)
    assert not path.with_suffix(".html").exists()
    path.write_text(json.dumps(grid()), encoding="utf-8")
    picture.draw(path)
    html = path.with_suffix(".html").read_text(encoding="utf-8")
    assert html.count("<rect") == 4
    assert "speaker (DSP), INT: +2.00 points, 3 seeds, noise up to 0.25" in html
    assert "response matching (CRM), RS: +10.00 points, 1 seeds, too few seeds" in html
    assert html.count('font-weight="700"') == 2
    assert "<script" not in html


def test_cells_are_kept_merged_and_refused_under_other_limits(script: Script, tmp_path: Path) -> None:
    module, tasks = script("grid"), script("_grid_tasks")
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    whole = grid()
    here.write_text(json.dumps({key: cell for key, cell in whole.items() if "INT" in key}), encoding="utf-8")
    there.write_text(json.dumps({key: cell for key, cell in whole.items() if "none" in key}), encoding="utf-8")
    module.merge(here, [there])
    merged = json.loads(here.read_text(encoding="utf-8"))
    assert set(merged) == {key for key in whole if "INT" in key or "none" in key}
    limits = {"INT": tasks.Limits(train=10, dev=5)}
    budget = script("_grid_arms").BUDGETS["small"]
    assert module.measured("small/INT/none/0", budget, limits, tmp_path, here)["accuracy_all"] == 0.5
    with pytest.raises(SystemExit, match=r"small/INT/none/0 in .*expected .*'train': 20"):
        module.measured("small/INT/none/0", budget, {"INT": tasks.Limits(train=20, dev=5)}, tmp_path, here)
    changed = whole["small/INT/none/1"] | {"limits": {"train": 7}}
    there.write_text(json.dumps({"small/INT/none/1": changed}), encoding="utf-8")
    with pytest.raises(SystemExit, match="has other limits"):
        module.merge(here, [there])
    with pytest.raises(SystemExit, match=r"nowhere\.json is not there"):
        module.merge(here, [tmp_path / "nowhere.json"])


def test_limits_are_changed_by_name(script: Script) -> None:
    limits_of = script("grid").limits_of
    assert limits_of("small", ["DA.train=7"])["DA"].train == 7
    assert limits_of("whole", [])["DA"].train is None
    for wrong in ("DA.train=0", "DA.trian=7", "XY.train=7", "DA.train"):
        with pytest.raises(ValueError, match=f"--limit {wrong}: expected TASK.PART=NUMBER"):
            limits_of("small", [wrong])


def test_cells_of_an_arm_come_together_and_training_utterances_are_drawn_with_the_seed(script: Script) -> None:
    names, tasks = script("grid").names, script("_grid_tasks")
    assert names("small", ["none", "mlm"], ["INT", "RS"], [0, 1])[:5] == [
        "small/INT/none/0",
        "small/RS/none/0",
        "small/INT/none/1",
        "small/RS/none/1",
        "small/INT/mlm/0",
    ]
    parts, limits = (list(range(50)), list(range(20)), list(range(20))), tasks.Limits(train=5, dev=4)
    first, again, other = (tasks.TASKS["DA"].cut(parts, limits, seed) for seed in (0, 0, 1))
    assert first == again
    assert [len(part) for part in first] == [5, 4, 20]
    assert first[0] != other[0]
    assert first[1:] == other[1:]
