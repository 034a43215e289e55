"""Mining pairs of sentences at scale: seconds, memory and disk by the number of sentences, beside plain Python.

    python benchmarks/mining.py --list
    python benchmarks/mining.py --cells duckdb plain --sentences 100000 1000000
    python benchmarks/mining.py --cells duckdb --sentences 10000000

``duckdb`` is ``turnwise mine`` as it is called in a shell, with --threads and --memory as given; ``plain`` the same
mining in plain Python, which needs the ``duckdb`` cell of that size for its threshold and must find the same pairs. The
sentences are drawn from a model of the self-dialogue corpus, so the same seed gives the same files; they and what is
mined lie in --work, and are removed at the end. CPU seconds are of all threads; memory is the most that the process had
resident, disk the most that lay in its folder. Results: results/mining.json.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pyarrow import parquet

import _cells
import _data
import _mining_texts
from turnwise.corpora import read_corpus

SIZES = (100_000, 1_000_000, 10_000_000)
KINDS = ("duckdb", "plain")
_FACTS = (
    "texts", "groups", "sentences", "words", "keyphrases", "keyphrases_a_sentence", "words_a_keyphrase", "train_pairs",
    "test_pairs", "threshold", "words_of_keyphrases",
)  # fmt: skip
_POLL_S = 0.2
_TURNWISE = "from turnwise.cli import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=[], choices=KINDS)
    parser.add_argument("--sentences", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="folder for sentences and stages; a temporary one by default")
    parser.add_argument("--again", action="store_true", help="measure cells anew that are there")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "mining.json")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print(*(f"{kind}/{size}" for size in SIZES for kind in KINDS), sep="\n")
        return
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        for size in arguments.sentences:
            for kind in sorted(arguments.cells):
                run = {"duckdb": duckdb, "plain": plain}[kind]
                _cells.compute(
                    arguments.output, f"{kind}/{size}",
                    lambda r=run, n=size: r(Path(folder), n, arguments), again=arguments.again,
                )  # fmt: skip


def sentences(folder: Path, size: int, seed: int) -> Path:
    """The file of so many sentences, drawn when it is not there."""
    path = folder / f"{size}.parquet"
    if not path.is_file():
        dialogues = read_corpus(f"self_dialogue:{_data.data_folder() / 'self_dialogue'}@all")
        model = _mining_texts.walks([turn.text for dialogue in dialogues for turn in dialogue.turns])
        _mining_texts.write(path, model, size, seed=seed)
    return path


def duckdb(folder: Path, size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    given, place = sentences(folder, size, arguments.seed), folder / f"mined-{size}"
    place.mkdir()
    measured = watched(
        ["-c", _TURNWISE, "mine", given, "--text", "text", "--group", "group", "-o", place / "pairs", "--threads",
         arguments.threads, "--memory", arguments.memory],
        place,
    )  # fmt: skip
    facts = json.loads((place / "pairs" / "mining.json").read_text(encoding="utf-8"))
    output = sum(path.stat().st_size for path in (place / "pairs").iterdir())
    shutil.rmtree(place)
    return {
        **measured,
        **{name: facts[name] for name in _FACTS},
        "input_bytes": given.stat().st_size,
        "output_bytes": output,
        "threads": arguments.threads,
        "memory_limit": arguments.memory,
        "seed": arguments.seed,
    }


def plain(folder: Path, size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    beside = _cells.read(arguments.output).get(f"duckdb/{size}")
    if beside is None:
        sys.exit(f"error: the cell duckdb/{size} is not there, whose threshold plain/{size} needs; measure it first")
    given, place = sentences(folder, size, arguments.seed), folder / f"plain-{size}"
    place.mkdir()
    script = Path(__file__).with_name("_mining_plain.py")
    measured = watched([script, given, beside["threshold"], place / "pairs.parquet"], place)
    test = parquet.read_table(place / "pairs.parquet", columns=["test"])["test"].to_pylist()
    found = {"train_pairs": len(test) - sum(test), "test_pairs": sum(test)}
    if found != {name: beside[name] for name in found}:
        sys.exit(f"error: plain Python finds {found}, not the pairs of duckdb/{size}")
    shutil.rmtree(place)
    return {**measured, **found, "sentences": beside["sentences"], "threads": 1, "seed": arguments.seed}


def watched(command: list[object], folder: Path) -> dict[str, float]:
    """Run Python with these words; wall and CPU seconds, most resident bytes, most bytes in the folder."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.DEVNULL)
    memory = disk = 0
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        memory, disk = max(memory, _resident(process.pid)), max(disk, _size(folder))
        time.sleep(_POLL_S)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: the command failed: {' '.join(map(str, command))}")
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": memory,
        "disk_bytes": max(disk, _size(folder)),
    }


def _resident(process: int) -> int:
    """The most memory that a process has had resident so far, in bytes."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return max((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), default=0)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # the engine removed it meanwhile
            continue
    return total


if __name__ == "__main__":
    main()
