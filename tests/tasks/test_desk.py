"""A desk of several tasks: fitted, kept, and asked as one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError, RecipeError
from turnwise.tasks.desk import Desk
from turnwise.tasks.desk_fit import fit_desk
from turnwise.tasks.load import load_any
from turnwise.tasks.model import TaskModel, run
from turnwise.tasks.ranking.model import RankingModel
from turnwise.tasks.trunk import Trunk
from turnwise.tasks.trunk_fit import MEMBERS, fit_trunk, trunk_recipe

STEPS = {"steps": 2}


def talk(number: int) -> Dialogue:
    good = number % 2 == 0
    word = "thank" if good else "refund"
    return Dialogue(
        f"test:{number}",
        (
            Turn("customer", f"{word} you card", labels={"intent": (word,), "emotion": (word,), "handoff": good}),
            Turn("agent", "your parcel arrives on monday" if good else "please help", labels={"acts": (word,)}),
            Turn("customer", "where is my card", labels={"intent": ("ask",), "emotion": ("calm",), "handoff": False}),
        ),
        labels={"satisfaction": 3 if good else 1},
    )


TALKS = [talk(number) for number in range(8)]


@pytest.fixture(scope="module")
def desk(checkpoint: object, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    encoder = Encoder.load(checkpoint("bert"))  # type: ignore[operator]
    return fit_desk(TALKS, encoder, dev=TALKS, training=STEPS)


def test_every_task_with_labels_is_fitted_and_the_others_say_why_not(desk: Desk) -> None:
    assert desk.labels == ("intent", "acts", "emotion", "handoff", "satisfaction", "ranking")
    left = desk.facts["left_out"]
    assert sorted(left) == ["pii", "slots", "state"]
    assert "pii" in left["pii"]
    assert "state" in left["state"]


def test_it_fills_all_layers_of_a_dialogue(desk: Desk) -> None:
    plain = Dialogue("new", tuple(Turn(turn.speaker, turn.text) for turn in TALKS[1].turns))
    found = desk.predict(plain)
    assert {"intent", "emotion", "handoff"} <= set(found.turns[0].labels)
    assert "acts" in found.turns[1].labels
    assert "response" in found.turns[2].labels
    assert found.labels["satisfaction"] in (1, 3)
    assert [turn.text for turn in found.turns] == [turn.text for turn in plain.turns]


def test_a_saved_desk_answers_alike(desk: Desk, tmp_path: Path) -> None:
    desk.save(tmp_path / "desk")
    again = load_any(tmp_path / "desk")
    assert isinstance(again, Desk)
    assert (again.version, again.labels) == (desk.version, desk.labels)
    assert list(again.annotate(TALKS)) == list(desk.annotate(TALKS))
    assert load_any(tmp_path / "desk" / "emotion") is not None


def test_a_member_that_was_changed_or_lost_is_named(desk: Desk, tmp_path: Path) -> None:
    desk.save(tmp_path / "desk")
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "desk", other)
    document = json.loads((other / "emotion" / "task.json").read_text())
    (other / "emotion" / "task.json").write_text(json.dumps(document | {"version": "0" * 12}))
    with pytest.raises(ModelError, match=r"emotion is not the member .*fit the desk again"):
        load_any(other)
    shutil.rmtree(other / "acts")
    with pytest.raises(ModelError):
        load_any(other)


def test_each_member_is_measured_and_a_missing_layer_says_so(desk: Desk) -> None:
    done: list[int] = []
    found = desk.evaluate(TALKS, draws=5, progress=done.append)
    assert set(found["members"]) == set(desk.labels)
    assert found["members"]["intent"]["n"] == 16
    assert found["members"]["handoff"]["n"] == 16
    assert sum(done) == 8 * len(desk.labels)
    bare = [Dialogue("b", (Turn("customer", "thank you", labels={"emotion": ("calm",)}),))]
    found = desk.evaluate(bare, draws=0)
    assert found["members"]["emotion"]["n"] == 1
    assert "missing" in found["members"]["satisfaction"]
    with pytest.raises(InputError, match="nothing can be measured"):
        desk.evaluate([Dialogue("b", (Turn("customer", "thank you"),))])


def test_tasks_can_be_chosen(tiny: Encoder) -> None:
    assert fit_desk(TALKS, tiny, tasks=("emotion",), training=STEPS).labels == ("emotion",)
    with pytest.raises(InputError, match=r"'emotions' of a desk.*emotion"):
        fit_desk(TALKS, tiny, tasks=("emotions",))


def test_a_corpus_without_labels_makes_no_desk(tiny: Encoder) -> None:
    with pytest.raises(CorpusError) as caught:
        fit_desk([Dialogue("b", (Turn("customer", "thank you"),))], tiny, training=STEPS)
    assert all(any(problem.startswith(f"{name}:") for problem in caught.value.problems) for name in MEMBERS)


@pytest.fixture(scope="module")
def shared(checkpoint: object, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    encoder = Encoder.load(checkpoint("bert"))  # type: ignore[operator]
    return fit_trunk(TALKS, encoder, trunk_recipe(overrides={"training": STEPS}), dev=TALKS)


def test_tasks_over_one_trunk_share_its_encoder(shared: Desk) -> None:
    assert shared.labels == ("intent", "acts", "emotion", "handoff", "satisfaction", "ranking")
    assert sorted(shared.facts["left_out"]) == ["pii", "state"]
    assert isinstance(shared.trunk, Trunk)
    encoders = {id(member.encoder) for member in shared.members.values() if isinstance(member, TaskModel)}
    assert encoders == {id(shared.trunk)}
    found = shared.predict(Dialogue("new", tuple(Turn(turn.speaker, turn.text) for turn in TALKS[1].turns)))
    assert {"intent", "emotion", "handoff", "acts"} <= set(found.turns[0].labels)
    assert "response" in found.turns[2].labels
    assert set(shared.evaluate(TALKS, draws=0)["members"]) == set(shared.labels)


@pytest.mark.parametrize("name", ["acts", "emotion", "handoff", "satisfaction"])
def test_a_head_that_two_steps_left_unlearned_is_learned_to_the_end(shared: Desk, name: str) -> None:
    """Held-out dialogues choose; what stays answers as well as the best that was tried."""
    model = shared.members[name]
    assert isinstance(model, TaskModel)
    tried = dict(model.facts["head"])
    trained = tried.pop("trained with the encoder")
    assert trained == pytest.approx(model.facts["epochs"][0]["quality"], abs=1e-2)
    assert len(tried) == 4
    assert max(tried.values()) > trained + 0.1
    examples = model.task.examples(TALKS, model.encoder.codec, model.learned, gold=True)
    answers, _ = run(model.task, model.encoder, model.head, examples)
    assert model.task.quality(answers, examples)[1] == pytest.approx(max(tried.values()), abs=1e-2)


def test_the_weight_of_a_task_changes_what_the_trunk_learns(checkpoint: object) -> None:
    encoder = Encoder.load(checkpoint("bert"))  # type: ignore[operator]

    def weights(emotion: float) -> torch.Tensor:
        fitting = trunk_recipe(overrides={"training": STEPS, "weights": {"emotion": emotion}})
        desk = fit_trunk(TALKS, encoder, fitting, dev=TALKS, tasks=("acts", "emotion"))
        assert isinstance(desk.trunk, Trunk)
        return torch.cat([value.flatten() for value in desk.trunk.parameters()])

    plain = weights(1.0)
    assert torch.equal(plain, weights(1.0))
    assert not torch.equal(plain, weights(50.0))


def test_a_saved_shared_desk_has_one_encoder_and_answers_alike(shared: Desk, tmp_path: Path) -> None:
    shared.save(tmp_path / "desk")
    assert len(list((tmp_path / "desk").rglob("model.safetensors"))) == 1
    again = load_any(tmp_path / "desk")
    assert isinstance(again, Desk)
    assert (again.version, again.labels) == (shared.version, shared.labels)
    assert list(again.annotate(TALKS)) == list(shared.annotate(TALKS))
    with pytest.raises(ModelError):
        load_any(tmp_path / "desk" / "emotion")


def test_over_a_trunk_too_a_cross_encoder_ranks_the_shortlist_again(
    checkpoint: object, shared: Desk, tmp_path: Path
) -> None:
    encoder = Encoder.load(checkpoint("bert"))  # type: ignore[operator]
    plain = trunk_recipe(overrides={"training": STEPS})
    ranking = {**plain.parameters["ranking"], "cross": True, "top_k": 1}
    fitting = replace(plain, parameters={**plain.parameters, "ranking": ranking})
    desk = fit_trunk(TALKS, encoder, fitting, dev=TALKS, tasks=("emotion", "ranking"))
    without, crossed = (found.members["ranking"] for found in (shared, desk))
    assert isinstance(without, RankingModel)
    assert isinstance(crossed, RankingModel)
    assert without.cross is None
    assert crossed.cross is not None
    assert crossed.retriever is not None
    desk.save(tmp_path / "desk")
    again = load_any(tmp_path / "desk")
    assert isinstance(again, Desk)
    assert list(again.annotate(TALKS)) == list(desk.annotate(TALKS))


@pytest.mark.parametrize("which", ["desk", "shared"])
def test_the_last_turn_alone_is_answered_as_among_the_others(which: str, request: pytest.FixtureRequest) -> None:
    desk: Desk = request.getfixturevalue(which)
    plain = Dialogue("new", tuple(Turn(turn.speaker, turn.text) for turn in TALKS[1].turns))
    (whole,), (one,) = list(desk.annotate([plain])), list(desk.annotate([plain], last=True))
    assert one.turns[:-1] == plain.turns[:-1]
    assert one.turns[-1].labels == whole.turns[-1].labels
    assert one.labels == whole.labels
    agents = Dialogue("agent", plain.turns[:2])
    (answered,) = desk.annotate([agents], last=True)
    assert answered.turns[0] == agents.turns[0]
    assert "acts" in answered.turns[1].labels
    assert "intent" not in answered.turns[1].labels


def test_a_task_that_no_desk_has_and_a_recipe_of_another_task(checkpoint: object) -> None:
    encoder = Encoder.load(checkpoint("bert"))  # type: ignore[operator]
    with pytest.raises(InputError, match="no task 'actz' of a desk; did you mean 'acts'"):
        fit_trunk(TALKS, encoder, trunk_recipe(), tasks=["actz"])
    with pytest.raises(RecipeError, match=r"\[weights\] acts is 0, expected more than 0"):
        trunk_recipe(overrides={"weights": {"acts": 0}})
    with pytest.raises(RecipeError, match=r"\[weights\] actz is not known; did you mean 'acts'"):
        trunk_recipe(overrides={"weights": {"actz": 2.0}})
    with pytest.raises(RecipeError, match=r"task = 'acts', expected 'desk'"):
        trunk_recipe("acts")
    with pytest.raises(CorpusError, match="nothing of a desk can be fitted"):
        fit_trunk([Dialogue("a", (Turn("customer", "hello"),))] * 2, encoder, trunk_recipe(), dev=[])
