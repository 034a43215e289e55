"""What a fitted model marks in dialogues and in their profiles, for ``turnwise.redaction``."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from turnwise.dialogue import Dialogue, Turn
from turnwise.redaction import Marks
from turnwise.tasks.model import TaskModel

_TOGETHER = 64


def marked(model: TaskModel, dialogues: Iterable[Dialogue]) -> Iterator[tuple[Dialogue, Marks]]:
    """Each dialogue with the model's spans. Values of the profile are read as turns that nobody said."""
    kinds = {kind: str(known["label"]) for kind, known in model.learned["rules"].items()}
    layer = model.task.layer
    stream = iter(dialogues)
    while part := list(islice(stream, _TOGETHER)):
        longer = [replace(d, turns=(*d.turns, *(Turn(None, value) for value in d.profile.values()))) for d in part]
        for dialogue, answered in zip(part, model.annotate(longer), strict=True):
            spans = [turn.spans[layer] if layer in turn.evidence else () for turn in answered.turns]
            said, told = spans[: len(dialogue.turns)], spans[len(dialogue.turns) :]
            yield dialogue, Marks(said, dict(zip(dialogue.profile, told, strict=True)), kinds)
