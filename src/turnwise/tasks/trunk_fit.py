"""Fit a desk over one trunk: all its tasks learn together, and the epoch stays that is best for all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from turnwise import __version__
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, RecipeError
from turnwise.messages import nearest
from turnwise.recipe import build, overridden, read_recipe
from turnwise.settings import Settings
from turnwise.tasks.desk import Desk, DeskTask
from turnwise.tasks.fit import HeldOut, TaskInput, TaskLearner, adapted_encoder, train_and_held
from turnwise.tasks.fitted import Member
from turnwise.tasks.intent.examples import mean_shots, utterances
from turnwise.tasks.intent.learner import IntentLearner
from turnwise.tasks.intent.recipes import intent_recipe
from turnwise.tasks.learner import Learner, facts_of, learn
from turnwise.tasks.pool import Pool, dialogue_pool
from turnwise.tasks.ranking.fit import RankingLearner
from turnwise.tasks.recipes import TASKS, task_recipe
from turnwise.tasks.response_recipes import ranking_recipe
from turnwise.tasks.trunk import Trunk
from turnwise.training import Step

Tables = Mapping[str, Mapping[str, Any]]
MEMBERS = ("intent", *(kind.name for kind in TASKS), "ranking")
"""The tasks of a desk, in the order in which they are fitted and answer."""


@dataclass(frozen=True)
class Weights:
    """What the loss of each task is multiplied by before they are summed. Raises InputError for one not above 0."""

    intent: float = 1.0
    acts: float = 1.0
    emotion: float = 1.0
    handoff: float = 1.0
    pii: float = 1.0
    satisfaction: float = 1.0
    state: float = 1.0
    ranking: float = 1.0

    def __post_init__(self) -> None:
        for name, weight in asdict(self).items():
            if not weight > 0:
                raise InputError(f"{name} is {weight}, expected more than 0; leave a task out with --task")


@dataclass(frozen=True)
class TrunkFitting:
    """A recipe: how the trunk is trained and reads dialogues, and what each task has otherwise than its own recipe."""

    training: Settings
    input: TaskInput
    held_out: HeldOut
    weights: Weights
    parameters: Tables


def trunk_recipe(name: str = DeskTask.name, overrides: Tables | None = None) -> TrunkFitting:
    """The recipe ``name``: [training], [input], [held_out], [weights], and a table for each task that has parameters.

    ``overrides`` win. Raises RecipeError with every problem.
    """
    tables = read_recipe(name)
    task = tables.pop("task", None)
    tables.pop("about", None)
    if task != DeskTask.name:
        raise RecipeError(
            f"recipe {name} has task = {task!r}, expected 'desk'; a desk's recipe is fitted with --shared"
        )
    parameters = {key: tables.pop(key) for key in (*MEMBERS, "selection") if key in tables}
    sections: dict[str, type[Any]] = {
        "training": Settings,
        "input": TaskInput,
        "held_out": HeldOut,
        "weights": Weights,
    }
    built = build(overridden(tables, overrides or {}), sections, recipe=name)
    return TrunkFitting(built["training"], built["input"], built["held_out"], built["weights"], parameters)


def of_desk(tasks: Sequence[str], members: Sequence[str] = MEMBERS) -> list[str]:
    """The tasks in the order in which they answer. Raises InputError for one that no desk has."""
    unknown = [name for name in tasks if name not in members]
    if unknown:
        raise InputError(f"there is no task {unknown[0]!r} of a desk; {nearest(unknown[0], members)}")
    return [name for name in members if name in tasks]


def fit_trunk(
    dialogues: Iterable[Dialogue],
    encoder: Encoder,
    fitting: TrunkFitting,
    *,
    dev: Iterable[Dialogue] | None = None,
    pool: Pool | None = None,
    tasks: Sequence[str] = MEMBERS,
    on_step: Callable[[Step], None] | None = None,
) -> Desk:
    """Fit each of ``tasks`` that the dialogues have labels for, together, on one copy of ``encoder``.

    An epoch sees all examples of every task once: the task with the most batches takes part in every step, the others
    in some. The best epoch is that with the highest mean quality on held-out dialogues. Then the encoder stays, and the
    linear heads are learned to the end where held-out dialogues gain by it: a rare label, as a hand-off is, has few
    batches in an epoch of all. What could not be fitted is in
    ``facts["left_out"]`` with the reason. Raises InputError for an unknown task, CorpusError when nothing could be
    fitted.
    """
    settings, wanted = fitting.training, of_desk(tasks)
    given = list(dialogues)
    train, held = train_and_held(given, dev, fitting.held_out, settings.seed)
    trunk = Trunk.of(adapted_encoder(encoder, fitting.input, settings.seed))
    learners: dict[str, Learner[Member]] = {}
    left_out: dict[str, str] = {}
    for name in wanted:
        try:
            learners[name] = _learner(name, fitting, trunk, given, train, held, pool)
        except CorpusError as error:
            left_out[name] = str(error)
    if not learners:
        raise CorpusError("nothing of a desk can be fitted:", [f"{name}: {why}" for name, why in left_out.items()])
    records = learn(trunk, list(learners.values()), settings, on_step, asdict(fitting.weights))
    members: dict[str, Member] = {}
    with trunk.quick():
        for (name, learner), learned in zip(learners.items(), records, strict=True):
            facts = facts_of(learner, learned, settings, fitting.input, encoder=encoder.name, train=train)
            members[name] = learner.finish(facts)
    about = {"turnwise": __version__, "encoder": encoder.name, "dialogues": len(train), "left_out": left_out}
    return Desk(members, trunk=trunk, facts=about)


def _learner(
    name: str,
    fitting: TrunkFitting,
    trunk: Trunk,
    given: Sequence[Dialogue],
    train: Sequence[Dialogue],
    held: Sequence[Dialogue],
    pool: Pool | None,
) -> Learner[Member]:
    own = fitting.parameters.get(name, {})
    training = {"seed": fitting.training.seed}
    if name == "intent":
        recipe = intent_recipe("intent", shots=mean_shots(utterances(train)), overrides={"training": training})
        return IntentLearner(recipe, trunk, train, held)
    if name == "ranking":
        tables = {"parameters": own, "training": training, "selection": fitting.parameters.get("selection", {})}
        ranking = ranking_recipe("ranking", tables)
        ranking = replace(ranking, task=replace(ranking.task, shortlist="shared"))
        choices = dialogue_pool(given, ranking.task.gold_layer) if pool is None else pool
        shared = ranking.task.shortlist_of(len(choices)) == "shared"
        return RankingLearner(ranking, trunk, train, held, choices, shared=shared)
    task = task_recipe(name, {"parameters": own, "training": training}).task
    return TaskLearner(task, trunk, train, held, fitting.training.seed, given=given, settle=True)
