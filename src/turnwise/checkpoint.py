"""Checkpoints of a run: safetensors and JSON, never a pickle, written atomically."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from turnwise.errors import ModelError
from turnwise.files import atomic_folder

_RUN = "run.json"
MARKS = (_RUN,)
_PROGRESS = ("done", "rates", "precision", "extra")


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Sequence[Tensor],
    random: Mapping[str, Tensor],
    state: dict[str, Any],
) -> None:
    """Weights, optimizer, averaged weights, what the run is, and the random states (processes, bytes) by generator.

    Raises StorageError when the disk refuses; an older checkpoint is then untouched.
    """
    with atomic_folder(Path(folder), marks=MARKS) as temporary:
        save_file(model_weights(model), temporary / "weights.safetensors")
        tensors = {f"random.{name}": value for name, value in random.items()}
        for number, entry in enumerate(_entries(optimizer)):
            tensors |= {
                f"{number}.{key}": torch.as_tensor(value).detach().cpu().contiguous() for key, value in entry.items()
            }
        tensors |= {f"average.{number}": value.cpu().contiguous() for number, value in enumerate(average)}
        save_file(tensors, temporary / "optimizer.safetensors")
        rates = [group["lr"] for group in optimizer.param_groups]
        (temporary / _RUN).write_text(json.dumps({**state, "rates": rates}, indent=1) + "\n", encoding="utf-8")


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, average: Sequence[Tensor], state: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Put a checkpoint's tensors in place; returns its state and random states.

    Raises ModelError when it is damaged, or when its run differs from ``state``: the differences are listed. Nothing
    is put in place then.
    """
    folder = Path(folder)
    try:
        found = json.loads((folder / _RUN).read_text(encoding="utf-8"))
        weights = load_file(folder / "weights.safetensors")
        tensors = load_file(folder / "optimizer.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise _damaged(folder, str(error)) from None
    groups = optimizer.param_groups
    if not isinstance(found, dict) or not isinstance(found.get("done"), int):
        raise _damaged(folder, f"{_RUN} says no number of steps")
    different = _differences(found, json.loads(json.dumps(state)))
    if different:
        raise ModelError(
            "\n  ".join(
                [
                    f"the checkpoint {folder} is of another run; go on with its recipe, or name another folder:",
                    *different,
                ]
            )
        )
    parameters = [parameter for group in groups for parameter in group["params"]]
    entries = [_numbered(tensors, f"{number}.") for number in range(len(parameters))]
    random = _numbered(tensors, "random.")
    rates = found.get("rates")
    problem = _misfit(weights, model_weights(model)) or _misfit(
        _numbered(tensors, "average."), {str(number): value for number, value in enumerate(average)}
    )
    for entry, parameter in zip(entries, parameters, strict=True):
        moments = {name: value for name, value in entry.items() if name != "step"}
        problem = problem or _misfit(moments, dict.fromkeys(moments, parameter))
    if problem or "cpu" not in random or not isinstance(rates, list) or len(rates) != len(groups):
        raise _damaged(folder, problem or "it lacks random states or learning rates")
    put_weights(model, weights)
    with torch.no_grad():
        for number, value in enumerate(average):
            value.copy_(tensors[f"average.{number}"])
    for group, rate in zip(groups, rates, strict=True):
        group["lr"] = rate
    for entry, parameter in zip(entries, parameters, strict=True):
        if entry:
            optimizer.state[parameter] = {
                key: value if key == "step" and parameter.device.type == "cpu" else value.to(parameter.device)
                for key, value in entry.items()
            }
    return found, random


def recover(folder: Path) -> None:
    """Clean up after a run that was killed while it wrote ``folder``.

    Half-written copies go; an older folder that had been moved aside, and nothing had taken its place, is moved back.
    """
    place = Path(folder).resolve()
    for older in place.parent.glob(f".{place.name}.*.old"):
        if not place.exists():
            older.replace(place)
        shutil.rmtree(older, ignore_errors=True)
    for half in place.parent.glob(f".{place.name}.*.tmp"):
        shutil.rmtree(half, ignore_errors=True)


def is_checkpoint(folder: Path) -> bool:
    """Whether a whole checkpoint lies there."""
    return (Path(folder) / _RUN).is_file()


def _damaged(folder: Path, reason: str) -> ModelError:
    return ModelError(f"the checkpoint {folder} cannot be read: {reason}; remove it to start anew")


def _numbered(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _misfit(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str | None:
    """The first tensor that lacks, is too many or has another shape."""
    for name in sorted(set(found) | set(expected)):
        if name not in found:
            return f"it lacks {name}"
        if name not in expected:
            return f"it holds {name}, which this run has not"
        if found[name].shape != expected[name].shape:
            return f"{name} has the shape {tuple(found[name].shape)}, expected {tuple(expected[name].shape)}"
    return None


def model_weights(model: nn.Module) -> dict[str, Tensor]:
    """The state dict, each shared tensor under its first name."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in model.state_dict().items():
        if value.data_ptr() not in seen or value.numel() == 0:
            found[name] = value.detach().cpu().contiguous()
            seen.add(value.data_ptr())
    return found


def put_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> str | None:
    """Put what ``model_weights`` gave in place; or leave all as it is and say which tensor does not fit."""
    problem = _misfit(weights, model_weights(model))
    if problem is None:
        own = model.state_dict()
        with torch.no_grad():
            for name, value in weights.items():
                own[name].copy_(value)
    return problem


def _entries(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """The optimizer's state of each parameter, in the order of its groups."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return [dict(optimizer.state.get(parameter, {})) for parameter in parameters]


def _differences(found: dict[str, Any], own: dict[str, Any], path: str = "") -> list[str]:
    different = []
    for key in sorted(set(own) | set(found)):
        name = f"{path}{key}"
        if name in _PROGRESS:
            continue
        one, other = found.get(key), own.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            different += _differences(one, other, f"{name}.")
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            for at, (left, right) in enumerate(zip(one, other, strict=True)):
                if isinstance(left, dict) and isinstance(right, dict):
                    different += _differences(left, right, f"{name}[{at}].")
                elif left != right:
                    different.append(f"{name}[{at}] was {left!r} and is {right!r}")
        elif one != other:
            different.append(f"{name} was {one!r} and is {other!r}")
    return different
