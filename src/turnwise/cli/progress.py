"""Progress on stderr, for anything that may take more than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from turnwise.training import Step

Advance = Callable[[int], None]


@contextmanager
def counting(what: str, total: int | None = None) -> Iterator[Advance]:
    """Yield a function that moves the bar on by so many; nothing is drawn when stderr is no terminal."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)

        def advance(count: int = 1) -> None:
            progress.advance(task, count)

        yield advance


@dataclass
class TrainingBar:
    """Dialogues read, then steps with the loss of each objective, tokens a second and the time left."""

    progress: Progress
    tokens: int = 0
    seconds: float = 0.0
    _reading: TaskID | None = None
    _training: TaskID | None = None
    _recent: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Tokens a second, padding not counted, over all steps shown."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def read(self, count: int = 1) -> None:
        """So many dialogues were read."""
        if self._reading is None:
            self._reading = self.progress.add_task("reading dialogues", total=None, losses="")
        self.progress.advance(self._reading, count)

    def tokenised(self, done: int, total: int) -> None:
        """So many sentences of so many are tokens."""
        if self._reading is None:
            self._reading = self.progress.add_task("reading sentences", total=total, losses="")
        self.progress.update(self._reading, completed=done, total=total)

    def step(self, step: "Step") -> None:
        """A step was made; losses are shown as moving averages."""
        self.tokens, self.seconds = self.tokens + step.tokens, self.seconds + step.seconds
        for name, loss in step.losses.items():
            self._recent[name] = loss + 0.9 * (self._recent.get(name, loss) - loss)
        if self._training is None:
            if self._reading is not None:
                self.progress.update(self._reading, visible=False)
            # Steps of an earlier run are there from the start: they say nothing about this one's speed.
            self._training = self.progress.add_task("training", total=step.total, completed=step.index - 1, losses="")
        losses = " ".join(f"{name} {value:.3f}" for name, value in self._recent.items())
        self.progress.update(self._training, completed=step.index, losses=f"{losses}  {self.rate:,.0f} tokens/s")


@contextmanager
def training_bar() -> Iterator[TrainingBar]:
    """Yield a bar for a run of pre-training; nothing is drawn when stderr is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield TrainingBar(progress)
