"""Which pre-training objective helps which task: every objective with the same tokens, then INT, DA, RS and DST.

    turnwise benchmark grid --list
    turnwise benchmark grid                                         # the small one: hours of one CPU core
    turnwise benchmark grid --arms none mlm speaker --tasks INT RS --seeds 0 1 2
    turnwise benchmark grid --size medium                           # more of each data set: minutes of a GPU
    turnwise benchmark grid --size whole                            # all data, 20 million tokens an arm: for a GPU
    turnwise benchmark grid --size medium --write-conversations FILE    # what a machine without the corpora needs ...
    turnwise benchmark grid --size medium --conversations FILE          # ... to pre-train there
    turnwise benchmark grid --merge elsewhere/grid.json             # take the cells of another machine
    turnwise benchmark grid --draw                                  # the picture alone

The embedded encoder is pre-trained once an arm on unlabelled training parts of task-oriented corpora (the list of
``adaptation.py``), always with ``--tokens`` tokens: batches are counted beforehand, so that the schedule ends where the
budget is reached. Encoders are kept under runs/grid-SIZE/ARM and not trained again; a run that was cut
off goes on from its last checkpoint. Each is then fitted to each task with each seed, by the code of dsdf_intent.py,
tasks.py, selection.py and state.py. ``_grid_tasks.py`` holds how much of each data set a size takes; --limit
changes that, and every cell says what it took.

Several processes may share one results file when each has arms of its own (--arms), since an encoder is trained by the
first that needs it. Machines each write their own results/grid.json; --merge adds the cells of such files, which are
keyed SIZE/TASK/ARM/SEED. Compare arms that were measured on like machines, or copy runs/grid there.
Results: results/grid.json, and a picture of the gains, results/grid.html.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import _cells
import _data
import _grid_picture
from _grid_arms import ARMS, BUDGETS, Budget, encoder_of, unlabelled
from _grid_tasks import TASKS, Limits, run
from turnwise.corpora.write import write_jsonl
from turnwise.errors import TurnwiseError
from turnwise.files import atomic_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS, metavar="ARM")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS, help="none: pre-train alone")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--size", default="small", choices=BUDGETS, help="whole: all data and the recipes' epochs")
    parser.add_argument("--conversations", type=Path, help="the unlabelled dialogues, as the next flag wrote them")
    parser.add_argument("--write-conversations", type=Path, help="write the unlabelled dialogues as JSONL, and no more")
    parser.add_argument("--tokens", type=int, help="tokens of each pre-training, without padding")
    parser.add_argument("--dialogues", type=int, help="unlabelled dialogues at most")
    parser.add_argument("--limit", nargs="*", default=[], metavar="TASK.PART=NUMBER", help="such as DA.train=200")
    parser.add_argument("--runs", type=Path, help="folder of the pre-trained encoders; runs/grid-SIZE by default")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "grid.json")
    parser.add_argument("--merge", type=Path, nargs="+", help="add the cells of these files, and no more")
    parser.add_argument("--draw", action="store_true", help="only draw the picture again")
    parser.add_argument("--list", action="store_true", help="name the cells")
    arguments = parser.parse_args()
    size = arguments.size
    runs = arguments.runs or Path("runs") / f"grid-{size}"
    budget = BUDGETS[size]
    budget = replace(budget, tokens=arguments.tokens or budget.tokens)
    budget = replace(budget, dialogues=arguments.dialogues or budget.dialogues)
    try:
        limits = limits_of(size, arguments.limit)
    except ValueError as error:
        parser.error(str(error))
    cells = names(size, arguments.arms, arguments.tasks, arguments.seeds)
    if arguments.list:
        print(*cells, sep="\n")
        return
    if arguments.write_conversations:
        write_jsonl(unlabelled(budget.dialogues), arguments.write_conversations)
        return
    if arguments.merge:
        merge(arguments.output, arguments.merge)
    elif not arguments.draw:
        try:
            for arm in arguments.arms:
                if not arguments.tasks:
                    encoder_of(arm, budget, runs, arguments.conversations)
                for name in names(size, [arm], arguments.tasks, arguments.seeds):
                    measured(name, budget, limits, runs, arguments.output, arguments.conversations)
        except TurnwiseError as error:
            sys.exit(f"error: {error}")
    _grid_picture.draw(arguments.output)


def names(size: str, arms: Sequence[str], tasks: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """The cells, an arm after the other; within one all tasks with the first seed come first."""
    return [f"{size}/{task}/{arm}/{seed}" for arm in arms for seed in seeds for task in tasks]


def limits_of(size: str, said: Sequence[str]) -> dict[str, Limits]:
    """The limits of each task; ``said`` changes some. Raises ValueError."""
    found = {name: task.limits.get(size, Limits()) for name, task in TASKS.items()}
    parts = [field.name for field in fields(Limits)]
    for item in said:
        name, _, number = item.partition("=")
        task, _, part = name.partition(".")
        if task not in TASKS or part not in parts or not number.isdigit() or int(number) < 1:
            raise ValueError(
                f"--limit {item}: expected TASK.PART=NUMBER with one of {', '.join(TASKS)}, "
                f"one of {', '.join(parts)}, and a number of at least 1"
            )
        found[task] = replace(found[task], **{part: int(number)})
    return found


def measured(
    name: str,
    budget: Budget,
    limits: Mapping[str, Limits],
    runs: Path,
    output: Path,
    conversations: Path | None = None,
) -> dict[str, Any]:
    """A cell; exits when the one that is there was measured under other limits."""
    _, task, arm, seed = name.split("/")

    def one() -> dict[str, Any]:
        encoder, pretraining = encoder_of(arm, budget, runs, conversations)
        start = time.perf_counter()
        found = run(task, encoder, int(seed), limits[task])
        seconds = time.perf_counter() - start
        return {**found, "limits": asdict(limits[task]), "pretraining": pretraining, "seconds": seconds}

    cell = _cells.compute(output, name, one)
    had = {"limits": cell["limits"], "budget": cell["pretraining"].get("budget", asdict(budget))}
    wanted = {"limits": asdict(limits[task]), "budget": asdict(budget)}
    if had != wanted:
        sys.exit(f"error: {name} in {output} has {had}, expected {wanted}; remove it, or name another --output")
    return cell


def merge(output: Path, others: Sequence[Path]) -> None:
    """Add the cells that ``output`` lacks. Exits when a file has no cells, or one that is there with other limits."""
    with _cells.alone(output):
        cells = _cells.read(output)
        for path in others:
            found = _cells.read(path)
            if not found:
                sys.exit(f"error: {path} is not there or holds no cells")
            for name, cell in found.items():
                if name in cells and cells[name]["limits"] != cell["limits"]:
                    sys.exit(f"error: {name} of {path} has other limits than in {output}; nothing was changed")
            cells = found | cells
        with atomic_file(output) as temporary:
            temporary.write_text(json.dumps(dict(sorted(cells.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
