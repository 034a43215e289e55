"""A desk on the sample corpus: each task with an encoder of its own, all over one trunk, and the time of a turn.

    python benchmarks/desk.py --cells own --tasks acts emotion      # some tasks, each fitted alone
    python benchmarks/desk.py --cells shared
    python benchmarks/desk.py --cells shared --on dev --set training.average=0.99 --tag=-average
    python benchmarks/desk.py --cells shared --fitted --set training.average=0.99 --tag=-average   # that one, on test
    python benchmarks/desk.py --cells latency                       # of the desks in runs/desk-*

Fitted on the sample corpus's train part with the default recipes, the best epoch and the thresholds chosen on dev;
responses are ranked from the approved pool. Scores are those of the test part. ``latency``: the real server on the
loopback address annotates the test dialogues as they grow. Each customer turn is one request of the dialogue up to it
with ``"turns": "last"``, the earlier turns annotated by the answers before; every layer is filled in. ``--on dev``
measures a trunk on the dev part, where choices of its recipe are made. Results: results/desk.json.
"""

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.progress import track

import _cells
import _data
from service import serving
from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue, to_json
from turnwise.encoder import Encoder
from turnwise.tasks.desk import Desk
from turnwise.tasks.desk_fit import fit_desk
from turnwise.tasks.load import load_folder_of_desk
from turnwise.tasks.pool import read_pool
from turnwise.tasks.trunk_fit import MEMBERS, fit_trunk, trunk_recipe

RUNS = Path("runs")
CELLS = ("own", "shared", "latency")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=CELLS)
    parser.add_argument("--tasks", nargs="+", default=list(MEMBERS), choices=MEMBERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="stop each training after so many steps, to see that it runs")
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--set", nargs="*", default=[], metavar="TABLE.KEY=VALUE", help="override the trunk's recipe")
    parser.add_argument("--tag", default="", help="name of such an override in the results")
    parser.add_argument("--fitted", action="store_true", help="measure the desk of the folder runs; fit none")
    parser.add_argument("--dialogues", type=int, default=40, help="test dialogues whose turns are timed")
    parser.add_argument("--threads", type=int, default=2, help="threads of the server in latency")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "desk.json")
    given = parser.parse_args()
    training = {"seed": given.seed} | ({} if given.steps is None else {"steps": given.steps})
    if "own" in given.cells:
        for task in given.tasks:
            _cells.compute(given.output, f"own/{task}/{given.seed}", lambda t=task: own(t, training, given.seed))
    if "shared" in given.cells:
        tables = _data.tables_of(given.set)
        tables["training"] = {**training, **tables.get("training", {})}
        on = "dev/" if given.on == "dev" else ""
        name = f"shared{given.tag}/{given.seed}"
        folder = RUNS / f"desk-{name.replace('/', '-')}"
        _cells.compute(given.output, on + name, lambda: shared(tables, folder, given.on, given.fitted))
    if "latency" in given.cells:
        together(given.seed)
        for kind in ("own", "shared"):
            folder = RUNS / f"desk-{kind}-{given.seed}"
            if not folder.is_dir():
                print(f"{folder} is not there; fit it with --cells {kind}")
                continue
            _cells.compute(given.output, f"latency/{kind}", lambda f=folder: latency(f, given.dialogues, given.threads))


def part(name: str) -> list[Dialogue]:
    """A part of the sample corpus."""
    return list(read_corpus(f"sample@{name}"))


def own(task: str, training: dict[str, Any], seed: int) -> dict[str, Any]:
    """One task with an encoder of its own."""

    def fit() -> Desk:
        return fit_desk(
            part("train"), Encoder.load(), dev=part("dev"), pool=read_pool("sample"), tasks=[task], training=training
        )

    folder = RUNS / f"desk-own-{seed}-{task}"
    return measured(kept(fit, folder), folder)["members"][task]


def shared(tables: dict[str, dict[str, Any]], folder: Path, on: str, fitted: bool) -> dict[str, Any]:
    """All tasks over one trunk; of one that was ``fitted`` before only the measurement."""

    def fit() -> Desk:
        fitting = trunk_recipe(overrides=tables)
        return fit_trunk(part("train"), Encoder.load(), fitting, dev=part("dev"), pool=read_pool("sample"))

    return measured(load_folder_of_desk(folder) if fitted else kept(fit, folder), folder, on)


def kept(fit: Callable[[], Desk], folder: Path) -> Desk:
    """Fit and keep, with the seconds that it took."""
    start = time.perf_counter()
    desk = fit()
    desk.facts["seconds"] = time.perf_counter() - start
    desk.save(folder)
    return desk


def measured(desk: Desk, folder: Path, on: str = "test") -> dict[str, Any]:
    """Measure on a part."""
    seconds = desk.facts["seconds"]
    with desk.trunk.quick() if desk.trunk is not None else nullcontext():
        found = desk.evaluate(part(on))
    members = {}
    for name, member in desk.members.items():
        about = {
            key: member.facts[key] for key in ("epochs", "steps", "training", "head", "held_out") if key in member.facts
        }
        members[name] = figures(found["members"][name]) | about | {"seconds": seconds}
    return {"members": members, "seconds": seconds, "bytes": size(folder), "left_out": desk.facts["left_out"]}


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """The numbers of an evaluation, and their intervals."""
    plain = {key: value for key, value in found.items() if isinstance(value, int | float)}
    return plain | {"intervals": found.get("intervals", {})}


def size(folder: Path) -> int:
    """Bytes of a model folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def together(seed: int) -> None:
    """The tasks that were fitted alone, as one desk."""
    folders = [RUNS / f"desk-own-{seed}-{name}" for name in MEMBERS]
    members = {}
    for folder in (one for one in folders if one.is_dir()):
        members |= load_folder_of_desk(folder).members
    if len(members) == len(MEMBERS):
        Desk(members).save(RUNS / f"desk-own-{seed}")


def latency(folder: Path, number: int, threads: int) -> dict[str, Any]:
    """Milliseconds of a request, a customer turn each, and how many layers came back."""
    dialogues = part("test")[:number]
    taken: list[float] = []
    layers: set[str] = set()
    lengths: list[int] = []
    with serving(folder, 1, threads) as url, httpx.Client(base_url=url, timeout=60) as client:
        for dialogue in track(dialogues, "dialogues"):
            turns: list[dict[str, Any]] = []
            for turn in to_json(dialogue)["turns"]:
                turns.append({"speaker": turn["speaker"], "text": turn["text"]})
                if turn["speaker"] == "agent" or not turn["text"].strip():
                    continue
                profile = dict(dialogue.profile)
                body = json.dumps({"dialogue": {"turns": turns, "profile": profile}, "turns": "last"})
                start = time.perf_counter()
                answer = client.post("/v1/annotate", content=body, headers={"Content-Type": "application/json"})
                taken.append(1000 * (time.perf_counter() - start))
                answer.raise_for_status()
                (found,) = answer.json()["dialogues"]
                turns[-1] = found["turns"][-1]
                layers |= set(turns[-1].get("labels", {})) | set(turns[-1].get("spans", {})) | set(found["labels"])
                lengths.append(len(turns))
    p50, p95, p99 = np.percentile(taken, [50, 95, 99])
    return {
        "requests": len(taken),
        "p50_ms": float(p50),
        "p95_ms": float(p95),
        "p99_ms": float(p99),
        "turns_of_a_request": float(np.mean(lengths)),
        "layers": sorted(layers),
        "pool": len(read_pool("sample")),
        "threads": threads,
        "bytes": size(folder),
    }


if __name__ == "__main__":
    main()
