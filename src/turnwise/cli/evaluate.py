"""``turnwise evaluate``: how good a fitted model is on labelled data."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnwise.cli.options import CORPUS_HELP, ColumnOption, columns
from turnwise.cli.progress import counting

if TYPE_CHECKING:
    from turnwise.tasks.fitted import Fitted

_HEADLINE = (
    "accuracy",
    "macro_f1",
    "mean_f1",
    "ece",
    "micro_f1",
    "exact_match",
    "in_scope_accuracy",
    "in_out_accuracy",
    "oos_recall",
    "oos_precision",
    "average_precision",
    "auroc",
    "precision",
    "recall",
    "f1",
    "word_precision",
    "word_recall",
    "word_f1",
    "covered",
    "base_rate",
    "kappa",
    "majority",
    "joint_accuracy",
    "slot_accuracy",
    "filled_accuracy",
    "ceiling",
    "r100@1",
    "r100@3",
    "r100@1_merged",
    "r100@3_merged",
    "r100@1_precedents",
    "r100@1_precedents_merged",
    "mrr",
    "recall@1",
    "recall@3",
    "recall@5",
    "shortlist_recall",
    "shown",
    "shown_right",
    "found",
)


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A fitted model folder.")],
    corpus: Annotated[str, typer.Option("--corpus", "-c", help=f"{CORPUS_HELP} The split is test by default.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file; - prints.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report to this file.")] = None,
    engine: Annotated[str, typer.Option(help="torch, or an export of the folder: fp32, int8.")] = "torch",
    column: ColumnOption = None,
) -> None:
    """Measure a fitted model on a labelled corpus.

    Example: turnwise evaluate models/shop --corpus sample@test --report report.html
    """
    from turnwise.corpora import read_corpus

    other = _other_task(folder, engine)
    if other is not None:
        given = list(read_corpus(corpus, default_split="test", columns=columns(column)))
        tasks = len(other.labels) if other.task.name == "desk" else 1
        with counting("dialogues" if tasks == 1 else "dialogues of each task", tasks * len(given)) as advance:
            figures = other.evaluate(given, progress=advance)
        _tell(figures, f"{folder} on {corpus}", json_file)
        if report is not None:
            from turnwise.cli.task_report import write_report as draw

            draw(report, other, given, figures, title=f"{folder.name} on {corpus}", corpus=corpus)
            typer.echo(f"report written to {report}", err=True)
        return
    from turnwise.tasks.intent.engine import load_with
    from turnwise.tasks.intent.evaluation import evaluate as measure
    from turnwise.tasks.intent.evaluation import report as write_report
    from turnwise.tasks.intent.examples import utterances

    model = load_with(folder, engine)
    found = utterances(read_corpus(corpus, default_split="test", columns=columns(column)))
    with counting("utterances", len(found)) as advance:
        evaluation = measure(model, found, progress=advance)
    _tell(evaluation.metrics, f"{folder} on {corpus}", json_file)
    if report is not None:
        with counting("spaces", None) as advance:
            write_report(report, model, evaluation, title=f"{folder.name} on {corpus}", corpus=corpus, progress=advance)
        typer.echo(f"report written to {report}", err=True)


def _other_task(folder: Path, engine: str) -> "Fitted | None":
    """The model of a folder that is none of intents."""
    from turnwise.cli.desk import desk_of
    from turnwise.cli.responses import choosing
    from turnwise.cli.tasks import fitted
    from turnwise.errors import InputError

    found: Fitted | None = desk_of(folder)
    if found is None:
        found = choosing(folder, engine)
    if found is None:
        found = fitted(folder)
        if found is not None and engine != "torch":
            raise InputError(f"{folder} is a model of {found.task.name}; --engine is for intents")
    return found


def _tell(metrics: dict[str, Any], title: str, json_file: Path | None) -> None:
    """The figures as a table, or as JSON on standard output or in a file."""
    from turnwise.cli.desk import tell_desk
    from turnwise.tasks.intent.evaluation import write_json

    if json_file == Path("-"):
        typer.echo(json.dumps(metrics, indent=1, ensure_ascii=False))
    else:
        (tell_desk if "members" in metrics else show)(metrics, title)
    if json_file is not None and json_file != Path("-"):
        write_json(json_file, metrics)
        typer.echo(f"figures written to {json_file}", err=True)


def show(metrics: dict[str, object], title: str) -> None:
    """Print the headline figures with their intervals, and a note on labels that the model does not know."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    intervals = metrics["intervals"]
    assert isinstance(intervals, dict)
    table = Table(
        "metric", "value", "95 % interval", title=escape(f"{title}, n = {metrics['n']}"), title_justify="left"
    )
    for name in _HEADLINE:
        if name in metrics:
            low, high = intervals.get(name, (None, None))
            between = f"{low:.4f} to {high:.4f}" if low is not None else ""
            table.add_row(name, f"{metrics[name]:.4f}", between)
    Console().print(table)
    unknown = metrics.get("unknown_labels")
    if isinstance(unknown, list) and unknown:
        shown = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        typer.echo(
            f"note: {len(unknown)} labels of the corpus are unknown to the model and always count as wrong: {shown}"
        )
