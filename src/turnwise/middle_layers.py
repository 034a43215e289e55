"""States of an encoder's middle layers, without computing the layers above them."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel


@dataclass
class _Wanted:
    """The layers that a call asks for, and those that have been reached."""

    layers: frozenset[int]
    found: dict[int, Tensor] = field(default_factory=dict)


class _Reached(Exception):
    """Everything that was wanted is there: the call need not go on."""


_wanted: ContextVar[_Wanted | None] = ContextVar("wanted", default=None)
_WATCHED = "_turnwise_watched"


def middle_states(backbone: PreTrainedModel, inputs: Mapping[str, Tensor], layers: Sequence[int]) -> list[Tensor]:
    """The states (batch, tokens, dim) of ``layers``, counted from 1; 0 is what the first layer reads.

    They are those of ``output_hidden_states``. Where the backbone is a plain pile of layers, those above the last one
    asked for are not computed. Calls may run in several threads, and on a backbone that was copied.
    """
    blocks = _blocks(backbone)
    if blocks is None or not all(1 <= layer < len(blocks) for layer in layers):
        states = backbone(**inputs, output_hidden_states=True).hidden_states
        return [states[layer] for layer in layers]
    if not hasattr(blocks[0], _WATCHED):
        for number, block in enumerate(blocks, start=1):
            block.register_forward_hook(partial(_keep, number))
        setattr(blocks[0], _WATCHED, True)
    wanted = _Wanted(frozenset(layers))
    token = _wanted.set(wanted)
    try:
        backbone(**inputs)
    except _Reached:
        pass
    finally:
        _wanted.reset(token)
    return [wanted.found[layer] for layer in layers]


def _blocks(backbone: PreTrainedModel) -> nn.ModuleList | None:
    """The layers one after the other, where there are as many as the configuration says."""
    depth = getattr(backbone.config, "num_hidden_layers", 0)
    lists = (module for module in backbone.modules() if isinstance(module, nn.ModuleList))
    return next((found for found in lists if len(found) == depth > 0), None)


def _keep(number: int, block: nn.Module, inputs: Any, output: Any) -> None:
    wanted = _wanted.get()
    if wanted is None or number not in wanted.layers:
        return
    wanted.found[number] = output[0] if isinstance(output, tuple) else output
    if number == max(wanted.layers):
        raise _Reached
