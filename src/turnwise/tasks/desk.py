"""A desk: every task that a corpus has labels for, as one model that fills all layers of a dialogue."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError
from turnwise.files import atomic_folder
from turnwise.tasks.fitted import Member, in_parts
from turnwise.tasks.folder import MARKS, read_task, write_task
from turnwise.tasks.trunk import Trunk

_TRUNK = "encoder"
"""Dialogues that pass through all members together."""


@dataclass(frozen=True)
class DeskTask:
    """What a desk says of itself."""

    name: str = "desk"
    layer: str = "all"
    paper: str = "CS-BERT (Wang et al., 2021), 4.3: the tasks of a customer-service desk, together"


class Desk:
    """``members`` by the name of their task, in the order in which they fill layers in."""

    task = DeskTask()

    def __init__(
        self, members: Mapping[str, Member], *, trunk: Trunk | None = None, facts: dict[str, Any] | None = None
    ) -> None:
        if not members:
            raise CorpusError("the desk has no member: the corpus has no layer that a task learns from")
        self.members = dict(members)
        self.trunk = trunk
        self.facts = facts or {}
        self.version = "unsaved"

    @property
    def labels(self) -> tuple[str, ...]:
        """The tasks it answers."""
        return tuple(self.members)

    def annotate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        last: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Dialogue]:
        """The dialogues with every member's layers filled in, or replaced; with ``last`` those of the last turn alone.

        ``progress`` gets the number of dialogues just done.
        """
        return in_parts(lambda part: self._filled(part, last=last), dialogues, progress)

    def _filled(self, dialogues: list[Dialogue], *, last: bool) -> list[Dialogue]:
        with self.trunk.remembering() if self.trunk is not None else nullcontext():
            asked = [member.ask(dialogues, last=last) for member in self.members.values()]
            if self.trunk is not None:
                self.trunk.remember([tokens for one in asked for tokens in one.tokens()])
            for one in asked:
                dialogues = one.fill(dialogues)
        return dialogues

    def predict(self, dialogue: Dialogue) -> Dialogue:
        """One dialogue with all layers filled in."""
        return next(iter(self.annotate([dialogue])))

    def evaluate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        draws: int = 1000,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Each member's evaluation under ``members``; a member whose layer the dialogues lack says so as ``missing``.

        Raises InputError when no member could be measured.
        """
        given = list(dialogues)
        found: dict[str, Any] = {}
        for name, member in self.members.items():
            try:
                found[name] = member.evaluate(given, draws=draws, seed=seed)
            except (InputError, CorpusError) as error:
                found[name] = {"missing": str(error)}
            if progress is not None:
                progress(len(given))
        if all("missing" in one for one in found.values()):
            raise InputError(f"nothing can be measured: {'; '.join(one['missing'] for one in found.values())}")
        return {
            "task": self.task.name,
            "model": self.version,
            "n": sum(one.get("n", 0) for one in found.values()),
            "dialogues": len(given),
            "members": found,
        }

    def save(self, folder: Path) -> None:
        """Write the desk's folder, atomically: task.json, a model folder for each member, and the trunk's, if any.

        Raises StorageError when the disk refuses; an older folder is then untouched.
        """
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            if self.trunk is not None:
                (temporary / _TRUNK).mkdir()
                self.trunk.write(temporary / _TRUNK)
            for name, member in self.members.items():
                member.save(temporary / name, encoder=self.trunk is None)
            versions = {name: member.version for name, member in self.members.items()}
            limit = None if self.trunk is None else self.trunk.codec.max_tokens
            content = {"members": versions, "trunk": limit, "facts": self.facts}
            self.version = write_task(temporary, self.task.name, content)
            (temporary / "README.md").write_text(self._card(), encoding="utf-8")

    def _card(self) -> str:
        lines = [f"# desk\n\nVersion `{self.version}`. Each member is a model folder of its own.\n"]
        lines += [f"- `{name}`: version `{member.version}`" for name, member in self.members.items()]
        left = self.facts.get("left_out", {})
        lines += ["", "Left out:", "", *(f"- {name}: {reason}" for name, reason in left.items())] if left else []
        return "\n".join([*lines, "", "```", "turnwise predict THIS_FOLDER --input dialogues.jsonl --json", "```", ""])


def load_desk(folder: Path, load: Callable[[Path, Trunk | None], Member]) -> Desk:
    """Read a desk's folder; ``load`` reads a member's, and gets the trunk that it shares.

    Raises ModelError when it is not whole or damaged.
    """
    folder = Path(folder)
    document = read_task(folder, DeskTask.name)
    versions = document.get("members")
    if not isinstance(versions, dict) or not versions:
        raise ModelError(f"{folder / 'task.json'} names no members; fit the desk again")
    limit = document.get("trunk")
    trunk = None if limit is None else Trunk.of(Encoder.load(folder / _TRUNK, max_tokens=int(limit)))
    members = {name: load(folder / name, trunk) for name in versions if Path(name).name == name}
    for name, version in versions.items():
        if name not in members or members[name].version != version:
            raise ModelError(f"{folder / name} is not the member that the desk was saved with; fit the desk again")
    desk = Desk(members, trunk=trunk, facts=dict(document.get("facts", {})))
    desk.version = str(document["version"])
    return desk
