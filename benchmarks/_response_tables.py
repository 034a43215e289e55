"""The tables of response selection and ranking, beside published figures of other protocols."""

from collections.abc import Collection, Mapping
from pathlib import Path

from _markdown import Cell, figure_of, mean_of, percent, read, table, with_machines

_SELECTION = {
    "r100@1": "R100@1",
    "r100@3": "R100@3",
    "r100@1_merged": "R100@1, twins merged",
    "r100@3_merged": "R100@3, twins merged",
    "r100@1_precedents": "R100@1, with precedents",
    "r100@1_precedents_merged": "R100@1, with precedents, twins merged",
    "recall@1": "recall@1 over the pool",
    "mrr": "MRR over the pool",
}
_SELECTED = {"gsim": "GSIM", "dstc2": "DSTC2", "multiwoz": "MultiWOZ 2.1"}
_FITTED = {"embedded-n0-e10": "embedded encoder, without the loss of neighbours, 10 epochs"}
_SELECTION_PUBLISHED = {
    "gsim": {"DSDF, BERT-base": (19.21, 40.02), "DSDF's best": (41.94, 66.47)},
    "dstc2": {"DSDF, BERT-base": (48.33, 63.30), "DSDF's best": (58.12, 71.86)},
    "multiwoz": {"DSDF, BERT-base, all domains": (47.39, 74.46), "DSDF's best, all domains": (64.27, 86.15)},
}
"""R100@1 and R100@3 of DSDF's tables 2, 3 and 5; best is the model after context-response matching."""
_RANKED = {"sample": "sample corpus", "star": "STAR"}
_RANKING = {
    "mrr": "MRR",
    "recall@1": "recall@1",
    "recall@5": "recall@5",
    "shortlist_recall": "in the shortlist",
    "shown": "shown",
    "shown_right": "right of those shown",
    "found": "right ones shown",
}
_OF_ORDER = ("mrr", "recall@1", "recall@5")
_WAYS = {
    "retriever": "dual encoder and precedents",
    "shortlist": "the cross-encoder behind them",
    "whole": "the cross-encoder over the whole pool",
}
_UNFITTED = {
    "cs-bert": "zero-shot, the head of CS-BERT's pre-training",
    "random-head": "zero-shot, a head of random weights",
    "cosine": "zero-shot, cosine of the embedded encoder",
}
_RANKING_PUBLISHED = {
    "item in transit": {"CS-BERT-MSP": (33.10, 12.10, 58.10), "BERT": (10.00, 0.60, 17.20)},
    "item not received": {"CS-BERT-MSP": (35.00, 19.70, 52.90), "BERT": (5.50, 0.00, 1.20)},
    "start of a return": {"CS-BERT-MSP": (49.63, 30.95, 74.04), "BERT": (6.43, 1.31, 5.63)},
}
"""MRR, recall@1 and recall@5 of CS-BERT's table 3, zero-shot."""
ENCODERS = {"embedded": "embedded encoder", "cs-bert": "after CS-BERT's pre-training"}


def selection(results: Path) -> str:
    """R100 with the pessimistic rank, then with twins merged, and over the pool; DSDF's rows beside."""
    cells = read(results / "selection.json")
    rows = []
    for corpus, title in _SELECTED.items():
        encoders = dict.fromkeys(name.split("/")[1] for name in cells if name.startswith(f"{corpus}/"))
        for encoder in encoders:
            found = [cell for name, cell in cells.items() if name.startswith(f"{corpus}/{encoder}/")]
            values = (figure_of(found, key) for key in _SELECTION)
            name = _FITTED.get(encoder, f"{encoder} encoder")
            rows.append([f"{title}: {name}", *values, f"{found[0]['n']:,}", f"{found[0]['pool']:,}"])
        for name, published in _SELECTION_PUBLISHED[corpus].items() if encoders else ():
            rows.append([f"{title}: {name}", *(f"{one:.2f}" for one in published), *[""] * len(_SELECTION)])
    return with_machines(table(["test, %", *_SELECTION.values(), "turns", "responses of the pool"], rows), cells)


def ranking(results: Path) -> str:
    """Fitted and zero-shot over the whole pool, of STAR the two kinds of dialogues; CS-BERT's zero-shot rows below."""
    cells = read(results / "ranking.json")
    rows = []
    for corpus, title in _RANKED.items():
        found = [cell for name, cell in cells.items() if name.startswith(f"fit/{corpus}/")]
        for words, parts in (
            ("fitted", found),
            ("with the cross-encoder", [cell for name, cell in cells.items() if name.startswith(f"cross/{corpus}/")]),
            ("fitted, dialogues that keep to the path", [cell["happy"] for cell in found if "happy" in cell]),
            ("fitted, dialogues that leave it", [cell["unhappy"] for cell in found if "unhappy" in cell]),
        ):
            if parts:
                rows.append(_ranked(f"{title}: {words}", parts))
        for how, words in _UNFITTED.items():
            cell = cells.get(f"zero-shot/{corpus}/{how}")
            if cell is not None:
                rows.append(_ranked(f"{title}: {words}", [cell], _OF_ORDER))
    if not rows:
        return ""
    blank = [""] * (len(_RANKING) - len(_OF_ORDER) + 2)
    rows += [
        [f"CS-BERT's data, {intent}: {name}, zero-shot", *(f"{one:.2f}" for one in published), *blank]
        for intent, models in _RANKING_PUBLISHED.items()
        for name, published in models.items()
    ]
    drawn = table(["test, %", *_RANKING.values(), "turns", "responses of the pool"], rows)
    return with_machines(
        drawn, {name: cells[name] for name in cells if name.startswith(("fit/", "cross/", "zero-shot/"))}
    )


def precedents(results: Path) -> str:
    """Recall@1 and MRR by the weight of the precedents, on dev, which chooses it, and on test."""
    cells = read(results / "ranking.json")
    rows = []
    for corpus, title in _RANKED.items():
        cell = cells.get(f"precedents/{corpus}", {})
        for name, found in cell.items():
            part, _, share = name.partition("/")
            if part in ("dev", "test"):
                chosen = ", chosen" if float(share) == cell["chosen"] else ""
                figures = (percent(found[key]) for key in ("recall@1", "recall@5", "mrr"))
                rows.append([f"{title}, {part}", f"{float(share):g}{chosen}", *figures, f"{found['n']:,}"])
    rows.sort(key=lambda row: row[0])
    return table(["%", "weight of the precedents", "recall@1", "recall@5", "MRR", "turns"], rows)


def ranking_shares(results: Path) -> str:
    """Recall@1 and MRR by the share of the training dialogues."""
    cells = read(results / "ranking.json")
    named = {tuple(name.split("/")[1:4]): name for name in cells if name.startswith("shares/")}
    given = sorted({share for _, _, share in named}, key=float)
    rows = []
    for corpus, title in _RANKED.items():
        for encoder, words in ENCODERS.items():
            points = [
                [cell for name, cell in cells.items() if name.startswith(f"shares/{corpus}/{encoder}/{share}/")]
                for share in given
            ]
            for key, metric in (("recall@1", "recall@1"), ("mrr", "MRR")) if any(points) else ():
                values = (mean_of([100 * cell[key] for cell in found]) for found in points)
                rows.append([f"{title}: {words}", metric, *values])
    return table(["test, %", "metric", *(f"{100 * float(share):g} % of the labels" for share in given)], rows)


def shortlist(results: Path) -> str:
    """The retriever, and the cross-encoder behind it, beside that over the whole pool, on the same dialogues."""
    cells = read(results / "ranking.json")
    rows = []
    for corpus, title in _RANKED.items():
        cell = cells.get(f"shortlist/{corpus}")
        for name, words in _WAYS.items() if cell is not None else ():
            found = cell[name]
            rows.append(
                [
                    f"{title}: {words}",
                    *(percent(found[key]) for key in ("recall@1", "mrr", "shortlist_recall")),
                    percent(cell[f"{name}_lost"]) if f"{name}_lost" in cell else "",
                    f"{cell[f'{name}_times_faster']:.1f}" if f"{name}_times_faster" in cell else "",
                    *(f"{one:,}" for one in (cell["candidates"], cell["pool"], found["n"])),
                ]
            )
    header = ["test, %", "recall@1", "MRR", "among the candidates", "points lost", "times faster"]
    header += ["candidates", "responses of the pool", "turns"]
    return with_machines(table(header, rows), {name: cells[name] for name in cells if name.startswith("shortlist/")})


def ranking_speed(results: Path) -> str:
    """Milliseconds from a dialogue to its best responses, by engine."""
    cells = {name: cell for name, cell in read(results / "ranking.json").items() if name.startswith("speed/")}
    rows = [
        [
            engine,
            *(f"{cell[key]:.1f}" for key in ("retriever_p50_ms", "retriever_p95_ms", "p50_ms", "p95_ms")),
            f"{cell['whole_p50_ms']:,.0f}" if "whole_p50_ms" in cell else "",
            *(f"{cell[key]:.1f}" if key in cell else "" for key in ("times_faster", "retriever_times_faster")),
            *(f"{cell[key]:,}" for key in ("candidates", "pool")),
        ]
        for pool in sorted({cell["pool"] for cell in cells.values()})
        for engine in ("torch", "fp32", "int8")
        for name, cell in cells.items()
        if cell["pool"] == pool and name.split("/")[1] == engine
    ]
    header = ["engine", "retriever p50, ms", "p95, ms", "with a cross-encoder p50, ms", "p95, ms"]
    header += [
        "cross-encoder over the whole pool p50, ms",
        "times faster, behind the retriever",
        "times faster, retriever",
    ]
    header += ["candidates", "responses"]
    return with_machines(table(header, rows), cells)


def _ranked(title: str, found: list[Cell], keys: Collection[str] = tuple(_RANKING)) -> list[str]:
    first: Mapping[str, int] = found[0]
    turns, pool = first.get("in_pool", first["n"]), first.get("pool")
    values = (figure_of(found, key) if key in keys else "" for key in _RANKING)
    return [title, *values, f"{turns:,}", "" if pool is None else f"{pool:,}"]
