"""Pairwise cloze: pairs of all dialogue corpora, and decoders that learn from them.

    python benchmarks/convex_pretraining.py pairs
    python benchmarks/convex_pretraining.py train NAME --minutes 4

``pairs`` needs the data folder and the extra mine. Texts that slot labelling is measured on are left out; the kinds of
corpora are those of ``_convex_kinds``. ``train`` needs only the folder of pairs that it is given. The rate stays for
the first part of a run and falls to 0 in a line over its last 0.3 (``--decay``), by steps or by the clock. Precision
and recall are of held-out pairs, a quarter of them without a value. Decoders: runs/convex/decoders. Results:
results/convex_pretraining.json.
"""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import _cells
from _convex_kinds import KINDS

RUNS = Path("runs/convex")
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS / "convex_pretraining.json")
    verbs = parser.add_subparsers(dest="verb", required=True)
    pairs = verbs.add_parser("pairs", help="mine, and write a folder of pairs")
    pairs.add_argument("--pairs", type=Path, default=RUNS / "permissive", help="its name is a kind")
    pairs.add_argument("--threads", type=int, default=1)
    train = verbs.add_parser("train", help="train a decoder, or several on shares of the pairs")
    train.add_argument("name", help="of the cell and the folder")
    train.add_argument("--pairs", type=Path, default=RUNS / "permissive")
    train.add_argument("--kind", choices=KINDS, default="all", help="which of the folder's pairs")
    train.add_argument("--share-of-pairs", type=float, nargs="+", default=[1.0])
    train.add_argument("--encoder", default="embedded", help="embedded, a folder, or scratch: ConveRT's size")
    train.add_argument("--known-as", help="the encoder's name in the decoder's folder")
    train.add_argument("--tuned", action="store_true", help="the encoder learns too")
    train.add_argument("--layers", type=int, nargs="*", default=[])
    train.add_argument("--no-aux", action="store_true")
    train.add_argument("--anneal", type=int, default=10_000)
    train.add_argument("--optimizer", default="adadelta", choices=["adadelta", "adamw"])
    train.add_argument("--rate", type=float, default=0.3)
    train.add_argument("--encoder-rate", type=float, help="of a tuned encoder; as --rate by default")
    train.add_argument("--clip", type=float, default=1000.0, help="of the gradient's norm; the paper names none")
    train.add_argument("--average", type=float, help="of the weights, see Settings.average")
    train.add_argument("--batch-size", type=int, default=256)
    train.add_argument("--decay", type=float, default=0.3)
    train.add_argument("--minutes", type=float, help="of training; measuring and reading come on top")
    train.add_argument("--steps", type=int, help="with --minutes too, what is over first")
    train.add_argument("--examples", type=int, default=20_000, help="held-out pairs at most")
    train.add_argument("--decoders", type=Path, default=RUNS / "decoders")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    if arguments.verb == "train" and arguments.minutes is None and arguments.steps is None:
        parser.error("give --minutes or --steps")
    if arguments.verb == "pairs":
        import _convex_pairs

        _cells.compute(arguments.results, "pairs", lambda: _convex_pairs.mined(arguments), again=True)
    else:
        _train(arguments)


def _train(arguments: argparse.Namespace) -> None:
    import _convex_runs

    found: dict[str, Any] = {}
    for share in arguments.share_of_pairs:
        name = arguments.name if len(arguments.share_of_pairs) == 1 else f"{arguments.name}-{share:g}"
        if not arguments.again and name in _cells.read(arguments.results):
            continue
        found = found or _convex_runs.prepared(arguments)
        start = time.perf_counter()
        run = partial(_convex_runs.run, arguments, found, name, share)
        _cells.compute(arguments.results, name, run, again=True)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
