"""The tables of further pre-training: throughput, preparation, held-out scores, and what it does for intents."""

import math
from pathlib import Path

from _markdown import mean_of, percent, read, table

_TITLES = {"banking": "BANKING77", "clinc": "CLINC150", "hwu": "HWU64"}


def throughput(results: Path) -> str:
    """Real tokens a second of MLM training; the ratios are those of ours, with all dropout and without attention's."""
    found = read(results / "pretraining.json").items()
    cells = {name.removeprefix("throughput/"): cell for name, cell in found if name.startswith("throughput/")}
    own = [cells.get(name, {}).get("tokens_a_second") for name in ("ours", "ours, no attention dropout")]
    rows = [
        [
            name,
            f"{cell['tokens_a_second']:,.0f}",
            *(f"{rate / cell['tokens_a_second']:.1f}" if rate and "ours" not in name else "" for rate in own),
            percent(cell.get("share_of_limit")),
        ]
        for name, cell in cells.items()
    ]
    header = ["loop", "tokens a second", "times slower than ours", "than ours without attention dropout"]
    drawn = table([*header, "% of the machine's matrix rate"], rows)
    machines = "; ".join(sorted({str(cell["machine"]) for cell in cells.values()}))
    return f"{drawn}\n\n- measured on: {machines}" if drawn else ""


def preparation(results: Path) -> str:
    """Storing and opening dialogues: their number, dialogues a second and memory."""
    rows = [
        [
            f"{cell['dialogues']:,}",
            f"{cell['turns']:,}",
            f"{cell['dialogues_a_second']:,.0f}",
            f"{cell['memory_before_mib']:,.0f}",
            f"{cell['memory_built_mib']:,.0f}",
            f"{cell['memory_drawn_mib']:,.0f}",
        ]
        for name, cell in read(results / "pretraining.json").items()
        if name.startswith("preparation/")
    ]
    rows.sort(key=lambda row: int(row[0].replace(",", "")))
    header = ["dialogues", "turns", "dialogues a second", "MiB before", "MiB, stored", "MiB, batches drawn"]
    return table(header, rows)


_METRICS = {
    "masked_lm": ("perplexity", "accuracy"),
    "response_matching": ("recall@1",),
    "reordering": ("accuracy", "tau"),
}


def intrinsic(results: Path) -> str:
    """Each objective's metrics on held-out dialogues before and after, beside what is reached without learning."""
    rows = []
    for name, cell in read(results / "pretraining.json").items():
        if not name.startswith("intrinsic/"):
            continue
        objective = name.removeprefix("intrinsic/")
        before, after = (_scores(cell[when].get(objective, {})) for when in ("before", "after"))
        floor = cell["baseline"]
        for metric in _METRICS.get(objective, ("accuracy",)):
            counted = metric not in ("perplexity", "tau")
            said = percent if counted else (lambda value: "" if value is None else f"{value:.2f}")
            rows.append(
                [
                    objective,
                    metric + (", %" if counted else ""),
                    *(percent(floor.get(key)) if counted else "" for key in ("chance", "majority", "probe accuracy")),
                    said(before.get(metric)),
                    said(after.get(metric)),
                    f"{cell['steps']:,}",
                ]
            )
    header = ["objective", "metric", "chance", "commonest class", "no words seen", "before", "after", "steps"]
    return table(header, rows)


def _scores(found: dict[str, float]) -> dict[str, float]:
    return found | ({"perplexity": math.exp(found["nats"])} if "nats" in found else {})


def few_shot(results: Path) -> str:
    """Test accuracy of the default recipe from encoders adapted to conversations and from one that was not."""
    cells = read(results / "adaptation.json")
    found: dict[str, dict[str, list[float]]] = {}
    for name, cell in cells.items():
        if name.startswith("few-shot/"):
            _, dataset, shots, encoder, _ = name.split("/")
            found.setdefault(encoder, {}).setdefault(f"{dataset}/{shots}", []).append(100 * cell["accuracy"])
    titles = {
        "none": "not adapted",
        "mlm": "MLM on task-oriented corpora",
        "mix": "MLM, response ranking and matching on them",
        "own": "MLM on the data set's own unlabelled texts",
    }
    columns = [f"{dataset}/{shots}" for dataset in _TITLES for shots in (5, 10)]
    rows = [
        [titles[encoder], *(mean_of(found[encoder].get(column, [])) for column in columns)]
        for encoder in titles
        if encoder in found
    ]
    header = ["encoder", *(f"{_TITLES[c.split('/')[0]]} {c.split('/')[1]}-shot" for c in columns)]
    drawn = table(header, rows)
    facts = [
        f"- {name.removeprefix('adapt/')}: {cell['dialogues']:,} dialogues, {cell['steps']:,} steps, "
        f"{cell['seconds'] / 60:.0f} minutes"
        for name, cell in cells.items()
        if name.startswith("adapt/")
    ]
    return "\n\n".join(part for part in (drawn, "\n".join(facts)) if part) if drawn else ""
