"""The weights of the best epoch of a fit."""

import math

from torch import Tensor, nn

from turnwise.checkpoint import model_weights, put_weights


class Best:
    """The best measurement so far, of equal ones the first, and the weights that gave it; higher is better."""

    def __init__(self) -> None:
        self.quality = -math.inf
        self.step = 0
        self._weights: dict[str, Tensor] = {}

    def note(self, quality: float, step: int, model: nn.Module) -> None:
        """Keep the weights of ``model`` when their ``quality`` is higher than any before."""
        if quality > self.quality:
            self.quality, self.step = quality, step
            self._weights = {name: value.clone() for name, value in model_weights(model).items()}

    def restore(self, model: nn.Module) -> None:
        """Put the best weights back; without a measurement the model stays as it is."""
        if self._weights:
            problem = put_weights(model, self._weights)
            assert problem is None, problem
