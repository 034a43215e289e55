"""Response ranking on STAR and the sample corpus: fitted, zero-shot, with a cross-encoder, and its speed.

    python benchmarks/ranking.py --cells fit --corpora sample --seeds 0
    python benchmarks/ranking.py --cells adapt zero-shot          # CS-BERT's pre-training, then its head, no fitting
    python benchmarks/ranking.py --cells shares                   # 5, 10, 20, 50 and 100 % of the annotated turns
    python benchmarks/ranking.py --cells precedents               # how much they give, of the models that were fitted
    python benchmarks/ranking.py --cells cross shortlist speed    # with the cross-encoder, and what its shortlist loses
    python benchmarks/ranking.py --draw                           # the curves again, and nothing else

The wizards of STAR sent a template in most turns: these are the annotated turns, and the most frequent text of each
template is the pool; what they typed freely are the others. STAR comes without parts: 80, 10 and 10 % of its complete
dialogues are drawn with seed 0 for train, dev and test; figures of happy and unhappy dialogues stand beside all.
The pool of the sample corpus is its approved pool. ``fit`` is the default, the dual encoder with precedents; ``cross``
has the cross-encoder too; ``shortlist`` and ``speed`` put both beside the cross-encoder over the whole pool. Zero-shot:
``cs-bert`` with the head of next-turn prediction, after pre-training on the training dialogues without labels;
``embedded`` with a head of random weights, as CS-BERT does for encoders without one, and by the cosine of its vectors.
Whole pools are scored there, for ``--limit`` dialogues.
Results: results/ranking.json, and a drawing of recall@1 and MRR by share, results/ranking.html.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import _cells
import _data
import _shares
from _response_tables import ENCODERS
from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.layout import Layout
from turnwise.pretraining import pretrain, pretraining_recipe
from turnwise.runtime import Bounds
from turnwise.tasks.contexts import agent_turns
from turnwise.tasks.dual import DualEncoder
from turnwise.tasks.pool import Pool, dialogue_pool, read_pool
from turnwise.tasks.ranking.engine import export_responses, load_responses
from turnwise.tasks.ranking.fit import RankingFitting, fit_ranking
from turnwise.tasks.ranking.model import RankingModel, load_ranking, zero_shot
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.response_recipes import ranking_recipe
from turnwise.tasks.retriever import SHARES as SHARES_OF_PRECEDENTS
from turnwise.tasks.retriever import Precedents, Retriever
from turnwise.tasks.selection import Selection, SelectionModel

CELLS = ("fit", "precedents", "adapt", "zero-shot", "shares", "cross", "shortlist", "speed")
CORPORA = ("sample", "star")
LAYERS = {"sample": "response", "star": "acts"}
SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)
RUNS = Path("runs")
POOLS = (1_000, 10_000)
"""Responses of the pools that speed is measured with; the first is scored whole too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=CELLS)
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA), choices=CORPORA)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, help="stop each training after so many steps")
    parser.add_argument("--pretraining-steps", type=int, default=2000)
    parser.add_argument("--dialogues", type=int, help="take so many training dialogues")
    parser.add_argument("--limit", type=int, default=60, help="test dialogues whose whole pool is scored")
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "ranking.json")
    parser.add_argument("--draw", action="store_true", help="only draw the curves again")
    given = parser.parse_args()
    if given.draw:
        draw(given.output)
        return

    def cell(name: str, run: Any) -> None:
        _cells.compute(given.output, name, run)

    for corpus in given.corpora:
        if "adapt" in given.cells:
            cell(f"adapt/{corpus}", lambda c=corpus: adapt(c, given.pretraining_steps, given.dialogues))
        if "zero-shot" in given.cells:
            for how in ("cosine", "random-head", "cs-bert"):
                cell(f"zero-shot/{corpus}/{how}", lambda c=corpus, h=how: unfitted(c, h, given.limit))
        for seed in given.seeds:
            if "fit" in given.cells:
                cell(f"fit/{corpus}/{seed}", lambda c=corpus, s=seed: fitted(c, s, given.steps, given.dialogues, False))
            if "cross" in given.cells:
                cell(
                    f"cross/{corpus}/{seed}", lambda c=corpus, s=seed: fitted(c, s, given.steps, given.dialogues, True)
                )
            if "shares" in given.cells:
                for encoder in ("embedded", f"{RUNS}/ranking-{corpus}"):
                    for share in SHARES:
                        name = "embedded" if encoder == "embedded" else "cs-bert"
                        cell(
                            f"shares/{corpus}/{name}/{share}/{seed}",
                            lambda c=corpus, e=encoder, p=share, s=seed: shared(c, e, p, s, given.steps),
                        )
        if "precedents" in given.cells:
            cell(f"precedents/{corpus}", lambda c=corpus: by_share(c))
        if "shortlist" in given.cells:
            cell(f"shortlist/{corpus}", lambda c=corpus: against_whole(c, given.limit))
    if "speed" in given.cells:
        for size in POOLS:
            for engine in ("torch", "fp32", "int8"):
                cell(f"speed/{engine}/{size}", lambda e=engine, n=size: speed(e, n))
    draw(given.output)


def parts(corpus: str) -> dict[str, list[Dialogue]]:
    """train, dev and test."""
    if corpus == "sample":
        return {name: list(read_corpus(f"sample@{name}")) for name in ("train", "dev", "test")}
    found = list(read_corpus(f"star:{_data.data_folder() / 'star'}@complete"))
    order = np.random.default_rng(0).permutation(len(found)).tolist()
    ends = (0, round(0.8 * len(found)), round(0.9 * len(found)), len(found))
    return {
        name: [found[row] for row in order[start:end]]
        for name, start, end in zip(("train", "dev", "test"), ends, ends[1:], strict=False)
    }


def pool_of(corpus: str, train: list[Dialogue]) -> Pool:
    """The approved pool of the sample, or the templates that training dialogues show."""
    return read_pool("sample") if corpus == "sample" else dialogue_pool(train, LAYERS[corpus])


def recipe(corpus: str, seed: int, steps: int | None, cross: bool = False) -> RankingFitting:
    """The shipped recipe, for the labels of the corpus, with or without the cross-encoder."""
    training: dict[str, Any] = {"seed": seed} | ({} if steps is None else {"steps": steps})
    overrides = {
        "parameters": {"gold_layer": LAYERS[corpus], "cross": cross},
        "training": training,
        "shortlist": training,
    }
    return ranking_recipe(overrides=overrides)


def figures(model: Any, corpus: str, test: list[Dialogue]) -> dict[str, Any]:
    """All test dialogues, and of STAR the happy and the unhappy ones by themselves."""
    found = _cells.kept(model.evaluate(test))
    if corpus == "star":
        for name, happy in (("happy", True), ("unhappy", False)):
            some = [dialogue for dialogue in test if dialogue.labels.get("happy") is happy]
            own = model.evaluate(some, draws=0)
            found[name] = {key: own[key] for key in ("n", "mrr", "recall@1", "recall@5") if key in own}
    return found


def fitted(corpus: str, seed: int, steps: int | None, dialogues: int | None, cross: bool) -> dict[str, Any]:
    """Fit, keep the model in runs/, measure on test."""
    data = parts(corpus)
    start = time.perf_counter()
    train, pool = data["train"][:dialogues], pool_of(corpus, data["train"])
    model = fit_ranking(train, Encoder.load(), recipe(corpus, seed, steps, cross), pool=pool, dev=data["dev"])
    seconds = time.perf_counter() - start
    if seed == 0:
        model.save(RUNS / f"ranking-{corpus}-{'cross' if cross else 'fitted'}")
    kept = {key: model.facts[key] for key in ("dialogues", "annotated", "typed", "epochs", "steps", "shortlist")}
    return {
        **figures(model, corpus, data["test"]),
        "fitted": kept,
        "weight": model.weight,
        "precedents": model.retriever.share,
        "seconds": seconds,
    }


def by_share(corpus: str) -> dict[str, Any]:
    """The fitted model with each weight of the precedents, on dev, where it is chosen, and on test."""
    model = load_ranking(RUNS / f"ranking-{corpus}-fitted")
    assert model.retriever is not None
    data, found = parts(corpus), {"chosen": model.retriever.share}
    for share in SHARES_OF_PRECEDENTS:
        model.retriever.share = share
        for part in ("dev", "test"):
            own = model.evaluate(data[part], draws=0)
            found[f"{part}/{share}"] = {key: own[key] for key in ("n", "mrr", "recall@1", "recall@5")}
    return found


def adapt(corpus: str, steps: int, dialogues: int | None) -> dict[str, Any]:
    """CS-BERT's pre-training on the training dialogues, whose labels are not read; kept in runs/."""
    start = time.perf_counter()
    chosen = pretraining_recipe("cs-bert", {"training": {"steps": steps}})
    adapted = pretrain(parts(corpus)["train"][:dialogues], Encoder.load(), chosen)
    adapted.save(RUNS / f"ranking-{corpus}")
    return {"seconds": time.perf_counter() - start, "steps": steps}


def unfitted(corpus: str, how: str, limit: int) -> dict[str, Any]:
    """No fitting: the head of pre-training, a random head, or the cosine of the encoder's vectors."""
    data = parts(corpus)
    pool, test = pool_of(corpus, data["train"]), data["test"][:limit]
    task, tokens = Ranking(gold_layer=LAYERS[corpus]), ranking_recipe().input.max_tokens
    if how == "cs-bert":
        return figures(zero_shot(Encoder.load(RUNS / f"ranking-{corpus}", max_tokens=tokens), pool, task), corpus, test)
    encoder = Encoder.load(max_tokens=tokens)
    encoder.use_layout(Layout("cs-bert"))
    if how == "cosine":
        return figures(SelectionModel(Selection(gold_layer=LAYERS[corpus]), encoder, pool), corpus, test)
    torch.manual_seed(0)
    return figures(RankingModel(task, encoder, task.head(encoder, ()), pool), corpus, test)


def shared(corpus: str, encoder: str, share: float, seed: int, steps: int | None) -> dict[str, Any]:
    """Fitted to a seeded share of the training dialogues."""
    data = parts(corpus)
    order = np.random.default_rng([seed, 3]).permutation(len(data["train"]))
    some = [data["train"][row] for row in order[: max(2, round(share * len(order)))].tolist()]
    # the pool is the desk's whatever the share that is annotated
    pool = pool_of(corpus, data["train"])
    model = fit_ranking(some, Encoder.load(encoder), recipe(corpus, seed, steps), pool=pool, dev=data["dev"])
    found = model.evaluate(data["test"])
    return {**_cells.kept(found), "dialogues": len(some)}


def against_whole(corpus: str, limit: int) -> dict[str, Any]:
    """The retriever alone, the cross-encoder behind it, and alone over the whole pool: quality, and seconds."""
    model = load_ranking(RUNS / f"ranking-{corpus}-cross")
    test = parts(corpus)["test"][:limit]
    found: dict[str, Any] = {"pool": len(model.pool), "candidates": model.task.top_k, "chosen_weight": model.weight}
    chosen = model.weight or 1.0
    retriever = model.retriever
    for name, whole, weight in (("retriever", False, 0.0), ("shortlist", False, chosen), ("whole", True, 1.0)):
        model.whole, model.weight, model.retriever = whole, weight, None if whole else retriever
        start = time.perf_counter()
        own = model.evaluate(test, draws=0)
        found[f"{name}_seconds"] = time.perf_counter() - start
        found[name] = {key: own[key] for key in ("n", "mrr", "recall@1", "recall@5", "shortlist_recall")}
    for name in ("retriever", "shortlist"):
        found[f"{name}_times_faster"] = found["whole_seconds"] / found[f"{name}_seconds"]
        found[f"{name}_lost"] = found["whole"]["recall@1"] - found[name]["recall@1"]
    return found


def speed(engine: str, size: int, turns: int = 60) -> dict[str, Any]:
    """Milliseconds from a dialogue to five responses of a pool of ``size``; weights do not matter for it.

    By the retriever with as many precedents as it keeps, then with a cross-encoder behind it.

    The dialogues are the sample's test dialogues, each up to one of its agents' turns; the texts of the pool are
    agents' texts of STAR.
    """
    torch.manual_seed(0)
    pool = dialogue_pool(read_corpus(f"star:{_data.data_folder() / 'star'}@complete"), "none")
    pool = Pool.of(pool.responses[:size], source="STAR")
    fitting = ranking_recipe()
    task, encoder = replace(fitting.task, cross=True), Encoder.load(max_tokens=fitting.input.max_tokens)
    encoder.use_layout(Layout("cs-bert"))
    retriever = Retriever.of(DualEncoder(encoder), pool, fitting.selection.scale)
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((fitting.selection.precedents, encoder.dim)).astype(np.float32)
    unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    retriever.precedents, retriever.share = Precedents(unit, rng.integers(len(pool), size=len(unit))), 0.5
    fresh = RankingModel(task, encoder, task.head(encoder, ()), pool, retriever=retriever)
    asked = [
        replace(dialogue, turns=dialogue.turns[:at])
        for dialogue in read_corpus("sample@test")
        for at in agent_turns(dialogue)
    ]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        fresh.save(place)
        if engine != "torch":
            export_responses(place, engine, check=asked[:20], bounds=Bounds(2.0, 1.0, 1.0))
        model = load_responses(place, engine)
        assert isinstance(model, RankingModel)
        chosen = asked[:: max(1, len(asked) // turns)][:turns]
        quick = [_seconds(model, dialogue) for dialogue in chosen][5:]
        found = {
            "pool": len(pool),
            "candidates": task.top_k,
            "precedents": len(unit),
            "p50_ms": 1000 * float(np.median(quick)),
            "p95_ms": 1000 * float(np.quantile(quick, 0.95)),
        }
        model.weight = 0.0
        alone = [_seconds(model, dialogue) for dialogue in chosen][5:]
        found["retriever_p50_ms"] = 1000 * float(np.median(alone))
        found["retriever_p95_ms"] = 1000 * float(np.quantile(alone, 0.95))
        model.weight = 1.0
        if size > POOLS[0]:
            return found
        model.whole = True
        whole = [_seconds(model, dialogue) for dialogue in chosen[:3]]
    return found | {
        "whole_p50_ms": 1000 * float(np.median(whole)),
        "times_faster": float(np.median(whole) / np.median(quick)),
        "retriever_times_faster": float(np.median(whole) / np.median(alone)),
    }


def draw(path: Path) -> None:
    """Recall@1 and MRR by the share of the training dialogues: a chart a corpus, a curve an encoder."""
    curves: dict[str, dict[str, dict[float, list[_shares.Cell]]]] = {}
    for name, cell in _cells.read(path).items():
        if name.startswith("shares/"):
            _, corpus, encoder, share, _ = name.split("/")
            curves.setdefault(corpus, {}).setdefault(encoder, {}).setdefault(100 * float(share), []).append(cell)
    charts = []
    for corpus, encoders in sorted(curves.items()):
        for key, title in (("recall@1", "Recall@1 (%)"), ("mrr", "Mean reciprocal rank (%)")):
            lines = {
                ENCODERS.get(encoder, encoder): _shares.line(
                    cells, lambda c, k=key: c[k], lambda c: f"{c['dialogues']:,} dialogues"
                )
                for encoder, cells in sorted(encoders.items(), reverse=True)
            }
            charts.append(_shares.chart(f"Ranking, {corpus}", title, lines))
    _shares.write(path, charts)


def _seconds(model: RankingModel, dialogue: Dialogue) -> float:
    start = time.perf_counter()
    model.rank(dialogue, 5)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
