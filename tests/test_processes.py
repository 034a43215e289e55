"""Micro-batches and processes change how a batch is computed, not what is learned.

Tolerance: gradients are sums in another order, in float32, without dropout. With a rate of 1e-3 and Adam, which divides
by the size of a gradient, six steps leave the weights within 1e-4 of each other; learning moves them by 5e-3.
A key's bias is left out: its gradient is 0 but for rounding, which Adam makes as large as any other.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

TOLERANCE = 1e-4
MIXTURES = {
    "classes": (("next_turn", "speaker"), True),
    "matching": (("response_matching",), False),
    "ranking": (("response_ranking",), False),
}

Weights = dict[str, torch.Tensor]


def farthest(one: Weights, other: Weights) -> float:
    names = [name for name in one if not name.endswith("key.bias")]
    return max(float((one[name] - other[name]).abs().max()) for name in names)


def run(
    runs: ModuleType, folder: Path, names: Sequence[str], *, riders: bool, accumulation: int = 1
) -> tuple[Weights, list[dict[str, float]]]:
    training = runs.training(folder, names, {"accumulation": accumulation}, riders=riders, dropout=False)
    losses = [dict(step.losses) for step in training]
    return runs.weights(training), losses


def alike(one: Sequence[dict[str, float]], other: Sequence[dict[str, float]]) -> bool:
    if len(one) != len(other):
        return False
    return all(left == pytest.approx(right, abs=1e-4) for left, right in zip(one, other, strict=True))


def launch(runs: ModuleType, path: Path, spec: dict[str, object]) -> None:
    """Two processes do the runs of a specification."""
    path.write_text(json.dumps(spec))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", "LOCAL_WORLD_SIZE": "2"}
    command = [sys.executable, "-W", "ignore", str(Path(runs.__file__)), str(path)]
    processes = [
        subprocess.Popen(
            command, env={**shared, "RANK": rank, "LOCAL_RANK": rank}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for rank in "01"
    ]
    try:
        told = [process.communicate(timeout=240)[0].decode() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], told


def test_micro_batches_learn_what_whole_batches_do(runs: ModuleType, checkpoint: Callable[[str], Path]) -> None:
    """Masked words and speakers are not spread evenly: each micro-batch counts by what it hides."""
    folder = checkpoint("bert")
    whole, losses = run(runs, folder, MIXTURES["classes"][0], riders=True)
    untrained = runs.weights(runs.training(folder, MIXTURES["classes"][0], {}, riders=True, dropout=False))
    assert farthest(whole, untrained) > 2e-3
    for number in (2, 4):
        cut, told = run(runs, folder, MIXTURES["classes"][0], riders=True, accumulation=number)
        assert farthest(whole, cut) < TOLERANCE
        assert alike(losses, told)


def test_a_contrast_is_not_cut(runs: ModuleType, checkpoint: Callable[[str], Path]) -> None:
    folder = checkpoint("bert")
    whole, _ = run(runs, folder, ("response_ranking",), riders=False)
    cut, _ = run(runs, folder, ("response_ranking",), riders=False, accumulation=4)
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_two_processes_learn_what_one_does(runs: ModuleType, checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    """Contrasts gather the responses of both processes; 3 mixtures in one launch, with a checkpoint in each."""
    folder = checkpoint("bert")
    jobs = [
        {
            "names": names,
            "riders": riders,
            "dropout": False,
            "out": str(tmp_path / f"{title}.safetensors"),
            "checkpoint": str(tmp_path / f"{title}.run"),
        }
        for title, (names, riders) in MIXTURES.items()
    ]
    launch(runs, tmp_path / "spec.json", {"encoder": str(folder), "runs": jobs})
    for title, (names, riders) in MIXTURES.items():
        one, losses = run(runs, folder, names, riders=riders)
        two = load_file(tmp_path / f"{title}.safetensors")
        assert farthest({name: one[name] for name in two}, two) < TOLERANCE, title
        assert alike(losses, json.loads((tmp_path / f"{title}.json").read_text(encoding="utf-8"))), title
        state = json.loads((tmp_path / f"{title}.run" / "run.json").read_text(encoding="utf-8"))
        assert (state["done"], state["processes"]) == (6, 2)
        assert load_file(tmp_path / f"{title}.run" / "optimizer.safetensors")["random.cpu"].shape[0] == 2


@pytest.mark.long
def test_two_processes_share_a_folder_of_work(
    runs: ModuleType, checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    """One of them writes turns, log, best weights and checkpoints; both end with the weights and facts of one alone."""
    folder, work = checkpoint("bert"), tmp_path / "work"
    launch(runs, tmp_path / "spec.json", {"encoder": str(folder), "runs": [], "work": str(work)})
    one = runs.pretrained(folder, None)
    for rank in "01":
        two = load_file(work / f"weights-{rank}.safetensors")
        assert farthest(one.encoder.backbone.state_dict(), two) < TOLERANCE
        facts = json.loads((work / f"weights-{rank}.json").read_text(encoding="utf-8"))
        assert facts["steps"] == one.facts["steps"]
        for title, scores in one.facts["dev"]["after"].items():
            assert facts["dev"]["after"][title] == pytest.approx(scores, abs=1e-3)
    lines = [json.loads(line) for line in (work / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 2, 3, 4, 4, 5, 6, 6]
