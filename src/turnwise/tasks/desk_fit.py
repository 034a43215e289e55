"""Fit a desk: every task that a corpus has labels for, one after the other, each with an encoder of its own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from turnwise import __version__
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.tasks.desk import Desk
from turnwise.tasks.fit import fit_task
from turnwise.tasks.fitted import Member
from turnwise.tasks.intent.examples import mean_shots, utterances
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.member import IntentMember
from turnwise.tasks.intent.recipes import intent_recipe
from turnwise.tasks.load import load_member
from turnwise.tasks.pool import Pool
from turnwise.tasks.ranking.fit import fit_ranking
from turnwise.tasks.recipes import task_recipe
from turnwise.tasks.response_recipes import ranking_recipe
from turnwise.tasks.slots.fit import fit_slots
from turnwise.tasks.slots.model import SlotsTask
from turnwise.tasks.slots.recipe import SHARED_KEYS, slots_recipe
from turnwise.tasks.trunk_fit import MEMBERS, of_desk
from turnwise.training import Step

DESK_TASKS = (*MEMBERS, SlotsTask.name)
"""The tasks of a desk without a shared encoder; slots read a frozen one, which learns with nobody."""
OnStep = Callable[[str, Step], None]
Training = Mapping[str, Any]


def fit_desk(
    dialogues: Iterable[Dialogue],
    encoder: Encoder,
    *,
    dev: Iterable[Dialogue] | None = None,
    pool: Pool | None = None,
    tasks: Sequence[str] = DESK_TASKS,
    training: Training | None = None,
    work: Path | None = None,
    on_step: OnStep | None = None,
) -> Desk:
    """Fit each of ``tasks`` that the dialogues have labels for, by its own recipe and with an encoder of its own.

    ``pool`` holds the responses to rank, by default what agents say. ``training`` overrides the recipes' settings of
    training. Each model is kept in the folder ``work`` as soon as it is fitted, where one is named; those that lie
    there are not fitted again. What could not be fitted is in ``facts["left_out"]`` with the reason. ``on_step`` is
    called with the task's name and each step. Raises InputError for an unknown task, CorpusError when nothing could be
    fitted.
    """
    wanted = of_desk(tasks, DESK_TASKS)
    given = list(dialogues)
    held = None if dev is None else list(dev)
    members: dict[str, Member] = {}
    left_out: dict[str, str] = {}
    for name in wanted:
        try:
            if work is not None and (work / name).is_dir():
                members[name] = load_member(work / name)
                continue
            members[name] = _fit(name, given, held, encoder, pool, dict(training or {}), on_step or _quiet)
            if work is not None:
                members[name].save(work / name)
        except CorpusError as error:
            left_out[name] = str(error)
    if not members:
        raise CorpusError("nothing of a desk can be fitted:", [f"{name}: {why}" for name, why in left_out.items()])
    facts = {"turnwise": __version__, "encoder": encoder.name, "dialogues": len(given), "left_out": left_out}
    return Desk(members, facts=facts)


def _fit(
    name: str,
    given: Sequence[Dialogue],
    held: Sequence[Dialogue] | None,
    encoder: Encoder,
    pool: Pool | None,
    training: dict[str, Any],
    on_step: OnStep,
) -> Member:
    if name == "intent":
        found = utterances(given)
        recipe = intent_recipe("intent", shots=mean_shots(found), overrides={"training": training})
        model = fit_intent(found, encoder, recipe, dev=utterances(held) if held else None, on_step=on_step)
        return IntentMember(model)
    if name == "ranking":
        ranking = ranking_recipe("ranking", {"training": training, "shortlist": training})
        return fit_ranking(given, encoder, ranking, pool=pool, dev=held, on_step=on_step)
    if name == SlotsTask.name:
        own = {key: value for key, value in training.items() if key in SHARED_KEYS}
        return fit_slots(
            given, encoder, slots_recipe("slots", {"training": own}), on_step=lambda step: on_step(name, step)
        )
    fitting = task_recipe(name, {"training": training})
    return fit_task(given, encoder, fitting, dev=held, on_step=lambda step: on_step(name, step))


def _quiet(_: str, __: Step) -> None:
    """Shows nothing of a step."""
