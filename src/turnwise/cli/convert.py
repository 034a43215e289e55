"""``turnwise convert``: any corpus to turnwise's own JSONL."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnwise.cli.options import ColumnOption, CorpusArgument, columns
from turnwise.cli.progress import counting
from turnwise.cli.where import WhereOption, selection
from turnwise.dialogue import Dialogue
from turnwise.errors import InputError
from turnwise.pseudonyms import KEY_VARIABLE, Form

if TYPE_CHECKING:
    from turnwise.redaction import Marks


_BY = {"token": "UCI_TOKEN", "numbered": "kind and number", "pseudonym": "pseudonyms"}


def convert(
    corpus: CorpusArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A .jsonl, .jsonl.gz or .jsonl.xz file.", show_default=False)
    ],
    column: ColumnOption = None,
    where: WhereOption = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Replace personal data by UCI_TOKEN, and say how much of each kind.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="With --redact: a fitted model of pii, which finds what the rules do not.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Form,
        typer.Option(
            help="With --redact: UCI_TOKEN for all; [NAME_1], [NAME_2], ... in each dialogue; or a pseudonym, the same "
            "for the same value everywhere."
        ),
    ] = "token",
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"The secret of the pseudonyms, 16 bytes or more; the environment variable {KEY_VARIABLE} otherwise.",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COUNTRY",
            help="With --redact: a country whose national phone numbers are known; US and GB unless given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a corpus as JSONL, one dialogue a line; without @SPLIT, all of its splits.

    Example: turnwise convert chats.jsonl --redact --model models/pii --form numbered -o redacted.jsonl
    """
    from turnwise.corpora.write import write_corpus
    from turnwise.personal_data import REGIONS, check_regions
    from turnwise.pseudonyms import read_key
    from turnwise.redaction import redact as redacted

    if region and not redact:
        raise InputError("--region says which phone numbers are replaced; give --redact with it")
    if not redact and (model is not None or form != "token" or key_file is not None):
        raise InputError("--model, --form and --key-file say how personal data is replaced; give --redact with them")
    if key_file is not None and form != "pseudonym":
        raise InputError("--key-file is the secret of pseudonyms; give --form pseudonym with it")
    regions = tuple(region or REGIONS)
    check_regions(regions)
    key = read_key(key_file) if form == "pseudonym" else None
    chosen = selection(where)
    marks = _marks(model)
    replaced: Counter[str] = Counter()

    def change(dialogues: Iterable[Dialogue]) -> Iterator[Dialogue]:
        if not redact:
            yield from chosen.of(dialogues)
            return
        for dialogue, found in marks(chosen.of(dialogues)):
            done = redacted(dialogue, regions=regions, marks=found, form=form, key=key)
            replaced.update(done.counts)
            yield done.dialogue

    with counting("dialogues") as advance:
        count = write_corpus(corpus, output, columns=columns(column), change=change, progress=advance)
    typer.echo(f"{count} dialogues written to {output}")
    if redact:
        typer.echo(f"{replaced.total()} stretches of personal data replaced by {_BY[form]}")
        for kind, number in sorted(replaced.items(), key=lambda item: (-item[1], item[0])):
            typer.echo(f"  {number:>7,}  {kind}")
        finder = "rule" if model is None else "model"
        typer.echo(f"No {finder} finds everything: read a sample of the result before you pass it on.")


def _marks(folder: Path | None) -> "Callable[[Iterable[Dialogue]], Iterator[tuple[Dialogue, Marks | None]]]":
    """What the model of a folder marks in dialogues; nothing without a folder."""
    if folder is None:
        return lambda dialogues: ((dialogue, None) for dialogue in dialogues)
    from turnwise.tasks.model import load_model
    from turnwise.tasks.pii.marks import marked
    from turnwise.tasks.pii.task import Pii

    model = load_model(folder, (Pii,))
    return lambda dialogues: marked(model, dialogues)
