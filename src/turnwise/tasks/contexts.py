"""What was said before a response, as ids: the questions of response selection and ranking."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from turnwise.codec import Codec, Tokens
from turnwise.dialogue import Dialogue
from turnwise.sequences import TEXT, Composer, Ids, Row, TurnIds
from turnwise.tasks.rows import talks

_NO_PROFILE = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Context:
    """The turns before a response, blank ones left out, and the profile.

    ``dialogue`` is the number of the dialogue, ``turn`` that of the turn that the response is, or would be.
    """

    turns: tuple[TurnIds, ...]
    profile: Ids
    dialogue: int
    turn: int

    def row(self, composer: Composer, response: Ids | None = None) -> Row:
        """The context as one sequence, with a response after it when one is given."""
        return composer.dialogue(self.turns, response=response, profile=self.profile)

    def is_cut(self, row: Row) -> bool:
        """Whether a row without a response lacks some of the context."""
        said = sum(len(turn.ids) for turn in self.turns)
        return row.dropped > 0 or int((row.marks == TEXT).sum()) < said


def contexts_of(
    dialogues: Sequence[Dialogue],
    codec: Codec,
    wanted: Callable[[Dialogue], Iterable[int]],
    *,
    profile: bool,
) -> list[Context]:
    """The contexts of the turns that ``wanted`` names, one past the last among them."""
    found = []
    for number, (dialogue, talk) in enumerate(zip(dialogues, talks(dialogues, codec), strict=True)):
        told = talk.profile if profile else _NO_PROFILE
        for turn in wanted(dialogue):
            before = tuple(ids for ids in talk.turns[:turn] if len(ids.ids))
            found.append(Context(before, told, number, turn))
    return found


def agent_turns(dialogue: Dialogue) -> list[int]:
    """The agent's turns with a text that something was said before."""
    spoken = [at for at, turn in enumerate(dialogue.turns) if turn.text.strip()]
    return [at for at in spoken[1:] if dialogue.turns[at].speaker == "agent"]


def asked_turns(dialogue: Dialogue) -> tuple[int, ...]:
    """Turns after which a response is wanted: not the agent's, with a text, and the agent's turn follows or none."""
    last = len(dialogue.turns) - 1
    return tuple(
        at
        for at, turn in enumerate(dialogue.turns)
        if turn.speaker != "agent" and turn.text.strip() and (at == last or dialogue.turns[at + 1].speaker == "agent")
    )


def tokens_of(row: Row) -> Tokens:
    """A row as what encoders and their exports take; segments only where there are several."""
    segments = tuple(row.segments.tolist()) if row.segments.any() else ()
    return Tokens(tuple(row.ids.tolist()), segments=segments)
