"""What fitted models of dialogues have in common, whatever their task."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from turnwise.codec import Tokens
from turnwise.dialogue import Dialogue

_TOGETHER = 64


@dataclass(frozen=True)
class Asked:
    """What a model asks about some dialogues: the first half of ``annotate``, ``fill`` being the other.

    ``tokens()`` will be encoded first, so that they can be encoded together with those of other models. ``fill`` takes
    the dialogues again, whatever layers others filled in since.
    """

    tokens: Callable[[], Sequence[Tokens]]
    fill: Callable[[Sequence[Dialogue]], list[Dialogue]]


def in_parts(
    fill: Callable[[list[Dialogue]], Iterable[Dialogue]],
    dialogues: Iterable[Dialogue],
    progress: Callable[[int], None] | None,
) -> Iterator[Dialogue]:
    """What ``fill`` makes of 64 dialogues at a time; ``progress`` gets the number of dialogues just done."""
    stream = iter(dialogues)
    while part := list(islice(stream, _TOGETHER)):
        yield from fill(part)
        if progress is not None:
            progress(len(part))


class About(Protocol):
    """What a task says of itself."""

    @property
    def name(self) -> str: ...

    @property
    def paper(self) -> str: ...


class Fitted(Protocol):
    """What every fitted model of dialogues can do."""

    @property
    def version(self) -> str: ...

    @property
    def facts(self) -> dict[str, Any]: ...

    @property
    def task(self) -> About: ...

    @property
    def labels(self) -> Sequence[str]: ...

    def annotate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        last: bool = False,
        progress: Callable[[int], None] | None = None,
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


class Member(Fitted, Protocol):
    """A fitted model that can share its encoder: who does writes it once, and gives it to each when they are read."""

    def ask(self, dialogues: Sequence[Dialogue], *, last: bool) -> Asked: ...

    def save(self, folder: Path, *, encoder: bool = True) -> None: ...
