"""From a model folder of any task to its fitted model."""

from pathlib import Path

from turnwise.tasks.desk import Desk, DeskTask, load_desk
from turnwise.tasks.fitted import Fitted, Member
from turnwise.tasks.folder import named_task
from turnwise.tasks.intent.engine import best_engine, load_with
from turnwise.tasks.intent.member import IntentMember
from turnwise.tasks.intent.model import IntentModel
from turnwise.tasks.model import load_model
from turnwise.tasks.ranking.engine import load_responses
from turnwise.tasks.ranking.model import RankingModel, load_ranking
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.recipes import TASKS
from turnwise.tasks.response_recipes import RESPONSE_TASKS
from turnwise.tasks.slots.model import SlotsTask, load_slots
from turnwise.tasks.trunk import Trunk


def load_any(folder: Path) -> Fitted | None:
    """The model in ``folder``; None when its task is none of dialogues: intents, or a folder that holds no model.

    Raises ModelError when it is not whole or damaged.
    """
    folder = Path(folder)
    name = named_task(folder)
    if name == DeskTask.name:
        return load_folder_of_desk(folder)
    if name in RESPONSE_TASKS:
        return load_responses(folder, best_engine(folder))
    if name == SlotsTask.name:
        return load_slots(folder)
    if name in {kind.name for kind in TASKS}:
        return load_model(folder, TASKS)
    return None


def load_folder_of_desk(folder: Path) -> Desk:
    """The desk in ``folder``, with its members' exports where there are some.

    Raises ModelError when it is not whole or damaged, TaskMismatchError when it holds something else.
    """
    return load_desk(folder, load_member)


def load_member(folder: Path, trunk: Trunk | None = None) -> Member:
    """The model of one task of a desk; with a ``trunk`` that is its encoder.

    Raises ModelError when it is not whole or damaged.
    """
    name = named_task(folder)
    if name == Ranking.name:
        return load_ranking(folder, trunk) if trunk is not None else _own_ranking(folder)
    if name == SlotsTask.name:
        return load_slots(folder, trunk)
    if name in {kind.name for kind in TASKS}:
        return load_model(folder, TASKS, trunk)
    if trunk is not None:
        return IntentMember(IntentModel.load(folder, trunk))
    return IntentMember(load_with(folder, best_engine(folder)))


def _own_ranking(folder: Path) -> RankingModel:
    model = load_responses(folder, best_engine(folder))
    assert isinstance(model, RankingModel)
    return model
