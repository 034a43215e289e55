"""What fitting and fitted models ask of a task, whatever its answers are."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from numpy.typing import NDArray
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue, Neighbour
from turnwise.encoder import Encoder
from turnwise.objectives.objective import Batch, Hidden, Objective
from turnwise.tasks.answers.kind import Learned
from turnwise.tasks.rows import Example, Examples

Answers = NDArray[Any]
"""What ``decode`` gave for examples: numbers (examples, width), or an object array with an array for each example."""


class BaseTask(Objective):
    """An objective with gold labels that fills a layer of dialogues.

    As every objective it holds hyper-parameters only; what is learned is a model's. ``Task`` is the one whose answers
    are labels of turns; a task that marks spans is written on this class.
    """

    layer: ClassVar[str]
    """The layer of the gold labels, and of the answers."""
    explained: ClassVar[bool] = False
    """Whether answers name training turns that were answered with yes."""

    @property
    @abstractmethod
    def chosen_by(self) -> str:
        """What ``quality`` measures, for people."""

    @abstractmethod
    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        """The numbers of the turns that are asked about; gold labels are never looked at."""

    @abstractmethod
    def learn(self, dialogues: Sequence[Dialogue]) -> Learned:
        """What must be known before training, as plain JSON. Raises CorpusError when there is too little."""

    @abstractmethod
    def labels(self, learned: Learned) -> tuple[str, ...]:
        """What can be answered, in words."""

    @abstractmethod
    def width(self, learned: Learned) -> int:
        """Numbers that the head gives for one answer."""

    @abstractmethod
    def examples(self, dialogues: Sequence[Dialogue], codec: Codec, learned: Learned, *, gold: bool) -> Examples:
        """What is asked; with ``gold`` what is labelled alone, with its targets."""

    def goes_on(self, dialogue: Dialogue) -> bool:
        """Whether the last turn can be answered by itself: what its answer builds on is in the dialogue."""
        return True

    def for_training(self, examples: Examples) -> Examples:
        """The examples as training takes them, where that is not as they are measured."""
        return examples

    @abstractmethod
    def head(self, encoder: Encoder, examples: Sequence[Example]) -> nn.Module:
        """The trainable module beside the encoder; of ``examples`` only the width counts."""

    @abstractmethod
    def decode(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        """Probabilities, (batch, width), or (batch, tokens, width) of tasks that answer for each token."""

    def pooled(self, hidden: tuple[Hidden, ...], batch: Batch) -> Tensor:
        """What stands for an example when similar ones are looked for, (batch, dim)."""
        return hidden[0].mean()

    @abstractmethod
    def quality(self, answers: Answers, examples: Examples) -> tuple[float, float]:
        """The loss on held-out examples, and how good they are answered: the best epoch is kept by the second."""

    @abstractmethod
    def finish(self, learned: Learned, answers: Answers, examples: Examples) -> Learned:
        """What is learned from held-out examples, such as thresholds."""

    @abstractmethod
    def annotate(
        self,
        dialogue: Dialogue,
        asked: Sequence[Example],
        scores: Answers,
        learned: Learned,
        neighbours: Sequence[tuple[Neighbour, ...]],
    ) -> Dialogue:
        """The dialogue with the layer filled in from what ``decode`` gave for its examples."""

    @abstractmethod
    def measure(
        self, gold: Sequence[Dialogue], answered: Sequence[Dialogue], learned: Learned, *, draws: int, seed: int
    ) -> dict[str, Any]:
        """The evaluation as plain JSON: ``n``, ``dialogues``, the metrics, and their 95 % ``intervals`` by dialogue."""
