"""An intent detector among the models of dialogues: the same surface as theirs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnwise.dialogue import Dialogue
from turnwise.errors import InputError
from turnwise.tasks.fitted import Asked
from turnwise.tasks.intent.evaluation import evaluate
from turnwise.tasks.intent.examples import asked, utterances
from turnwise.tasks.intent.model import TASK, IntentModel


@dataclass(frozen=True)
class IntentTask:
    """What it says of itself."""

    name: str = TASK
    layer: str = TASK
    paper: str = "ConvFiT (Vulić et al., 2021), 2"


class IntentMember:
    """A fitted detector that annotates, is measured and saved as the models of dialogues are."""

    task = IntentTask()

    def __init__(self, model: IntentModel) -> None:
        self.model = model

    @property
    def labels(self) -> tuple[str, ...]:
        return self.model.labels

    @property
    def facts(self) -> dict[str, Any]:
        return self.model.facts

    @property
    def version(self) -> str:
        return self.model.version

    def ask(self, dialogues: Sequence[Dialogue], *, last: bool) -> Asked:
        """What ``annotate`` asks about some dialogues, and how it fills their intents in."""
        texts = [one.turns[row].text for one in dialogues for row in asked(one, last=last)]
        codec = self.model.encoder.codec
        return Asked(lambda: codec.tokenise(texts), lambda given: list(self.model.annotate(given, last=last)))

    def annotate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        last: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Dialogue]:
        """The dialogues with the intents of every turn that is not the agent's, or of the last turn alone."""
        for dialogue in self.model.annotate(dialogues, last=last):
            yield dialogue
            if progress is not None:
                progress(1)

    def evaluate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        draws: int = 1000,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """The evaluation JSON over every turn with an intent. Raises InputError when there is none."""
        given = list(dialogues)
        found = utterances(given)
        if not found:
            raise InputError("there is nothing to measure: no turn has the layer 'intent'")
        metrics = evaluate(self.model, found, draws=draws, seed=seed).metrics
        if progress is not None:
            progress(len(given))
        return {"task": TASK, **metrics}

    def save(self, folder: Path, *, encoder: bool = True) -> None:
        """Write the model folder; see ``IntentModel.save``."""
        self.model.save(folder, encoder=encoder)
