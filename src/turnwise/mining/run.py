"""Mine raw text for pairs of sentences, stage by stage, each kept on the disk: a run that was cut off goes on."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

import ibis
from ibis import _
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from turnwise.errors import CorpusError, StorageError
from turnwise.files import atomic_file, atomic_folder
from turnwise.mining.keyphrases import NAMES, spelled
from turnwise.mining.query import Mined, mined
from turnwise.mining.settings import MiningSettings
from turnwise.mining.sources import TextColumns, texts

STAGES = ("texts", "sentences", "words", "threshold", "keyphrases", "pairs")
FACTS = "mining.json"
_FREQUENT = 50
Progress = Callable[[str], None]


def engine(folder: Path, *, memory: str = "4GB", threads: int | None = None) -> Backend:
    """DuckDB, which keeps at most ``memory`` and puts the rest under ``folder``."""
    settings: dict[str, Any] = {"memory_limit": memory, "temp_directory": str(folder / "spill")}
    if threads is not None:
        settings["threads"] = threads
    found = ibis.duckdb.connect(**settings)
    found.raw_sql("SET preserve_insertion_order = false")
    found.raw_sql("SET enable_progress_bar = false")
    return found


def mine(
    sources: Sequence[str],
    output: Path,
    settings: MiningSettings | None = None,
    *,
    work: Path,
    columns: TextColumns | None = None,
    memory: str = "4GB",
    threads: int | None = None,
    on_stage: Progress | None = None,
) -> dict[str, Any]:
    """Mine ``sources`` and write the folder ``output``: train.parquet, test.parquet and mining.json, the statistics.

    Stages that lie in ``work`` are not computed again; the folder must be of the same sources and settings, and is
    removed at the end. ``memory`` bounds what the engine keeps, ``on_stage`` is told each stage as it begins.
    Returns the statistics. Raises CorpusError when there is no text or no pair, StorageError when the disk refuses.
    """
    settings, columns = settings or MiningSettings(), columns or TextColumns()
    work.mkdir(parents=True, exist_ok=True)
    run = _Run(engine(work, memory=memory, threads=threads), work, on_stage or (lambda stage: None))
    run.told("texts")
    given = [texts(run.engine, source, columns, work / f"texts-{at}.parquet") for at, source in enumerate(sources)]
    every = reduce(lambda one, other: one.union(other), given)
    try:
        found = mined(every, settings, run.stage)
    except CorpusError as error:
        raise CorpusError(f"{', '.join(sources)}: {error}") from error
    facts = {"sources": list(sources), "settings": asdict(settings), **_statistics(run, every, found)}
    if facts["train_pairs"] == 0:
        raise CorpusError(
            f"{', '.join(sources)}: no two of the {found.sentences} sentences of one group share a keyphrase; give "
            "more text"
        )
    made = found.pairs
    with atomic_folder(output, marks=(FACTS,)) as temporary:
        for side, test in (("train", False), ("test", True)):
            run.write(made.filter(made.test == test).drop("test"), temporary / f"{side}.parquet")
        (temporary / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    run.engine.disconnect()
    shutil.rmtree(work)
    return facts


def examples(output: Path, number: int) -> list[dict[str, Any]]:
    """Some training pairs of a folder that ``mine`` wrote, the same each time."""
    found = ibis.duckdb.connect().read_parquet(output / "train.parquet")
    hashes = (found.template + found.input).hexdigest("md5")
    rows: list[dict[str, Any]] = found.order_by(hashes).limit(number).to_pyarrow().to_pylist()
    return rows


class _Run:
    """An engine, the folder of the stages, and who is told of them."""

    def __init__(self, engine: Backend, work: Path, told: Progress) -> None:
        self.engine = engine
        self.work = work
        self.told = told

    def stage(self, name: str, made: Callable[[], Table]) -> Table:
        """The rows of a stage: those kept, or computed and kept now."""
        self.told(name)
        path = self.work / f"{name}.parquet"
        if not path.is_file():
            with atomic_file(path) as temporary:
                self.write(made(), temporary)
        return self.engine.read_parquet(path)

    def write(self, rows: Table, path: Path) -> None:
        """Raises StorageError when the disk refuses."""
        try:
            self.engine.to_parquet(rows, path)
        except Exception as error:
            if type(error).__name__ not in ("IOException", "OutOfMemoryException"):
                raise
            raise StorageError(
                f"cannot write {path}: {str(error).splitlines()[0]}. Free space, choose another folder with --work, or "
                "give more --memory; what is done is kept, and the same command goes on"
            ) from error

    def count(self, rows: Table) -> int:
        return int(rows.count().to_pyarrow().as_py())


def _statistics(run: _Run, every: Table, found: Mined) -> dict[str, Any]:
    """The rows of ConVEx's Table 2, and what pictures are drawn of."""
    made, phrases = found.pairs, found.phrases
    spread = made.group_by("words").agg(pairs=_.count()).order_by("words").to_pyarrow().to_pylist()
    lengths = phrases.group_by("length").agg(phrases=_.count()).order_by("length").to_pyarrow().to_pylist()
    shared = phrases.group_by(list(NAMES)).agg(times=_.count())
    times = shared.group_by("times").agg(phrases=_.count()).order_by("times").to_pyarrow().to_pylist()
    number = {True: 0, False: 0} | {
        row["test"]: row["pairs"] for row in made.group_by("test").agg(pairs=_.count()).to_pyarrow().to_pylist()
    }
    total = sum(row["phrases"] for row in lengths)
    return {
        "threshold": found.threshold,
        "texts": run.count(every),
        "groups": int(found.found.group.nunique().to_pyarrow().as_py()),
        "sentences": found.sentences,
        "words": run.count(found.counts),
        "keyphrases": total,
        "keyphrases_a_sentence": total / found.sentences,
        "words_a_keyphrase": sum(row["length"] * row["phrases"] for row in lengths) / max(1, total),
        "train_pairs": number[False],
        "test_pairs": number[True],
        "words_of_pairs": spread,
        "words_of_keyphrases": lengths,
        "sentences_of_keyphrases": times,
        "frequent": spelled(shared, found.counts, _FREQUENT).to_pyarrow().to_pylist(),
    }
