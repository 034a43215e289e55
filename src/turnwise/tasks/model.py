"""A fitted task: encoder, head and what was learned; it annotates dialogues, is measured, saved and loaded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from turnwise.dialogue import Dialogue, Neighbour, Turn
from turnwise.encoder import Encoder, evaluating
from turnwise.errors import InputError, ModelError
from turnwise.files import atomic_folder
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.precision import Precision, mixed, resolve
from turnwise.tasks.answers.kind import Learned
from turnwise.tasks.base import Answers, BaseTask
from turnwise.tasks.card import card
from turnwise.tasks.contexts import tokens_of
from turnwise.tasks.fitted import Asked, in_parts
from turnwise.tasks.folder import MARKS, read_arrays, read_task, task_of, write_arrays, write_task
from turnwise.tasks.rows import Examples
from turnwise.vectors import unit

_HEAD = "head.safetensors"
_MEMORY = "memory.safetensors"
_BATCH_TOKENS = 2048
SHOWN_NEIGHBOURS = 3


@dataclass(frozen=True)
class Memory:
    """Training turns that explain answers: ``texts`` and unit ``vectors`` (turns, dim)."""

    texts: tuple[str, ...] = ()
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def near(self, vectors: NDArray[np.float32], label: str) -> list[tuple[Neighbour, ...]]:
        """For each vector (queries, dim), of whatever length, the most similar turns, best first."""
        if not self.texts:
            return [()] * len(vectors)
        cosines = unit(vectors) @ self.vectors.T
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :SHOWN_NEIGHBOURS]
        return [
            tuple(Neighbour(self.texts[at], (label,), float(min(1.0, row[at]))) for at in best)
            for row, best in zip(cosines, order, strict=True)
        ]


class TaskModel:
    """What ``fit_task`` returns and ``save`` and ``load_model`` keep."""

    def __init__(
        self,
        task: BaseTask,
        encoder: Encoder,
        head: nn.Module,
        learned: Learned,
        *,
        memory: Memory | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.task = task
        self.encoder = encoder.eval()
        self.head = head.eval()
        self.learned = learned
        self.memory = memory or Memory()
        self.facts = facts or {}
        self.version = "unsaved"

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can answer."""
        return self.task.labels(self.learned)

    def annotate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        last: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Dialogue]:
        """The dialogues with the task's layer filled in, or replaced; with ``last`` that of the last turn alone.

        ``progress`` gets the number of dialogues just done.
        """
        return in_parts(lambda part: self.ask(part, last=last).fill(part), dialogues, progress)

    def ask(self, dialogues: Sequence[Dialogue], *, last: bool) -> Asked:
        """What ``annotate`` asks about some dialogues, and how it fills their layer in."""
        examples = self.task.examples(dialogues, self.encoder.codec, self.learned, gold=False)
        if last:
            ends = [len(dialogue.turns) - 1 if self.task.goes_on(dialogue) else None for dialogue in dialogues]
            kept = [ends[example.dialogue] in (None, example.turn) for example in examples.found]
            examples = examples.only(np.flatnonzero(kept).tolist())

        def fill(given: Sequence[Dialogue]) -> list[Dialogue]:
            filled = self._filled(given, examples)
            return [only_last(*pair) for pair in zip(given, filled, strict=True)] if last else list(filled)

        return Asked(lambda: [tokens_of(example.row) for example in examples.found], fill)

    def _filled(self, dialogues: Sequence[Dialogue], examples: Examples) -> Iterator[Dialogue]:
        scores, vectors = run(self.task, self.encoder, self.head, examples)
        near = self.memory.near(vectors, self.task.layer)
        asked: dict[int, list[int]] = {}
        for at, example in enumerate(examples.found):
            asked.setdefault(example.dialogue, []).append(at)
        for number, dialogue in enumerate(dialogues):
            rows = asked.get(number, [])
            yield self.task.annotate(
                dialogue, [examples[row] for row in rows], scores[rows], self.learned, [near[row] for row in rows]
            )

    def predict(self, dialogue: Dialogue) -> Dialogue:
        """One dialogue with the task's layer filled in."""
        return next(iter(self.annotate([dialogue])))

    def evaluate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        draws: int = 1000,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """The evaluation as plain JSON: metrics of the task's kind of answers, with 95 % intervals by dialogue.

        Raises InputError when nothing is labelled.
        """
        given = list(dialogues)
        found = self.task.measure(
            given, list(self.annotate(given, progress=progress)), self.learned, draws=draws, seed=seed
        )
        return {"task": self.task.name, "model": self.version, **found}

    def save(self, folder: Path, *, encoder: bool = True) -> None:
        """Write the model folder, atomically: task.json, encoder/, the head, README.md.

        Without ``encoder`` that is left to whoever shares it, who gives it to ``load_model`` again.
        Raises StorageError when the disk refuses; an older folder is then untouched.
        """
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            if encoder:
                (temporary / "encoder").mkdir()
                self.encoder.write(temporary / "encoder")
            save_file({name: value.contiguous() for name, value in self.head.state_dict().items()}, temporary / _HEAD)
            if self.memory.texts:
                write_arrays(temporary / _MEMORY, {"vectors": self.memory.vectors})
            content = {
                "encoder": self.facts.get("encoder", self.encoder.name),
                "max_tokens": self.encoder.codec.max_tokens,
                "parameters": asdict(self.task),  # type: ignore[call-overload]
                "learned": self.learned,
                "memory": list(self.memory.texts),
                "facts": self.facts,
            }
            self.version = write_task(temporary, self.task.name, content)
            text = card(self.task, self.labels, self.version, content)
            (temporary / "README.md").write_text(text, encoding="utf-8")


def load_model(folder: Path, tasks: Sequence[type[BaseTask]], encoder: Encoder | None = None) -> TaskModel:
    """Read a model folder of one of the ``tasks``; ``encoder`` is one that it shares with others.

    Raises ModelError when it is not whole, damaged or not there, TaskMismatchError when of none of the tasks.
    """
    folder = Path(folder)
    kinds = {kind.name: kind for kind in tasks}
    document = read_task(folder, task_of(folder, tuple(kinds)))
    try:
        task = kinds[document["task"]](**document["parameters"])
        if encoder is None:
            encoder = Encoder.load(folder / "encoder", max_tokens=int(document["max_tokens"]))
        learned = dict(document["learned"])
        head = task.head(encoder, Examples((), task.width(learned)))
        head.load_state_dict(load_file(folder / _HEAD))
        texts = tuple(document["memory"])
        memory = Memory(texts, read_arrays(folder / _MEMORY)["vectors"]) if texts else Memory()
        model = TaskModel(task, encoder, head, learned, memory=memory, facts=document["facts"])
        model.version = document["version"]
    except (KeyError, TypeError, ValueError, InputError, RuntimeError, OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder} cannot be read as a model of {document['task']}: {reason}; fit it again") from None
    return model


def run(
    task: BaseTask, encoder: Encoder, head: nn.Module, examples: Examples, *, precision: Precision = "fp32"
) -> tuple[Answers, NDArray[np.float32]]:
    """What the task's ``decode`` gives, (examples, width), and what the head reads, (examples, dim).

    Where it answers for each token, the answers are an object array: (tokens, width) an example, the padding of its
    batch included. Rows of like length share a batch. No gradients.
    """
    scores: list[NDArray[np.float64]] = [np.zeros(examples.width)] * len(examples)
    vectors = np.zeros((len(examples), encoder.dim), dtype=np.float32)
    order = np.argsort(examples.lengths(np.arange(len(examples))), kind="stable")
    precision = resolve(precision, encoder.device)
    with evaluating(encoder.backbone, head), torch.inference_mode(), mixed(encoder.backbone, precision):
        for part in _parts(order, examples):
            batch = task.collate([examples[row] for row in part], encoder.codec, Draws(0, 0, 0, tuple(part)))
            hidden = tuple(
                Hidden(encoder(encoding.to(encoder.device)).float(), encoding.mask.to(encoder.device))
                for encoding in batch.encodings
            )
            targets = {name: value.to(encoder.device) for name, value in batch.targets.items()}
            batch = Batch(batch.encodings, targets)
            answers = task.decode(hidden, head, batch).double().cpu().numpy()
            for row, answer in zip(part, answers, strict=True):
                scores[row] = answer
            vectors[part] = task.pooled(hidden, batch).cpu().numpy()
    return _together(scores, examples.width), vectors


def _together(scores: Sequence[NDArray[np.float64]], width: int) -> Answers:
    if all(score.ndim == 1 for score in scores):
        return np.array(scores, dtype=np.float64).reshape(len(scores), width)
    found = np.empty(len(scores), dtype=object)
    for row, score in enumerate(scores):
        found[row] = score
    return found


def _parts(order: NDArray[np.intp], examples: Examples) -> Iterator[list[int]]:
    part: list[int] = []
    for row in order.tolist():
        if part and (len(part) + 1) * len(examples[row].row.ids) > _BATCH_TOKENS:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def only_last(dialogue: Dialogue, answered: Dialogue) -> Dialogue:
    """What was answered of the last turn and of the dialogue, the other turns as they were."""
    return replace(answered, turns=(*dialogue.turns[:-1], *answered.turns[-1:]))


def conversation(lines: Sequence[str]) -> Dialogue:
    """A dialogue from lines: a customer speaks, or an agent where a line begins with ``agent:``.

    ``customer:`` may be said too.
    """
    turns = []
    for line in lines:
        name, colon, rest = line.partition(":")
        said = name.strip().lower() if colon else ""
        if said == "agent":
            turns.append(Turn("agent", rest.strip()))
        else:
            turns.append(Turn("customer", rest.strip() if said == "customer" else line))
    return Dialogue("typed:0", tuple(turns))
