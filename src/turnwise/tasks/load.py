"""From a model folder of any task to its fitted model."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from turnwise.dialogue import Dialogue
from turnwise.tasks.model import load_model
from turnwise.tasks.recipes import TASKS


class About(Protocol):
    """What a task says of itself."""

    @property
    def name(self) -> str: ...

    @property
    def paper(self) -> str: ...


class Fitted(Protocol):
    """What every fitted model of dialogues can do."""

    version: str
    facts: dict[str, Any]

    @property
    def task(self) -> About: ...

    @property
    def labels(self) -> Sequence[str]: ...

    def annotate(
        self, dialogues: Iterable[Dialogue], *, progress: Callable[[int], None] | None = None
    ) -> Iterator[Dialogue]: ...

    def evaluate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        draws: int = 1000,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]: ...

    def save(self, folder: Path) -> None: ...


def load_any(folder: Path) -> Fitted | None:
    """The model in ``folder``; None when its task is none of dialogues: intents, or a folder that holds no model.

    Raises ModelError when it is not whole or damaged.
    """
    try:
        name = json.loads((Path(folder) / "task.json").read_text(encoding="utf-8"))["task"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if name not in {kind.name for kind in TASKS}:
        return None
    return load_model(Path(folder), TASKS)
