"""What the service needs of a model, and how folders on the command line become named models."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import InputError


class Predictor(Protocol):
    """A fitted model: ``predict`` returns one turn a text, with labels and evidence in the layer ``intent``.

    A text that the model cannot take raises InputError; its message reaches the client.
    """

    @property
    def labels(self) -> Sequence[str]: ...

    @property
    def version(self) -> str: ...

    def predict(self, texts: Sequence[str]) -> list[Turn]: ...


class Annotate(Protocol):
    """Fills layers of dialogues in, one after the other; with ``last`` those of their last turns alone."""

    def __call__(self, dialogues: Iterable[Dialogue], *, last: bool = False) -> Iterator[Dialogue]: ...


@dataclass(frozen=True)
class Annotator:
    """A fitted model of whole dialogues."""

    task: str
    labels: Sequence[str]
    version: str
    annotate: Annotate


Served = Predictor | Annotator


def load_served(folder: Path, *, workers: int = 1) -> Served:
    """The fitted model in ``folder``, with its int8 or fp32 export where there is one.

    A desk over one trunk answers in bfloat16 where this machine is faster at it, and then on ``workers`` cores, each
    with sequences of its own. All other operators of this process are then limited to one thread: the threads that help
    them wait for work on a core, which the encoder lacks meanwhile.
    Raises ModelError when there is none.
    """
    from turnwise.serve.server import limit_threads
    from turnwise.tasks.desk import Desk
    from turnwise.tasks.intent.engine import best_engine, load_with
    from turnwise.tasks.load import load_any

    found = load_any(folder)
    if isinstance(found, Desk) and found.trunk is not None:
        quick = found.trunk.quicken(workers)
        if quick and workers > 1:
            limit_threads(1)
    if found is not None:
        return Annotator(found.task.name, found.labels, found.version, found.annotate)
    return load_with(folder, best_engine(folder))


def named_folders(arguments: Sequence[str]) -> dict[str, Path]:
    """Model names and their folders from ``DIR`` (named by the folder) or ``NAME=DIR`` arguments.

    Raises InputError when a folder is missing, or a name is empty or used twice.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        name, separator, rest = argument.partition("=")
        if not separator or Path(argument).is_dir():
            name, rest = Path(argument).resolve().name, argument
        folder = Path(rest)
        if not name or not rest:
            raise InputError(f"{argument!r} names no model; write DIR or NAME=DIR")
        if not folder.is_dir():
            raise InputError(f"there is no model folder {rest}; `turnwise fit intent ... -o {rest}` makes one")
        if name in found:
            raise InputError(
                f"two models are called {name!r} ({found[name]} and {folder}); write NAME={folder} for one"
            )
        found[name] = folder
    return found
