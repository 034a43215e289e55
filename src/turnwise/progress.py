"""How far a run of further pre-training is: its losses, and its best measurement with the weights that gave it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from turnwise.checkpoint import model_weights, put_weights
from turnwise.errors import ModelError
from turnwise.evaluation import Scores
from turnwise.files import atomic_folder
from turnwise.training import Step, Training

BEST = "best"
_WEIGHTS = "weights.safetensors"


class Progress:
    """The losses, and the best measurement so far: the least sum of weighted losses, and the weights that gave it."""

    def __init__(
        self,
        best: float | None = None,
        best_step: int = 0,
        waited: int = 0,
        before: Scores | None = None,
        scores: Scores | None = None,
        losses: dict[str, list[float]] | None = None,
    ) -> None:
        self.best = best
        self.best_step = best_step
        self.waited = waited
        self.before: Scores = before or {}
        self.scores: Scores = scores or {}
        self.losses: dict[str, list[float]] = losses or {}
        self._weights: dict[str, Tensor] = {}

    def kept(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        names = ("best", "best_step", "waited", "before", "scores", "losses")
        return {name: getattr(self, name) for name in names}

    def add(self, step: Step) -> None:
        """Keep the losses of a step."""
        for name, loss in step.losses.items():
            self.losses.setdefault(name, []).append(loss)

    def note(self, step: int, scores: Scores, training: Training, patience: int | None, folder: Path | None) -> None:
        """Compare a measurement with the best, and keep the weights of a better one; without patience the last wins."""
        if patience is None:
            self.best_step, self.scores = step, scores
            return
        weights = {part.objective.name: part.weight for part in training.parts}
        weights |= {ride.rider.name: ride.weight for part in training.parts for ride in part.rides}
        loss = sum(weights.get(title.split(" ")[0], 1.0) * values["loss"] for title, values in scores.items())
        if not scores or not loss < (math.inf if self.best is None else self.best):
            self.waited += 1
            return
        self.best, self.best_step, self.waited, self.scores = loss, step, 0, scores
        found = {name: value.clone() for name, value in model_weights(training.kept).items()}
        if folder is None:
            self._weights = found
        elif training.accelerator.is_main_process:
            with atomic_folder(folder / BEST, marks=(_WEIGHTS,)) as temporary:
                save_file(found, temporary / _WEIGHTS)
        training.accelerator.wait_for_everyone()

    def restore(self, training: Training, folder: Path | None) -> None:
        """Put the best weights of the encoder and the heads back. Raises ModelError when they cannot be read."""
        if folder is not None:
            try:
                self._weights = load_file(folder / BEST / _WEIGHTS)
            except (OSError, SafetensorError) as error:
                raise ModelError(f"the best weights in {folder / BEST} cannot be read: {error}") from None
        problem = put_weights(training.kept, self._weights)
        if problem:
            raise ModelError(f"the best weights do not fit the model: {problem}; restart the run")


def ends(values: Sequence[float]) -> dict[str, float]:
    """Means of the first and the last tenth."""
    tenth = max(1, len(values) // 10)
    return {"first tenth": sum(values[:tenth]) / tenth, "last tenth": sum(values[-tenth:]) / tenth}
