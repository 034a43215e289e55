"""Small modules on top of the encoder."""

from torch import Tensor, nn


class Projection(nn.Module):
    """x = tanh(W_o e + b): (batch, dim) to (batch, width). ConvFiT, section 2.2."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, width)
        self.width = width

    def forward(self, vectors: Tensor) -> Tensor:
        projected: Tensor = self.linear(vectors).tanh()
        return projected
