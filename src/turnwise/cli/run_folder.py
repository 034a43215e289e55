"""The folder that a run lies in while it lasts: which run it is of, going on, and stopping so that it can go on."""

import json
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import typer

from turnwise.errors import CorpusError, InputError, ModelError
from turnwise.files import atomic_file, check_replaceable

if TYPE_CHECKING:
    from accelerate import PartialState

_RUN = "work.json"
_LOGS = ("log.jsonl", "tensorboard")


@dataclass(frozen=True)
class Work:
    """A folder with the turns, the log and the last checkpoint of one run."""

    folder: Path
    begun: bool
    """The folder was there before: the run goes on."""

    @classmethod
    def open(cls, folder: Path, run: Mapping[str, Any], *, restart: bool = False) -> "Work":
        """Make the folder, or find the same run in it.

        ``run`` is what makes a run the same one: corpora, base, recipe. ``restart`` removes what is there. Raises
        StorageError when the folder holds other things, ModelError when it is of another run: the differences are
        listed.
        """
        check_replaceable(folder, (_RUN,))
        if restart and folder.is_dir():
            shutil.rmtree(folder)
        path = folder / _RUN
        plain = json.loads(json.dumps(run))
        if not path.is_file():
            with atomic_file(path) as temporary:
                temporary.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
            return cls(folder, begun=False)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            found = {}
        if found != plain:
            raise ModelError(
                "\n  ".join(
                    [
                        f"the work folder {folder} is of another run; start anew with --restart, or name another "
                        "folder with --work:",
                        *_differences(found, plain),
                    ]
                )
            )
        return cls(folder, begun=True)

    @property
    def step(self) -> int:
        """The step of the last checkpoint; 0 when there is none."""
        try:
            return int(json.loads((self.folder / "checkpoint" / "run.json").read_text(encoding="utf-8"))["done"])
        except (OSError, ValueError, KeyError):
            return 0

    @property
    def stage(self) -> str:
        """What the run goes on from, in words."""
        if self.step:
            return f"step {self.step}"
        return "the stored turns" if (self.folder / "train" / "store.json").is_file() else "where it was reading"

    def remove(self, *, logs: Path | None = None) -> None:
        """Remove the folder; its logs go to the folder ``logs``, when one is named."""
        for name in _LOGS if logs is not None else ():
            if logs is not None and (self.folder / name).exists():
                logs.mkdir(parents=True, exist_ok=True)
                shutil.move(self.folder / name, logs / name)
        shutil.rmtree(self.folder)


class Stopping:
    """Ctrl-C and SIGTERM end a run between two steps; the second one ends it at once.

    ``check`` raises KeyboardInterrupt when one came. Nothing is ever cut off while it is written, but by the second.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Stopping":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def code(self) -> int:
        """The exit code: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    def check(self) -> None:
        """Raise KeyboardInterrupt when a signal came."""
        if self.signal is not None:
            raise KeyboardInterrupt

    def _came(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        typer.echo("stopping after this step; once more stops at once", err=True)


def opened(state: "PartialState", folder: Path, run: Mapping[str, Any], *, restart: bool) -> Work:
    """The folder of a run, opened by the first process before the others; says what it goes on from."""
    if not state.is_main_process:
        state.wait_for_everyone()
    kept = Work.open(folder, run, restart=restart and state.is_main_process)
    if state.is_main_process:
        state.wait_for_everyone()
        if kept.begun:
            typer.echo(f"going on from {kept.stage} of the run in {folder}; --restart starts anew")
    return kept


@contextmanager
def resumable(kept: Work, stopping: Stopping, state: "PartialState") -> Iterator[None]:
    """A block that is stopped says how to go on; one that cannot begin leaves no folder behind."""
    try:
        yield
    except KeyboardInterrupt:
        reached = f"its last checkpoint is of step {kept.step}" if kept.step else "no step is kept yet"
        typer.echo(f"stopped; the run is kept in {kept.folder}, {reached}. To go on:\n  {same_command()}", err=True)
        raise typer.Exit(stopping.code) from None
    except (CorpusError, InputError):
        if not kept.begun and not kept.step and state.is_main_process:
            kept.remove()
        raise


def stamp(path: Path) -> str:
    """Size and time of a file, or of all files of a folder: another when they changed."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    stats = [file.stat() for file in files]
    return f"{sum(stat.st_size for stat in stats)} bytes, {max((stat.st_mtime_ns for stat in stats), default=0)}"


def same_command(arguments: Sequence[str] | None = None) -> str:
    """The command line that goes on with this run: the same, without --restart."""
    given = sys.argv[1:] if arguments is None else arguments
    return shlex.join(["turnwise", *(argument for argument in given if argument != "--restart")])


def _differences(found: object, own: object, path: str = "") -> Iterator[str]:
    if isinstance(found, dict) and isinstance(own, dict):
        for key in sorted({*found, *own}):
            if found.get(key) != own.get(key):
                yield from _differences(found.get(key), own.get(key), f"{path}.{key}" if path else key)
    else:
        yield f"{path} was {json.dumps(found)} and is {json.dumps(own)}"
