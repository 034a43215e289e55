"""``turnwise intent``: change a fitted detector without training it."""

from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.options import ColumnOption, columns, readable
from turnwise.errors import InputError

intent = typer.Typer(no_args_is_help=True, help="Change a fitted intent detector without training.")
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A fitted model folder; it is changed in place.")]


@intent.command("add")
def add(
    folder: Folder,
    name: Annotated[str | None, typer.Argument(metavar="[INTENT]", help="A known or a new intent.")] = None,
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Its utterances.")] = None,
    corpus: Annotated[str | None, typer.Option("--corpus", "-c", help="Add every labelled utterance of this.")] = None,
    column: ColumnOption = None,
) -> None:
    """Add utterances of known or new intents.

    Example: turnwise intent add models/shop gift_wrap "can you wrap it" "is gift wrapping free"
    """
    from turnwise.corpora import read_corpus
    from turnwise.tasks.intent.examples import Utterance, utterances
    from turnwise.tasks.intent.model import IntentModel

    if (corpus is None) == (name is None):
        raise InputError("give an intent with its texts, or --corpus, and not both")
    if name is not None and not texts:
        raise InputError(f"the intent {name!r} has no text to add")
    if name is not None and not name.strip():
        raise InputError("the intent's name is empty")
    readable([name or "", *(texts or [])])
    model = IntentModel.load(folder)
    before, known = len(model.bank.texts), set(model.labels)
    if corpus is not None:
        model.add(utterances(read_corpus(corpus, columns=columns(column))))
    else:
        assert name is not None and texts is not None
        model.add([Utterance(text, (name,), "added") for text in texts])
    model.save(folder)
    fresh = sorted(set(model.labels) - known)
    typer.echo(
        f"{len(model.bank.texts) - before} utterances added"
        + (f", new intents: {', '.join(fresh)}" if fresh else "")
        + f"; {len(model.labels)} intents, model {model.version}"
    )


@intent.command("remove")
def remove(
    folder: Folder,
    name: Annotated[str | None, typer.Argument(metavar="[INTENT]", help="The intent to take out.")] = None,
    text: Annotated[str | None, typer.Option(help="Only the utterance with this text.")] = None,
) -> None:
    """Remove an intent, or single utterances.

    Example: turnwise intent remove models/shop gift_wrap
    """
    from turnwise.tasks.intent.model import IntentModel

    model = IntentModel.load(folder)
    count = model.remove(intent=name, text=text)
    model.save(folder)
    typer.echo(f"{count} utterances removed; {len(model.labels)} intents, model {model.version}")


@intent.command("reject")
def reject(
    folder: Folder,
    in_scope_recall: Annotated[float | None, typer.Option(help="Keep this share of in-scope utterances.")] = None,
    oos_recall: Annotated[float | None, typer.Option(help="Reject this share of out-of-scope utterances.")] = None,
    oos_precision: Annotated[float | None, typer.Option(help="Of the rejected, this share out of scope.")] = None,
    never: Annotated[bool, typer.Option("--never", help="Always answer with an intent.")] = False,
) -> None:
    """Choose when a text counts as out of scope; without a target, show the trade-offs.

    Example: turnwise intent reject models/shop --in-scope-recall 0.97
    """
    from rich.console import Console
    from rich.table import Table

    from turnwise.tasks.intent.calibration import Target
    from turnwise.tasks.intent.model import IntentModel

    model = IntentModel.load(folder)
    given: list[tuple[Target, float]] = []
    if in_scope_recall is not None:
        given.append(("in_scope_recall", in_scope_recall))
    if oos_recall is not None:
        given.append(("oos_recall", oos_recall))
    if oos_precision is not None:
        given.append(("oos_precision", oos_precision))
    if len(given) + never > 1:
        raise InputError("give one target, or --never")
    if never:
        model.reject(None)
        model.save(folder)
        typer.echo(f"nothing is rejected from now on; model {model.version}")
        return
    if given:
        threshold = model.reject(*given[0])
        model.save(folder)
        typer.echo(f"texts scoring below {threshold:.4f} are out of scope from now on; model {model.version}")
    points = model.operating_points()
    if not points:
        raise InputError("the model has no held-out scores: fit it with --dev or --calibrate")
    table = Table(*points[0], title="on held-out utterances" + (", the one in force first" if given else ""))
    for point in points:
        table.add_row(*(f"{value:.3f}" for value in point.values()))
    Console().print(table)
