"""Results as cells of one JSON file: each is computed once, written at once, and skipped the next time."""

import fcntl
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from turnwise.files import atomic_file
from turnwise.precision import bf16_is_faster

_DRAWN = ("curve", "coverage", "reliability", "responses")


def read(path: Path) -> dict[str, Any]:
    """The cells so far."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def compute(path: Path, name: str, run: Callable[[], dict[str, Any]], *, again: bool = False) -> dict[str, Any]:
    """The cell ``name``; run when it is not there yet (or ``again``)."""
    cells = read(path)
    if name in cells and not again:
        return cells[name]
    print(f"{time.strftime('%H:%M:%S')} {name} ...", flush=True)
    found = run() | {"machine": machine()}
    with alone(path):
        content = dict(sorted((read(path) | {name: found}).items()))
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(
        f"{time.strftime('%H:%M:%S')} {name} { ({k: v for k, v in found.items() if isinstance(v, float)}) }", flush=True
    )
    return found


def kept(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a cell keeps of an evaluation: neither the curves that reports draw nor texts of the data."""
    return {key: value for key, value in found.items() if key not in _DRAWN}


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock on the results while they are read and written: several runs may share a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def machine() -> str:
    """The machine in words."""
    capability = torch.backends.cpu.get_cpu_capability()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    precision = "bf16" if bf16_is_faster() else "fp32"
    threads = torch.get_num_threads()
    return f"{device} {platform.machine()} {capability}, {threads} threads, {precision}, torch {torch.__version__}"
